//! What happened in a run.

use crate::inference::Ensemble;
use crate::training::Metric;
use crate::{Error, Result};
use candle_core::Device;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One epoch of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counts from 1.
    pub epoch: usize,
    /// Mean loss over the training set, augmented, while the weights changed.
    pub train_loss: f64,
    /// Mean loss over the validation set after the epoch.
    pub valid_loss: f64,
    /// The competition's score on the validation set at threshold 0.5.
    pub mean_precision: f64,
    /// Intersection over union, mean over the validation images, at threshold 0.5.
    // Runs from before it was measured have none.
    #[serde(default)]
    pub iou: f64,
    /// Dice coefficient, mean over the validation images, at threshold 0.5.
    #[serde(default)]
    pub dice: f64,
    /// At the epoch's first step.
    pub learning_rate: f64,
    /// Training images per second, without validation.
    pub images_per_second: f64,
    /// Seconds that training steps waited for their images, which worker threads read ahead; most of it at a GPU whose
    /// images lie on a slow disk.
    #[serde(default)]
    pub waited: f64,
    /// Training and validation together.
    pub seconds: f64,
}

/// What happened in a run, epoch by epoch.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The epochs that were run, those before a resume included.
    pub epochs: Vec<Epoch>,
    /// Where the checkpoints are: `best.safetensors` for `Model::load`, `last.safetensors` for resuming.
    pub run_folder: PathBuf,
    /// Why the run ended.
    pub ended: String,
    /// By which the best epoch is chosen.
    #[serde(default)]
    pub monitor: Metric,
    /// With [`TrainConfig::swa_from`](crate::TrainConfig::swa_from), how the averaged weights do on the validation set; they are in `swa.safetensors`.
    #[serde(default)]
    pub averaged: Option<Epoch>,
    /// With [`Schedule::CosineRestarts`](crate::Schedule::CosineRestarts), the model at the end of each cycle.
    #[serde(default)]
    pub snapshots: Vec<PathBuf>,
}

impl History {
    /// The epoch with the best value of the monitored metric (the first of equals), whose weights the model has after training
    /// unless averaged ones are better.
    pub fn best(&self) -> Option<Epoch> {
        best_of(&self.epochs, self.monitor)
    }

    /// Whether averaged weights are what the model has after training: no epoch is better.
    pub(crate) fn keeps(&self, averaged: &Epoch) -> bool {
        let value = |epoch: &Epoch| self.monitor.of(epoch);
        self.best().is_none_or(|best| !self.monitor.is_better(value(&best), value(averaged)))
    }

    /// Seconds of all epochs, and how many of them went by waiting for images.
    pub(crate) fn seconds(&self) -> [f64; 2] {
        [|epoch: &Epoch| epoch.seconds, |epoch: &Epoch| epoch.waited]
            .map(|of| self.epochs.iter().map(of).sum())
    }

    /// The snapshots as one model: `history.ensemble(model.device())?.predict(&salt.test)?`.
    ///
    /// # Errors
    /// [`Error::Config`] for a run without snapshots; as [`Model::load`](crate::Model::load).
    pub fn ensemble(&self, device: &Device) -> Result<Ensemble> {
        if self.snapshots.is_empty() {
            let (got, expected) = ("no snapshot".into(), "a run with Schedule::CosineRestarts".into());
            return Err(Error::Config { field: "schedule", got, expected });
        }
        let paths: Vec<&std::path::Path> = self.snapshots.iter().map(PathBuf::as_path).collect();
        Ensemble::load(&paths, device)
    }
}

/// The first epoch with the best value.
pub(crate) fn best_of(epochs: &[Epoch], monitor: Metric) -> Option<Epoch> {
    let better = |best: Epoch, next: Epoch| match monitor.is_better(monitor.of(&next), monitor.of(&best)) {
        true => next,
        false => best,
    };
    epochs.iter().copied().reduce(better)
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Some(best) = self.best() else {
            return write!(f, "History: no epoch yet");
        };
        let [seconds, waited] = self.seconds();
        let (epochs, monitor, value) = (self.epochs.len(), self.monitor, self.monitor.of(&best));
        let s = if epochs == 1 { "" } else { "s" };
        write!(f, "History: {epochs} epoch{s} in {seconds:.0} s, {waited:.1} s of it waiting for images")?;
        write!(f, "; best {monitor} {value:.4} in epoch {}", best.epoch)?;
        if let Some(averaged) = &self.averaged {
            write!(f, ", of averaged weights {:.4}", monitor.of(averaged))?;
        }
        if !self.snapshots.is_empty() {
            write!(f, ", {} snapshots", self.snapshots.len())?;
        }
        write!(f, "; {}; checkpoints in {}", self.ended, self.run_folder.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(epoch: usize, valid_loss: f64, mean_precision: f64) -> Epoch {
        Epoch {
            epoch,
            train_loss: 1.0,
            valid_loss,
            mean_precision,
            iou: 0.0,
            dice: 0.0,
            learning_rate: 0.1,
            images_per_second: 1.0,
            waited: 0.0,
            seconds: 1.0,
        }
    }

    #[test]
    fn the_best_epoch_is_that_of_the_metric() {
        let epochs =
            [epoch(1, f64::NAN, 0.2), epoch(2, 0.5, 0.7), epoch(3, 0.3, 0.7), epoch(4, 0.4, f64::NAN)];
        assert_eq!(best_of(&epochs, Metric::MeanPrecision).map(|e| e.epoch), Some(2));
        assert_eq!(best_of(&epochs, Metric::ValidLoss).map(|e| e.epoch), Some(3));
        assert_eq!(best_of(&[], Metric::Dice), None);
    }

    #[test]
    fn averaged_weights_are_kept_where_no_epoch_is_better() {
        let epochs = vec![epoch(1, 0.4, 0.6), epoch(2, 0.5, 0.7)];
        let (run_folder, ended, snapshots) = (PathBuf::new(), String::new(), vec![]);
        let mut history =
            History { epochs, run_folder, ended, monitor: Metric::MeanPrecision, averaged: None, snapshots };
        let kept = |history: &History| {
            [0.69, 0.7, 0.71, f64::NAN].map(|score| history.keeps(&epoch(2, score, score)))
        };
        assert_eq!(kept(&history), [false, true, true, false]);
        history.monitor = Metric::ValidLoss;
        assert_eq!(kept(&history), [false; 4]);
        assert!(history.keeps(&epoch(2, 0.4, 0.0)));
        history.epochs.clear();
        assert_eq!(kept(&history), [true; 4]);
    }
}
