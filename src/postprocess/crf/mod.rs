//! A dense conditional random field: every pixel is a neighbour of every other.
//!
//! P. Krähenbühl, V. Koltun: *Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials*, NIPS 2011
//! ([arXiv:1210.5644](https://arxiv.org/abs/1210.5644)). A labelling `x` costs
//! `E(x) = Σᵢ −ln p(xᵢ) + Σᵢⱼ [xᵢ ≠ xⱼ] (w₁ exp(−|pᵢ − pⱼ|² / 2 sxy₁²) + w₂ exp(−|pᵢ − pⱼ|² / 2 sxy₂² − |cᵢ − cⱼ|² / 2 srgb²))`
//! with places `p` and colours `c`. Its mean field is found by filtering, on a permutohedral lattice. Settings, scales and
//! normalisation are those of [pydensecrf](https://github.com/lucasb-eyer/pydensecrf), whose results this gives.

mod kernel;
mod lattice;
mod mean_field;
mod table;
#[cfg(test)]
mod tests;
mod unary;
mod workspace;

pub(crate) use self::workspace::Workspace;

use crate::types::{Image, Mask};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// A dense CRF, which moves the borders of a mask to those of the image and smooths what the image does not say.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `iterations` | 10 | of mean-field inference | ≥ 0 |
/// | `gt_prob` | 0.7 | how sure the labels of a mask are; probabilities say it themselves | (0, 1) |
/// | `sxy_gaussian` | 3 | pixels within which labels are smoothed, whatever the image | > 0 |
/// | `compat_gaussian` | 3 | the weight of that; 0 switches it off | ≥ 0 |
/// | `sxy_bilateral` | 80 | pixels within which places of like brightness have like labels | > 0 |
/// | `srgb` | 13 | what is like: a standard deviation, of 255 grey levels | > 0 |
/// | `compat_bilateral` | 0 | the weight of that; 0 switches it off | ≥ 0 |
///
/// The names are those of pydensecrf's `addPairwiseGaussian(sxy, compat)` and `addPairwiseBilateral(sxy, srgb, rgbim, compat)`,
/// which see an image's amplitudes times 255 as red, green and blue.
///
/// ```
/// use tgs_salt::prelude::*;
/// let salt = |at: usize| (at % 16) >= 8;
/// let image = Image::new(16, 16, (0..256).map(|at| if salt(at) { 0.9 } else { 0.2 }).collect())?;
/// // A column too narrow, and a hole.
/// let rough = (0..256).map(|at| u8::from(at % 16 >= 9 && at != 140)).collect();
/// let refined = Crf::pydensecrf().refine_mask(&image, &Mask::new(16, 16, rough)?)?;
/// assert_eq!(refined.pixels(), (0..256).map(|at| u8::from(salt(at))).collect::<Vec<_>>());
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Crf {
    /// Of mean-field inference.
    pub iterations: usize,
    /// How sure the labels of a mask are.
    pub gt_prob: f64,
    /// Pixels within which labels are smoothed, whatever the image.
    pub sxy_gaussian: f64,
    /// The weight of smoothing; 0 switches it off.
    pub compat_gaussian: f64,
    /// Pixels within which places of like brightness have like labels.
    pub sxy_bilateral: f64,
    /// The standard deviation of what is like, of 255 grey levels.
    pub srgb: f64,
    /// The weight of likeness; 0 switches it off.
    pub compat_bilateral: f64,
}

impl Default for Crf {
    fn default() -> Self {
        Crf {
            iterations: 10,
            gt_prob: 0.7,
            sxy_gaussian: 3.0,
            compat_gaussian: 3.0,
            sxy_bilateral: 80.0,
            srgb: 13.0,
            compat_bilateral: 0.0,
        }
    }
}

impl Crf {
    /// As pydensecrf's example has it, and many a notebook: borders where the brightness changes, with a weight of 10. On photographs
    /// that is what a CRF is for. The borders of salt are not those of brightness: on the competition's images it costs masks 0.2 of
    /// their score, where the default neither costs nor gains.
    pub fn pydensecrf() -> Crf {
        Crf::default().compat_bilateral(10.0)
    }

    setters! {
        Crf,
        /// Of mean-field inference.
        iterations: usize,
        /// How sure the labels of a mask are.
        gt_prob: f64,
        /// Pixels within which labels are smoothed, whatever the image.
        sxy_gaussian: f64,
        /// The weight of smoothing; 0 switches it off.
        compat_gaussian: f64,
        /// Pixels within which places of like brightness have like labels.
        sxy_bilateral: f64,
        /// The standard deviation of what is like, of 255 grey levels.
        srgb: f64,
        /// The weight of likeness; 0 switches it off.
        compat_bilateral: f64,
    }

