//! From amplitudes in `[0, 1]` to what a network wants to see.

use crate::types::{Image, mean_and_std};
use serde::{Deserialize, Serialize};

/// `(x − mean) / std` on every pixel, with a mean and a deviation for each of three channels, or each image's own.
///
/// A grey image is repeated for a network of three channels, each normalised by its own; for a network of one channel it is
/// normalised by the averages of the three.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `mean` | 0.5 | subtracted; 0.5 is the grey of no reflection | any |
/// | `std` | 0.25 | amplitude that becomes 1 | > 0 |
/// | `per_image` | false | each image is standardised by itself before: [`Normalize::PER_IMAGE`] | |
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
    /// Whether each image is standardised by itself before.
    // Checkpoints from before there was a choice do not.
    #[serde(default)]
    pub per_image: bool,
}

impl Default for Normalize {
    fn default() -> Self {
        Normalize::grey(0.5, 0.25)
    }
}

impl Normalize {
    /// What ImageNet's encoders of torchvision were trained with.
    pub const IMAGENET: Normalize =
        Normalize { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], per_image: false };

    /// Each image by itself: less its mean, divided by its standard deviation, for which `1 / √pixels` is taken where it is less, so
    /// that a blank image becomes zeros (TensorFlow's `tf.image.per_image_standardization`). How bright and how rich in contrast an
    /// image is, the network then cannot see: for images whose amplitudes have scales of their own.
    ///
    /// Mean and deviation (NumPy's `std`) are of the image as the network gets it, augmented, resized and mixed, but without
    /// padding; zeros of a [`Border::Zero`](crate::transform::Border::Zero) are amplitudes as ever, and go with brightness and
    /// contrast no more. Of [`features`](crate::Architecture::features), each channel is standardised by itself, in units of its
    /// usual deviation.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let network = Unet::new(Encoder::Plain).normalize(Normalize::PER_IMAGE);
    /// let own = network.normalize.of_image(&Image::new(10, 10, [0.2, 0.6].repeat(50))?);
    /// assert_eq!([0.2, 0.6].map(|amplitude| own.apply(amplitude, 0, 1).round()), [-1.0, 1.0]);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    pub const PER_IMAGE: Normalize = Normalize { mean: [0.0; 3], std: [1.0; 3], per_image: true };

    /// The same for all channels.
    pub const fn grey(mean: f32, std: f32) -> Normalize {
        Normalize { mean: [mean; 3], std: [std; 3], per_image: false }
    }

    /// What is done to the amplitudes of this image: with `per_image` what its mean and its deviation make of the settings,
    /// else the settings as they are.
    pub fn of_image(&self, image: &Image) -> Normalize {
        self.of_pixels(&image.pixels)
    }

    pub(crate) fn of_pixels(&self, pixels: &[f32]) -> Normalize {
        if !self.per_image {
            return *self;
        }
        let (own_mean, own_std) = standardizing(pixels);
        Normalize {
            mean: self.mean.map(|mean| own_mean + own_std * mean),
            std: self.std.map(|std| own_std * std),
            per_image: false,
        }
    }

    /// One pixel of channel `channel` out of `channels`, normalised by `mean` and `std`; `per_image` takes all of its pixels, see
    /// [`Normalize::of_image`].
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

/// What is subtracted from each of the values, and what they are then divided by, to be of mean 0 and deviation 1.
pub(crate) fn standardizing(values: &[f32]) -> (f32, f32) {
    let (mean, std) = mean_and_std(values);
    let least = 1.0 / (values.len().max(1) as f64).sqrt();
    (mean as f32, std.max(least) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standardized(pixels: &[f32], channel: usize, channels: usize) -> Vec<f32> {
        let own = Normalize::PER_IMAGE.of_pixels(pixels);
        assert!(!own.per_image);
        pixels.iter().map(|&amplitude| own.apply(amplitude, channel, channels)).collect()
    }

    fn near(got: &[f32], expected: &[f32]) {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 2e-6, "{got}, not {expected}");
        }
    }

    #[test]
    fn an_image_by_itself_is_what_tensorflow_and_numpy_make_of_it() {
        // The example of TensorFlow's documentation, of the numbers from 1 to 12.
        let numbers: Vec<f32> = (1..=12).map(|n| n as f32).collect();
        let expected = [-1.593255, -1.3035723, -1.0138896, -0.7242068, -0.4345241, -0.14484136];
        near(&standardized(&numbers, 0, 1)[..6], &expected);
        // NumPy, in double precision: p = arange(30) * 7 % 17 / 16; (p - p.mean()) / p.std(), the first five.
        let pixels: Vec<f32> = (0..30).map(|p| (p * 7 % 17) as f32 / 16.0).collect();
        near(&standardized(&pixels, 2, 3)[..5], &[-1.5915343, -0.1989418, 1.1936507, -0.7957672, 0.5968254]);
    }

    #[test]
    fn what_is_nearly_blank_is_divided_by_the_root_of_its_size() {
        for grey in [0.0, 0.1, 1.0 / 3.0, 1.0] {
            assert_eq!(standardized(&[grey; 10_201], 1, 3), vec![0.0; 10_201]);
        }
        // Four pixels: a deviation of 0.1 counts as ½.
        near(&standardized(&[0.4, 0.6, 0.4, 0.6], 0, 1), &[-0.2, 0.2, -0.2, 0.2]);
        near(&standardized(&[0.7], 0, 1), &[0.0]);
    }

    #[test]
    fn brightness_and_contrast_do_not_count() {
        let pixels: Vec<f32> = (0..101).map(|p| (p * 37 % 101) as f32 / 100.0).collect();
        let changed: Vec<f32> = pixels.iter().map(|amplitude| 0.5 * amplitude + 0.2).collect();
        near(&standardized(&changed, 0, 1), &standardized(&pixels, 0, 1));
    }

    #[test]
    fn mean_and_deviation_follow_and_values_come_back() {
        let after = Normalize { mean: [0.5, 0.0, -0.5], std: [2.0, 1.0, 0.5], per_image: true };
        let pixels = [0.1, 0.3, 0.3, 0.9];
        let own = after.of_pixels(&pixels);
        for (i, value) in standardized(&pixels, 0, 1).into_iter().enumerate() {
            for channel in 0..3 {
                let expected = (value - after.mean[channel]) / after.std[channel];
                near(&[own.apply(pixels[i], channel, 3)], &[expected]);
                near(&[own.invert(expected, channel, 3)], &pixels[i..=i]);
            }
        }
        assert_eq!(Normalize::IMAGENET.of_pixels(&pixels), Normalize::IMAGENET);
    }

    #[test]
    fn an_older_checkpoint_is_not_standardised() {
        let json = r#"{"mean":[0.5,0.5,0.5],"std":[0.25,0.25,0.25]}"#;
        assert_eq!(serde_json::from_str::<Normalize>(json).unwrap(), Normalize::default());
        let json = serde_json::to_string(&Normalize::PER_IMAGE).unwrap();
        assert_eq!(serde_json::from_str::<Normalize>(&json).unwrap(), Normalize::PER_IMAGE);
    }
}
