//! A grey image of amplitudes.

use crate::types::mask::Mask;
use crate::{Error, Result};

/// A grey image: `pixels[y * width + x]` is the amplitude in `[0, 1]`, row by row.
///
/// ```
/// use tgs_salt::types::Image;
/// let image = Image::new(1, 2, vec![0.0, 0.5])?;
/// assert_eq!(image.pixels[1], 0.5);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Image {
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// Amplitudes in `[0, 1]`, row by row: `height * width` of them.
    pub pixels: Vec<f32>,
}

impl Image {
    /// An image of `height * width` pixels, row by row.
    ///
    /// # Errors
    /// [`Error::Shape`] when the number of pixels is not `height * width`, is 0, or is beyond u32.
    pub fn new(height: usize, width: usize, pixels: Vec<f32>) -> Result<Image> {
        check_size("Image::new", height, width, pixels.len())?;
        Ok(Image { height, width, pixels })
    }

    /// The mask of the pixels strictly above `threshold`: the one rule by which probabilities become masks.
    ///
    /// ```
    /// use tgs_salt::types::Image;
    /// let mask = Image::new(1, 3, vec![0.4, 0.5, 0.6])?.threshold(0.5)?;
    /// assert_eq!(mask.pixels(), [0, 0, 1]);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] when the public fields no longer agree in size.
    pub fn threshold(&self, threshold: f64) -> Result<Mask> {
        let salt = self.pixels.iter().map(|&p| u8::from(f64::from(p) > threshold)).collect();
        Mask::new(self.height, self.width, salt)
    }
}

/// The one check of a pixel count, for images and masks. Run-length encodings count pixels in u32.
pub(crate) fn check_size(what: &str, height: usize, width: usize, pixels: usize) -> Result<()> {
    if pixels > 0 && height.checked_mul(width) == Some(pixels) && u32::try_from(pixels).is_ok() {
        return Ok(());
    }
    Err(Error::Shape {
        what: what.into(),
        expected: format!("{height}×{width} pixels, from 1 to {}", u32::MAX),
        got: format!("{pixels}"),
        hint: "give one value per pixel, row by row".into(),
    })
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let mean = self.pixels.iter().sum::<f32>() / self.pixels.len().max(1) as f32;
        write!(f, "Image {}×{}, mean {mean:.3}", self.height, self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_to_agree() {
        assert!(Image::new(2, 3, vec![0.0; 6]).is_ok());
        for (height, width, pixels) in [(2, 3, 5), (0, 0, 0), (usize::MAX, 2, 6), (0, 5, 0)] {
            let error = Image::new(height, width, vec![0.0; pixels]).unwrap_err();
            assert!(matches!(error, Error::Shape { .. }), "{error}");
        }
    }

    #[test]
    fn a_pixel_at_the_threshold_or_not_a_number_is_not_salt() {
        let image = Image::new(1, 4, vec![0.5, f32::NAN, 0.500_001, 1.0]).unwrap();
        assert_eq!(image.threshold(0.5).unwrap().pixels(), [0, 0, 1, 1]);
        let broken = Image { height: 2, ..image };
        assert!(matches!(broken.threshold(0.5), Err(Error::Shape { .. })));
    }
}