    /// The mask of an image with its borders along those of the image. A label is right with a probability of `gt_prob`;
    /// salt is what is then more probable than not.
    ///
    /// # Errors
    /// [`Error::Config`] when a setting is out of range; [`Error::Shape`] when the sizes differ; [`Error::Image`] when an
    /// amplitude is infinite or not a number.
    pub fn refine_mask(&self, image: &Image, mask: &Mask) -> Result<Mask> {
        self.mask_in(&mut Workspace::default(), image, mask)
    }

    /// As [`Crf::refine_mask`], of a map of the probability of salt, which says itself how sure it is: from probabilities, each
    /// brought into `[1e-5, 1]`, to probabilities.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let image = Image::new(2, 4, vec![0.1, 0.1, 0.9, 0.9, 0.1, 0.1, 0.9, 0.9])?;
    /// let map = Image::new(2, 4, vec![0.2, 0.4, 0.4, 0.9, 0.2, 0.4, 0.8, 0.9])?;
    /// let refined = Crf::pydensecrf().compat_gaussian(0.0).refine_probabilities(&image, &map)?;
    /// assert_eq!(refined.threshold(0.5)?.pixels(), [0, 0, 1, 1, 0, 0, 1, 1]);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Crf::refine_mask`]; [`Error::Image`] also when a probability is outside of `[0, 1]`.
    pub fn refine_probabilities(&self, image: &Image, probabilities: &Image) -> Result<Image> {
        self.probabilities_in(&mut Workspace::default(), image, probabilities)
    }

    /// Probabilities of any number of classes from their unary energies, the negative logarithms of what is known of each
    /// pixel by itself. Both are `classes × pixels`: `unary[class * pixels + pixel]`.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let image = Image::new(1, 2, vec![0.5, 0.5])?;
    /// let unary = [0.1f32, 0.6, 0.3, 0.2, 0.6, 0.2].map(|p| -p.ln()); // 3 classes, 2 pixels
    /// let q = Crf::default().inference(&image, &unary, 3)?;
    /// assert!((q[0] + q[2] + q[4] - 1.0).abs() < 1e-6);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Crf::refine_mask`]; [`Error::Shape`] also for fewer than 2 classes or another number of energies;
    /// [`Error::Image`] when an energy is infinite or not a number.
    pub fn inference(&self, image: &Image, unary: &[f32], classes: usize) -> Result<Vec<f32>> {
        let mut work = Workspace::default();
        self.prepare(&mut work, image)?;
        unary::check_energies(image, unary, classes)?;
        Ok(mean_field::inference(unary, classes, self.iterations, &mut work))
    }

    /// As [`Crf::refine_mask`], with memory that is used again.
    pub(crate) fn mask_in(&self, work: &mut Workspace, image: &Image, mask: &Mask) -> Result<Mask> {
        self.prepare(work, image)?;
        unary::same_size(image, mask.height(), mask.width())?;
        let one =
            |plane: &[u8]| self.refined(work, image, unary::of_mask(plane, self.gt_prob))?.threshold(0.5);
        Mask::stack(&mask.planes().map(one).collect::<Result<Vec<_>>>()?)
    }

    /// As [`Crf::refine_probabilities`], with memory that is used again.
    pub(crate) fn probabilities_in(&self, work: &mut Workspace, image: &Image, map: &Image) -> Result<Image> {
        self.prepare(work, image)?;
        unary::same_size(image, map.height, map.width)?;
        let bias = unary::of_probabilities(map)?;
        self.refined(work, image, bias)
    }

    fn refined(&self, work: &mut Workspace, image: &Image, bias: Vec<f32>) -> Result<Image> {
        let salt = mean_field::two_classes(&bias, self.iterations, work);
        Image::new(image.height, image.width, salt)
    }

    fn prepare(&self, work: &mut Workspace, image: &Image) -> Result<()> {
        self.check()?;
        unary::check_amplitudes(image)?;
        work.prepare(self, image)
    }

    /// # Errors
    /// [`Error::Config`] for the first setting that is out of its range.
    pub(crate) fn check(&self) -> Result<()> {
        let positive =
            |field, value: f64| (field, value > 0.0 && value.is_finite(), value, "a finite number above 0");
        let weight = |field, value: f64| {
            (field, value >= 0.0 && value.is_finite(), value, "a finite number, 0 or more")
        };
        let sure = self.gt_prob > 0.0 && self.gt_prob < 1.0;
        let rules = [
            ("gt_prob", sure, self.gt_prob, "a probability between 0 and 1"),
            positive("sxy_gaussian", self.sxy_gaussian),
            weight("compat_gaussian", self.compat_gaussian),
            positive("sxy_bilateral", self.sxy_bilateral),
            positive("srgb", self.srgb),
            weight("compat_bilateral", self.compat_bilateral),
        ];
        match rules.into_iter().find(|(_, is_right, ..)| !is_right) {
            Some((field, _, got, expected)) => {
                Err(Error::Config { field, got: got.to_string(), expected: expected.into() })
            }
            None => Ok(()),
        }
    }
}
