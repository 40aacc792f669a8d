//! Random changes of image and mask together, so that a network sees more than the training set holds.
//!
//! What moves pixels — flips, shift, scale, rotation, shear, elastic deformation — is one map from each output pixel to a
//! place in the sample, read once: bilinear in the image, the nearest pixel in the mask, which stays binary. What changes
//! amplitudes — contrast, brightness, gamma, noise, cutout — changes the image alone, and keeps it in `[0, 1]`.

mod draws;
mod elastic;
mod mixup;
mod photometric;
mod settings;
mod warp;

use self::draws::{Draws, Stream};
use self::elastic::Field;
use self::warp::{Affine, Warp};
use crate::Result;
use crate::types::{Sample, check_size, check_sizes};
use serde::{Deserialize, Serialize};

pub(crate) use self::mixup::{Mixup, mix};
use super::Border;

/// Which random changes training makes to a sample. Each has one number, the most it does; 0 is off.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `horizontal_flip` | 0.5 | probability of a mirror image, left to right | `[0, 1]` |
/// | `vertical_flip` | 0 | probability of a mirror image, upside down; the top of salt is not its bottom | `[0, 1]` |
/// | `p` | 0.5 | probability of each of the changes below, except for mixup | `[0, 1]` |
/// | `shift` | 0 | the most to each side, as a share of height and width | `[0, 1]` |
/// | `scale` | 0 | zoom between 1 − `scale` and 1 + `scale` | `[0, 1)` |
/// | `rotate` | 0 | degrees, both ways | `[0, 180]` |
/// | `shear` | 0 | degrees by which vertical lines lean, both ways; layers stay level | `[0, 60]` |
/// | `elastic` | 0 | the longest way that a random smooth field moves a pixel, in pixels (Simard et al. 2003) | ≥ 0 |
/// | `elastic_sigma` | 10 | of the Gaussian that makes the field smooth, in pixels | ≥ 0.5 |
/// | `border` | reflect | what comes in from outside of the image; in the mask the same, with zeros no salt | [`Border`] |
/// | `brightness` | 0 | added to amplitudes, both ways | `[0, 1]` |
/// | `contrast` | 0 | amplitudes' distance from the image's mean, times 1 − `contrast` to 1 + `contrast` | `[0, 1]` |
/// | `gamma` | 0 | amplitudes to a power between 1 / (1 + `gamma`) and 1 + `gamma` | `[0, 9]` |
/// | `noise` | 0 | standard deviation of Gaussian noise, from 0 up to this | `[0, 1]` |
/// | `cutout` | 0 | holes, from one to this many, filled with the image's mean; the mask stays (DeVries and Taylor 2017) | 0..=100 |
/// | `cutout_size` | 0.2 | height and width of a hole, as a share of the image's | (0, 1] |
/// | `mixup` | 0 | α of mixup (Zhang et al. 2017), which blends every image and mask of a batch with its neighbour's | ≥ 0 |
///
/// The order is that of the table. What one change draws does not depend on the others: switching one on or off leaves the
/// rest as it was.
///
/// Mixup is made when a batch is: image and target become `λ · own + (1 − λ) · next`, λ from Beta(α, α) for each image.
/// Targets are then between 0 and 1, which cross-entropy, focal, Dice and Tversky losses take as they are; the Lovász losses
/// are made for targets of 0 and 1.
///
/// ```
/// use tgs_salt::prelude::*;
/// let augment = Augment::default().rotate(5.0).shift(0.1).brightness(0.1);
/// let sample = Competition::sample()?.train.get(0)?;
/// let seen = augment.apply(sample.clone(), 42, 1, 0)?;
/// assert_eq!(seen, augment.apply(sample, 42, 1, 0)?);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
// Checkpoints from before there was more than a flip have nothing else.
#[serde(default)]
pub struct Augment {
    /// Probability of a mirror image, left to right.
    pub horizontal_flip: f64,
    /// Probability of a mirror image, upside down.
    pub vertical_flip: f64,
    /// Probability of each of the other changes, except for mixup.
    pub p: f64,
    /// The most to each side, as a share of height and width.
    pub shift: f64,
    /// Zoom between 1 − `scale` and 1 + `scale`.
    pub scale: f64,
    /// Degrees of rotation, both ways.
    pub rotate: f64,
    /// Degrees by which vertical lines lean, both ways.
    pub shear: f64,
    /// The longest way that a random smooth field moves a pixel, in pixels.
    pub elastic: f64,
    /// Standard deviation of the Gaussian that makes the field smooth, in pixels.
    pub elastic_sigma: f64,
    /// What comes in from outside of the image.
    pub border: Border,
    /// Added to amplitudes, both ways.
    pub brightness: f64,
    /// Amplitudes' distance from the image's mean, times 1 − `contrast` to 1 + `contrast`.
    pub contrast: f64,
    /// Amplitudes to a power between 1 / (1 + `gamma`) and 1 + `gamma`.
    pub gamma: f64,
    /// The highest standard deviation of Gaussian noise.
    pub noise: f64,
    /// The most holes.
    pub cutout: usize,
    /// Height and width of a hole, as a share of the image's.
    pub cutout_size: f64,
    /// α of mixup.
    pub mixup: f64,
}

