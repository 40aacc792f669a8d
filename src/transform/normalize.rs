//! From amplitudes in `[0, 1]` to what a network wants to see.

use serde::{Deserialize, Serialize};

/// `(x − mean) / std` on every pixel.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `mean` | 0.5 | the grey of no reflection | any |
/// | `std` | 0.25 | amplitude that becomes 1 | > 0 |
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalize {
    /// Subtracted from each pixel.
    pub mean: f32,
    /// What each pixel is then divided by.
    pub std: f32,
}

impl Default for Normalize {
    fn default() -> Self {
        Normalize { mean: 0.5, std: 0.25 }
    }
}

impl Normalize {
    /// One pixel, normalised.
    pub fn apply(&self, amplitude: f32) -> f32 {
        (amplitude - self.mean) / self.std
    }
}
