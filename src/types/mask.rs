//! A binary mask: where the salt is.

use crate::types::image::check_size;
use crate::types::rle::Rle;
use crate::{Error, Result};

/// A binary mask: `pixels()[y * width + x]` is 1 where the salt is, else 0.
#[derive(Clone, PartialEq, Eq)]
pub struct Mask {
    height: usize,
    width: usize,
    pixels: Vec<u8>,
}

impl Mask {
    /// A mask of `height * width` pixels, 0 or 1, row by row.
    ///
    /// ```
    /// use tgs_salt::types::Mask;
    /// let mask = Mask::new(2, 2, vec![0, 1, 0, 1])?;
    /// assert_eq!(mask.coverage(), 0.5);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] when the number of pixels is not `height * width`, is 0, or is beyond u32; [`Error::Image`]
    /// when a pixel is neither 0 nor 1.
    pub fn new(height: usize, width: usize, pixels: Vec<u8>) -> Result<Mask> {
        check_size("Mask::new", height, width, pixels.len())?;
        // A search that stops early is not vectorised; the maximum is.
        if pixels.iter().fold(0, |max, &p| max.max(p)) > 1 {
            let at = pixels.iter().position(|&p| p > 1).unwrap_or(0);
            let why =
                format!("expected 0 or 1, got {} at row {}, column {}", pixels[at], at / width, at % width);
            return Err(Error::Image { id: "Mask::new".into(), why });
        }
        Ok(Mask { height, width, pixels })
    }

    /// A mask of the same size: salt where `salt` is true, which gets a pixel's number, `y * width + x`.
    pub(crate) fn with(&self, salt: impl FnMut(usize) -> bool) -> Mask {
        Mask { pixels: (0..self.pixels.len()).map(salt).map(u8::from).collect(), ..*self }
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The pixels, 0 or 1, row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// How many pixels are salt.
    pub fn area(&self) -> usize {
        // At most 255 ones fit a byte, and sums of bytes are vectorised.
        self.pixels.chunks(255).map(|c| usize::from(c.iter().fold(0u8, |sum, &p| sum.wrapping_add(p)))).sum()
    }

    /// The share of salt pixels, in `[0, 1]`.
    pub fn coverage(&self) -> f64 {
        self.area() as f64 / self.pixels.len() as f64
    }

    /// True when no pixel is salt.
    pub fn is_empty(&self) -> bool {
        self.pixels.chunks(255).all(|c| c.iter().fold(0, |any, &p| any | p) == 0)
    }

    /// The mask as the competition spells it: runs down a column and then right, counted from 1.
    ///
    /// ```
    /// use tgs_salt::types::Mask;
    /// let mask = Mask::new(2, 3, vec![0, 1, 0, 1, 1, 0])?;
    /// assert_eq!(mask.to_rle().to_string(), "2 3");
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    pub fn to_rle(&self) -> Rle {
        Rle::of(self)
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Mask {}×{}, {:.1} % salt", self.height, self.width, 100.0 * self.coverage())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_that_is_neither_0_nor_1_is_named() {
        let line = Mask::new(2, 3, vec![0, 1, 0, 0, 9, 1]).unwrap_err().to_string();
        assert!(line.contains("got 9 at row 1, column 1"), "{line}");
        assert!(matches!(Mask::new(2, 3, vec![0; 7]), Err(Error::Shape { .. })));
    }

    #[test]
    fn area_counts_over_many_chunks() {
        let full = Mask::new(101, 101, vec![1; 10_201]).unwrap();
        assert_eq!((full.area(), full.coverage(), full.is_empty()), (10_201, 1.0, false));
        let mut pixels = vec![0; 10_201];
        assert!(Mask::new(101, 101, pixels.clone()).unwrap().is_empty());
        pixels[10_200] = 1;
        let last = Mask::new(101, 101, pixels).unwrap();
        assert_eq!((last.area(), last.is_empty()), (1, false));
    }
}