impl Default for Augment {
    fn default() -> Self {
        Augment {
            horizontal_flip: 0.5,
            vertical_flip: 0.0,
            p: 0.5,
            shift: 0.0,
            scale: 0.0,
            rotate: 0.0,
            shear: 0.0,
            elastic: 0.0,
            elastic_sigma: 10.0,
            border: Border::Reflect,
            brightness: 0.0,
            contrast: 0.0,
            gamma: 0.0,
            noise: 0.0,
            cutout: 0,
            cutout_size: 0.2,
            mixup: 0.0,
        }
    }
}

impl Augment {
    /// No change at all.
    pub fn none() -> Self {
        Augment { horizontal_flip: 0.0, ..Augment::default() }
    }

    /// About what the winners of the TGS competition published: flips, shifts of up to 15 %, zooms of up to 20 %, rotations of
    /// up to 10° and shears of up to 4°, a tenth of brightness, contrast and gamma.
    /// <https://github.com/ybabakhin/kaggle_salt_bes_phalanx>
    pub fn strong() -> Self {
        let moved = Augment::default().shift(0.15).scale(0.2).rotate(10.0).shear(4.0);
        moved.brightness(0.1).contrast(0.1).gamma(0.1)
    }

    /// The sample as training sees it, without mixup, for which it takes a batch. The same `(seed, epoch, index)` gives the same
    /// sample, whatever was drawn before.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) when a setting is out of its range; [`Error::Shape`](crate::Error::Shape) when image, pixels and mask do not agree in size.
    pub fn apply(&self, sample: Sample, seed: u64, epoch: usize, index: usize) -> Result<Sample> {
        self.check()?;
        let image = &sample.image;
        check_size(&format!("image {}", sample.id), image.height, image.width, image.pixels.len())?;
        if let Some(mask) = &sample.mask {
            check_sizes(&sample.id, (image.height, image.width), mask)?;
        }
        let draws = Draws::new(seed, epoch, index, self.p);
        let mut sample = self.moved(sample, &draws)?;
        self.change_amplitudes(&mut sample.image, &draws);
        Ok(sample)
    }

    fn moved(&self, sample: Sample, draws: &Draws) -> Result<Sample> {
        let size = (sample.image.height, sample.image.width);
        let flips = (
            draws.happens(Stream::HorizontalFlip, self.horizontal_flip),
            draws.happens(Stream::VerticalFlip, self.vertical_flip),
        );
        let shift = draws.signed_pair(Stream::Shift, self.shift);
        let scale = draws.signed(Stream::Scale, self.scale);
        let rotate = draws.signed(Stream::Rotate, self.rotate);
        let shear = draws.signed(Stream::Shear, self.shear);
        let field = draws.stream(Stream::Elastic, self.elastic > 0.0);
        let field = field.map(|mut random| Field::new(&mut random, size, self.elastic, self.elastic_sigma));
        if shift.is_none() && scale.is_none() && rotate.is_none() && shear.is_none() && field.is_none() {
            return flipped(sample, flips);
        }
        let affine = Affine {
            flips,
            shift: shift.unwrap_or_default(),
            zoom: 1.0 + scale.unwrap_or_default(),
            degrees: rotate.unwrap_or_default(),
            shear: shear.unwrap_or_default(),
        };
        Warp::new(affine, field, self.border, size).apply(sample)
    }
}

/// Mirrors, without any arithmetic.
fn flipped(mut sample: Sample, (horizontal, vertical): (bool, bool)) -> Result<Sample> {
    let (height, width) = (sample.image.height, sample.image.width);
    if horizontal || vertical {
        sample.image.pixels = mirrored(&sample.image.pixels, width, horizontal, vertical);
        if let Some(mask) = &sample.mask {
            let mirrored = |plane: &[u8]| mirrored(plane, width, horizontal, vertical);
            sample.mask = Some(mask.map_planes((height, width), mirrored)?);
        }
    }
    Ok(sample)
}

fn mirrored<T: Copy>(pixels: &[T], width: usize, horizontal: bool, vertical: bool) -> Vec<T> {
    let mut pixels = pixels.to_vec();
    if vertical {
        // Upside down is back to front, and then each line turned round.
        pixels.reverse();
    }
    if horizontal != vertical {
        pixels.chunks_mut(width.max(1)).for_each(<[T]>::reverse);
    }
    pixels
}

#[cfg(test)]
mod tests;
