//! A grey image of amplitudes.

use crate::{Error, Result};

/// A grey image: `pixels[y * width + x]` is the amplitude in `[0, 1]`, row by row.
#[derive(Clone, PartialEq)]
pub struct Image {
    pub height: usize,
    pub width: usize,
    pub pixels: Vec<f32>,
}

impl Image {
    /// An image of `height * width` pixels, row by row.
    ///
    /// # Errors
    /// [`Error::Shape`] when the number of pixels is not `height * width`, or one of them is 0.
    pub fn new(height: usize, width: usize, pixels: Vec<f32>) -> Result<Image> {
        check_size("Image::new", height, width, pixels.len())?;
        Ok(Image { height, width, pixels })
    }
}

/// The one check of a pixel count, for images and masks.
pub(crate) fn check_size(what: &str, height: usize, width: usize, pixels: usize) -> Result<()> {
    if pixels > 0 && height.checked_mul(width) == Some(pixels) {
        return Ok(());
    }
    Err(Error::Shape {
        what: what.into(),
        expected: format!("{height}×{width} pixels, at least one"),
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
