//! What can be set of a training run.

use crate::losses::Loss;
use crate::training::Schedule;
use crate::transform::Augment;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How to train; saved inside every checkpoint.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `epochs` | 40 | passes over the training set, at most | ≥ 1 |
/// | `batch_size` | 16 | images per step | ≥ 1 |
/// | `learning_rate` | 0.001 | of Adam, at its highest | > 0 |
/// | `loss` | binary cross-entropy | what is minimised, of every head that gives a mask | [`Loss`] |
/// | `schedule` | cosine | how the rate changes over the run | [`Schedule`] |
/// | `patience` | 10 | epochs without a better score before stopping early | ≥ 1 |
/// | `augment` | horizontal flip 0.5 | random changes of the samples, mixup | [`Augment`] |
/// | `seed` | 42 | of the order of the images and of augmentation | any |
/// | `run_folder` | `runs/last` | where checkpoints go | a folder that can be written |
/// | `resume` | false | go on from the run folder's checkpoint, where there is one | |
///
/// ```
/// use tgs_salt::prelude::*;
/// let config = TrainConfig::default().epochs(12).learning_rate(3e-4).run_folder("runs/small");
/// assert_eq!((config.epochs, config.batch_size), (12, 16));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainConfig {
    /// Passes over the training set, at most.
    pub epochs: usize,
    /// Images per step.
    pub batch_size: usize,
    /// Of Adam, at its highest.
    pub learning_rate: f64,
    /// What is minimised, of every head that gives a mask.
    // Checkpoints from before there was a choice have none.
    #[serde(default)]
    pub loss: Loss,
    /// How the rate changes over the run.
    pub schedule: Schedule,
    /// Epochs without a better score before stopping early.
    pub patience: usize,
    /// Random changes of the samples.
    pub augment: Augment,
    /// Of the order of the images and of augmentation.
    pub seed: u64,
    /// Where checkpoints go.
    pub run_folder: PathBuf,
    /// Go on from the run folder's checkpoint, where there is one.
    pub resume: bool,
}

impl Default for TrainConfig {
    fn default() -> Self {
        TrainConfig {
            epochs: 40,
            batch_size: 16,
            learning_rate: 1e-3,
            loss: Loss::Bce,
            schedule: Schedule::Cosine,
            patience: 10,
            augment: Augment::default(),
            seed: 42,
            run_folder: "runs/last".into(),
            resume: false,
        }
    }
}

impl TrainConfig {
    /// Passes over the training set, at most.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Images per step.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Of Adam, at its highest.
    pub fn learning_rate(mut self, learning_rate: f64) -> Self {
        self.learning_rate = learning_rate;
        self
    }

    /// What is minimised, of every head that gives a mask.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let config = TrainConfig::default().loss(Loss::sum([(0.5, Loss::Bce), (1.0, Loss::LovaszElu)]));
    /// assert_eq!(config.loss.to_string(), "0.5 × bce + 1 × lovasz elu");
    /// ```
    pub fn loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// How the rate changes over the run.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Epochs without a better score before stopping early.
    pub fn patience(mut self, patience: usize) -> Self {
        self.patience = patience;
        self
    }

    /// Random changes of the samples.
    pub fn augment(mut self, augment: Augment) -> Self {
        self.augment = augment;
        self
    }

    /// Of the order of the images and of augmentation.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Where checkpoints go.
    pub fn run_folder(mut self, run_folder: impl AsRef<Path>) -> Self {
        self.run_folder = run_folder.as_ref().into();
        self
    }

    /// Go on from the run folder's checkpoint, where there is one; else start afresh. With the same settings the
    /// weights end up bit for bit as if the run had never been interrupted.
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        let at_least_1 =
            [("epochs", self.epochs), ("batch_size", self.batch_size), ("patience", self.patience)];
        for (field, value) in at_least_1 {
            if value == 0 {
                return Err(Error::Config { field, got: "0".into(), expected: "at least 1".into() });
            }
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            let (field, got) = ("learning_rate", self.learning_rate.to_string());
            return Err(Error::Config { field, got, expected: "a number above 0".into() });
        }
        self.loss.check()?;
        self.augment.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_from_before_there_were_losses_has_cross_entropy() {
        let config = TrainConfig::default().loss(Loss::sum([(0.5, Loss::Dice), (1.0, Loss::Lovasz)]));
        let mut json = serde_json::to_value(&config).unwrap();
        assert_eq!(serde_json::from_value::<TrainConfig>(json.clone()).unwrap(), config);
        json.as_object_mut().unwrap().remove("loss");
        assert_eq!(serde_json::from_value::<TrainConfig>(json).unwrap(), TrainConfig::default());
    }
}
