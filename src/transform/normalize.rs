//! From amplitudes in `[0, 1]` to what a network wants to see.

use serde::{Deserialize, Serialize};

/// `(x − mean) / std` on every pixel, with a mean and a deviation for each of three channels.
///
/// A grey image is repeated for a network of three channels, each normalised by its own; for a network of one channel it is
/// normalised by the averages of the three.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `mean` | 0.5 | subtracted; 0.5 is the grey of no reflection | any |
/// | `std` | 0.25 | amplitude that becomes 1 | > 0 |
///
/// ```
/// use tgs_salt::prelude::*;
/// assert_eq!(Normalize::default().apply(0.75, 0, 1), 1.0);
/// assert_ne!(Normalize::IMAGENET.apply(0.5, 0, 3), Normalize::IMAGENET.apply(0.5, 2, 3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalize {
    /// Subtracted from each pixel, per channel.
    pub mean: [f32; 3],
    /// What each pixel is then divided by, per channel.
    pub std: [f32; 3],
}

impl Default for Normalize {
    fn default() -> Self {
        Normalize::grey(0.5, 0.25)
    }
}

impl Normalize {
    /// What ImageNet's encoders of torchvision were trained with.
    pub const IMAGENET: Normalize = Normalize { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

    /// The same for all channels.
    pub const fn grey(mean: f32, std: f32) -> Normalize {
        Normalize { mean: [mean; 3], std: [std; 3] }
    }

    /// One pixel of channel `channel` out of `channels`, normalised.
    pub fn apply(&self, amplitude: f32, channel: usize, channels: usize) -> f32 {
        let [mean, std] = self.of_channel(channel, channels);
        (amplitude - mean) / std
    }

    /// The amplitude that [`Normalize::apply`] makes `value` of, for the eye.
    pub fn invert(&self, value: f32, channel: usize, channels: usize) -> f32 {
        let [mean, std] = self.of_channel(channel, channels);
        value * std + mean
    }

    fn of_channel(&self, channel: usize, channels: usize) -> [f32; 2] {
        [&self.mean, &self.std].map(|values| match channels {
            1 => values.iter().sum::<f32>() / 3.0,
            _ => values[channel % 3],
        })
    }
}
