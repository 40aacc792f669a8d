//! What a run watches.

use crate::training::Epoch;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The number after each epoch by which the best checkpoint is chosen, a run is stopped early, and
/// [`Schedule::ReduceOnPlateau`](crate::Schedule::ReduceOnPlateau) lowers the rate. Losses are better when lower, scores when higher.
///
/// ```
/// use tgs_salt::prelude::*;
/// let config = TrainConfig::default().monitor(Metric::ValidLoss);
/// assert_eq!(config.monitor.to_string(), "valid loss");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Metric {
    /// The competition's score on the validation set at threshold 0.5.
    #[default]
    MeanPrecision,
    /// Intersection over union, mean over the validation images, at threshold 0.5.
    Iou,
    /// Dice coefficient, mean over the validation images, at threshold 0.5.
    Dice,
    /// Mean loss over the validation set.
    ValidLoss,
    /// Mean loss over the training set.
    TrainLoss,
}

impl Metric {
    /// Whether less is better.
    pub fn is_loss(self) -> bool {
        matches!(self, Metric::ValidLoss | Metric::TrainLoss)
    }

    /// The score to show beside the losses: itself, or mean precision where it is a loss.
    pub(crate) fn score(self) -> Metric {
        if self.is_loss() { Metric::MeanPrecision } else { self }
    }

    /// Its value after an epoch.
    pub fn of(self, epoch: &Epoch) -> f64 {
        match self {
            Metric::MeanPrecision => epoch.mean_precision,
            Metric::Iou => epoch.iou,
            Metric::Dice => epoch.dice,
            Metric::ValidLoss => epoch.valid_loss,
            Metric::TrainLoss => epoch.train_loss,
        }
    }

    /// Whether `value` is better than `than`. What is not a number is never better, and anything is better than it.
    pub(crate) fn is_better(self, value: f64, than: f64) -> bool {
        let better = if self.is_loss() { value < than } else { value > than };
        better || (than.is_nan() && !value.is_nan())
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Metric::MeanPrecision => "mean precision",
            Metric::Iou => "IoU",
            Metric::Dice => "dice",
            Metric::ValidLoss => "valid loss",
            Metric::TrainLoss => "train loss",
        })
    }
}
