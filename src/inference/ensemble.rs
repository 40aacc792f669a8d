//! Several models that predict together.

use crate::inference::collect::{self, Take};
use crate::inference::mean::Sum;
use crate::inference::{Masks, Probabilities, Tta};
use crate::metrics::{MaskRule, Score};
use crate::models::Model;
use crate::types::{Dataset, numbered};
use crate::{Error, Result};
use candle_core::Device;
use std::path::Path;

/// Images that all models predict before the next ones: their maps are what several models need beside their result. So many,
/// or as many large ones as have so many pixels in all classes.
const PART: usize = 256;
const PIXELS_PER_PART: usize = 1 << 24;

/// Several models whose mean probability is better than that of most of them alone: the folds of a cross-validation, the
/// snapshots of a run, different architectures.
///
/// ```
/// use tgs_salt::prelude::*;
/// let model = |seed| Unet::new(Encoder::Plain).depth(1).base_filters(2).seed(seed).build(&Device::Cpu);
/// let ensemble = Ensemble::new(vec![model(1)?, model(2)?])?;
/// let (_, valid) = Competition::sample()?.train.split(0.01, 42)?;
/// assert_eq!(ensemble.predict(&valid)?.len(), 4);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
pub struct Ensemble {
    models: Vec<Model>,
}

impl Ensemble {
    /// Of models of the same classes.
    ///
    /// # Errors
    /// [`Error::Config`] without models, or for one with other classes than the first.
    pub fn new(models: Vec<Model>) -> Result<Ensemble> {
        if models.is_empty() {
            let expected = "at least 1".into();
            return Err(Error::Config { field: "models", got: "0".into(), expected });
        }
        let classes = |model: &Model| model.config().classes;
        let first = models.first().map_or(1, classes);
        if let Some(other) = models.iter().map(classes).find(|&other| other != first) {
            let expected = format!("{first} as of the first model");
            return Err(Error::Config { field: "classes", got: other.to_string(), expected });
        }
        Ok(Ensemble { models })
    }

    /// Of checkpoints, as [`Model::load`] reads them.
    ///
    /// ```no_run
    /// use tgs_salt::prelude::*;
    /// let paths = ["runs/cv/fold-1/best.safetensors", "runs/cv/fold-2/best.safetensors"];
    /// let ensemble = Ensemble::load(&paths, &device()?)?;
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Model::load`] and [`Ensemble::new`].
    pub fn load(paths: &[impl AsRef<Path>], device: &Device) -> Result<Ensemble> {
        Ensemble::new(paths.iter().map(|path| Model::load(path, device)).collect::<Result<_>>()?)
    }

    /// The models.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The mean of what the models predict; see [`Model::predict`].
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn predict(&self, dataset: &Dataset) -> Result<Probabilities> {
        self.predict_tta(dataset, &Tta::none())
    }

    /// As [`Ensemble::predict`], each model over several views; `tta` says how views are averaged, and how models are.
    ///
    /// # Errors
    /// As [`Model::predict_tta`].
    pub fn predict_tta(&self, dataset: &Dataset, tta: &Tta) -> Result<Probabilities> {
        let predict = |take: Take| self.for_each_part(dataset, tta, take);
        collect::probabilities(dataset, &self.class_names(dataset), predict)
    }

    /// What each model predicts by itself: [`Probabilities::mean`] is their mean, [`Masks::vote`] the vote of their masks.
    ///
    /// # Errors
    /// As [`Model::predict_tta`].
    pub fn predict_each(&self, dataset: &Dataset, tta: &Tta) -> Result<Vec<Probabilities>> {
        self.models.iter().map(|model| model.predict_tta(dataset, tta)).collect()
    }

    /// The masks that rules make of what [`Ensemble::predict_tta`] says, without keeping the probabilities; see
    /// [`Model::predict_masks`].
    ///
    /// # Errors
    /// As [`Model::predict_masks`].
    pub fn predict_masks(&self, dataset: &Dataset, tta: &Tta, rules: &[MaskRule]) -> Result<Masks> {
        let predict = |take: Take| self.for_each_part(dataset, tta, take);
        collect::masks(dataset, &self.class_names(dataset), rules, predict)
    }

    fn for_each_part(&self, dataset: &Dataset, tta: &Tta, take: Take) -> Result<()> {
        for part in parts(dataset, self.class_names(dataset).len()) {
            let mut sum = Sum::new(tta.mean);
            for model in &self.models {
                let one = model.predict_tta(&part, tta)?;
                sum.add(one.maps(), one.head())?;
            }
            take(sum.finish())?;
        }
        Ok(())
    }

    fn class_names(&self, dataset: &Dataset) -> Vec<String> {
        self.models.first().map_or_else(|| numbered(1), |model| model.class_names(dataset))
    }

    /// The competition's score on a dataset with masks; see [`Model::evaluate`].
    ///
    /// # Errors
    /// As [`Model::evaluate`].
    pub fn evaluate(&self, dataset: &Dataset) -> Result<Score> {
        self.predict(dataset)?.evaluate(dataset)
    }
}

/// The parts of a dataset, in order, that several models of so many classes predict one after the other.
pub(crate) fn parts(dataset: &Dataset, classes: usize) -> impl Iterator<Item = Dataset> {
    dataset.parts(images_per_part(dataset.largest().saturating_mul(classes)))
}

/// Of images of so many pixels in all classes.
fn images_per_part(pixels: usize) -> usize {
    (PIXELS_PER_PART / pixels.max(1)).clamp(1, PART)
}

impl std::fmt::Debug for Ensemble {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Ensemble of {} models", self.models.len())?;
        self.models.first().map_or(Ok(()), |model| write!(f, ", the first {model:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_large_images_are_small() {
        let clouds = 350 * 525 * 4;
        assert_eq!([0, 101 * 101, clouds, usize::MAX].map(images_per_part), [256, 256, 22, 1]);
    }
}
