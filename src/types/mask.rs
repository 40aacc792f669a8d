//! A binary mask: where the salt is.

use crate::types::image::check_size;
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
    /// use tgs_salt::prelude::*;
    /// let mask = Mask::new(2, 2, vec![0, 1, 0, 1])?;
    /// assert_eq!(mask.coverage(), 0.5);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] when the number of pixels is not `height * width` or is 0; [`Error::Image`] when a pixel is
    /// neither 0 nor 1.
    pub fn new(height: usize, width: usize, pixels: Vec<u8>) -> Result<Mask> {
        check_size("Mask::new", height, width, pixels.len())?;
        if let Some(at) = pixels.iter().position(|&p| p > 1) {
            let why =
                format!("expected 0 or 1, got {} at row {}, column {}", pixels[at], at / width, at % width);
            return Err(Error::Image { id: "Mask::new".into(), why });
        }
        Ok(Mask { height, width, pixels })
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
        self.pixels.iter().map(|&p| p as usize).sum()
    }

    /// The share of salt pixels, in `[0, 1]`.
    pub fn coverage(&self) -> f64 {
        self.area() as f64 / self.pixels.len() as f64
    }

    /// True when no pixel is salt.
    pub fn is_empty(&self) -> bool {
        self.pixels.iter().all(|&p| p == 0)
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Mask {}×{}, {:.1} % salt", self.height, self.width, 100.0 * self.coverage())
    }
}
