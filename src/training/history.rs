//! What happened in a run.

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
    /// At the epoch's first step.
    pub learning_rate: f64,
    /// Training images per second, without validation.
    pub images_per_second: f64,
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
}

impl History {
    /// The epoch with the highest validation score (the first of equals), whose weights the model has after training.
    pub fn best(&self) -> Option<Epoch> {
        best_of(&self.epochs)
    }
}

/// The first epoch with the highest score.
pub(crate) fn best_of(epochs: &[Epoch]) -> Option<Epoch> {
    epochs
        .iter()
        .copied()
        .reduce(|best, next| if next.mean_precision > best.mean_precision { next } else { best })
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Some(best) = self.best() else {
            return write!(f, "History: no epoch yet");
        };
        let seconds: f64 = self.epochs.iter().map(|epoch| epoch.seconds).sum();
        write!(
            f,
            "History: {} epochs in {seconds:.0} s, best mean precision {:.4} in epoch {}; {}; checkpoints in {}",
            self.epochs.len(),
            best.mean_precision,
            best.epoch,
            self.ended,
            self.run_folder.display()
        )
    }
}
