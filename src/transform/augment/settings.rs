//! The setters of augmentation, and what may be set.

use super::{Augment, Border};
use crate::{Error, Result};

impl Augment {
    setters! {
        Augment,
        /// Probability of a mirror image, left to right.
        horizontal_flip: f64,
        /// Probability of a mirror image, upside down.
        vertical_flip: f64,
        /// Probability of each change that is on, but flips and mixup.
        p: f64,
        /// The most to each side, as a share of height and width.
        shift: f64,
        /// Zoom between 1 − `scale` and 1 + `scale`.
        scale: f64,
        /// Degrees of rotation, both ways.
        rotate: f64,
        /// Degrees by which vertical lines lean, both ways.
        shear: f64,
        /// The longest way that a random smooth field moves a pixel, in pixels.
        elastic: f64,
        /// Standard deviation of the Gaussian that makes that field smooth, in pixels.
        elastic_sigma: f64,
        /// What comes in from outside of the image.
        border: Border,
        /// Added to amplitudes, both ways.
        brightness: f64,
        /// Amplitudes' distance from the image's mean, times 1 − `contrast` to 1 + `contrast`.
        contrast: f64,
        /// Amplitudes to a power between 1 / (1 + `gamma`) and 1 + `gamma`.
        gamma: f64,
        /// The highest standard deviation of Gaussian noise.
        noise: f64,
        /// The most holes, filled with the image's mean.
        cutout: usize,
        /// Height and width of a hole, as a share of the image's.
        cutout_size: f64,
        /// α of mixup: near 0 images are hardly mixed, at 1 all shares are equally likely.
        mixup: f64,
    }

    /// # Errors
    /// [`Error::Config`] for the first setting that is out of its range.
    pub(crate) fn check(&self) -> Result<()> {
        let probability = "a probability in [0, 1]";
        let upto = |field, value: f64, most: f64, expected| {
            (field, (0.0..=most).contains(&value), value.to_string(), expected)
        };
        let size = self.cutout_size;
        let rules = [
            upto("horizontal_flip", self.horizontal_flip, 1.0, probability),
            upto("vertical_flip", self.vertical_flip, 1.0, probability),
            upto("p", self.p, 1.0, probability),
            upto("shift", self.shift, 1.0, "a share in [0, 1]"),
            ("scale", (0.0..1.0).contains(&self.scale), self.scale.to_string(), "0 to below 1"),
            upto("rotate", self.rotate, 180.0, "0 to 180 degrees"),
            upto("shear", self.shear, 60.0, "0 to 60 degrees"),
            upto("elastic", self.elastic, f64::MAX, "0 pixels or more"),
            (
                "elastic_sigma",
                (0.5..=f64::MAX).contains(&self.elastic_sigma),
                self.elastic_sigma.to_string(),
                "0.5 pixels or more",
            ),
            upto("brightness", self.brightness, 1.0, "0 to 1"),
            upto("contrast", self.contrast, 1.0, "0 to 1"),
            upto("gamma", self.gamma, 9.0, "0 to 9"),
            upto("noise", self.noise, 1.0, "0 to 1"),
            ("cutout", self.cutout <= 100, self.cutout.to_string(), "0 to 100 holes"),
            ("cutout_size", size > 0.0 && size <= 1.0, size.to_string(), "a share above 0, at most 1"),
            upto("mixup", self.mixup, f64::MAX, "0 or more"),
        ];
        match rules.into_iter().find(|(_, holds, ..)| !holds) {
            Some((field, _, got, expected)) => Err(Error::Config { field, got, expected: expected.into() }),
            None => Ok(()),
        }
    }
}
