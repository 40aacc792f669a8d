//! How the learning rate changes over a run.

use crate::training::Metric;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// The learning rate over the steps of a run, as a factor of [`TrainConfig::learning_rate`](crate::TrainConfig::learning_rate).
///
/// | Schedule | Factor | Of PyTorch |
/// |---|---|---|
/// | `Constant` | 1 | |
/// | `Cosine` | from 1 down to 0 along half a cosine | `CosineAnnealingLR` |
/// | `CosineRestarts { cycles }` | so many cosines, one after the other; the model at the end of each is kept | `CosineAnnealingWarmRestarts` |
/// | `OneCycle` | up from 1/25 over the first 30 % of the steps, then down to 1/250,000, along cosines | `OneCycleLR` |
/// | `Step { epochs, factor }` | times `factor` after each `epochs` | `StepLR` |
/// | `ReduceOnPlateau { factor, patience }` | times `factor` after more than `patience` epochs without a better value of the monitored metric | `ReduceLROnPlateau` |
/// | `Poly { power }` | `(1 − t)^power` for `t` from 0 to 1 | `PolynomialLR` |
///
/// [`TrainConfig::warmup`](crate::TrainConfig::warmup) can stand before any of them.
///
/// ```
/// use tgs_salt::prelude::*;
/// let rates = Schedule::CosineRestarts { cycles: 2 }.factors(4, 1)?;
/// let percent: Vec<f64> = rates.iter().map(|rate| (100.0 * rate).round()).collect();
/// assert_eq!(percent, [100.0, 50.0, 100.0, 50.0]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// The same rate from the first step to the last.
    Constant,
    /// From the full rate down to 0 (Loshchilov and Hutter 2017, <https://arxiv.org/abs/1608.03983>, one cycle).
    Cosine,
    /// The same with warm restarts: the model at the end of each cycle is kept as a snapshot, and the snapshots are an
    /// ensemble (Huang et al. 2017, <https://arxiv.org/abs/1704.00109>).
    CosineRestarts {
        /// How many, equally long but for the last one; at least 1.
        cycles: usize,
    },
    /// Up and far down (Smith and Topin 2018, <https://arxiv.org/abs/1708.07120>).
    OneCycle,
    /// Down in steps.
    Step {
        /// Epochs between two steps, at least 1.
        epochs: usize,
        /// What the rate is multiplied by, above 0.
        factor: f64,
    },
    /// Down when the metric that [`TrainConfig::monitor`](crate::TrainConfig::monitor) names does not get better.
    ReduceOnPlateau {
        /// What the rate is multiplied by, above 0 and below 1.
        factor: f64,
        /// Epochs without a better value that are borne.
        patience: usize,
    },
    /// Down along a power.
    Poly {
        /// 1 is a straight line, 0.9 is usual; above 0.
        power: f64,
    },
}

/// Where a run stands.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Steps that were taken.
    pub(crate) step: usize,
    pub(crate) steps_per_epoch: usize,
    pub(crate) epochs: usize,
    /// Epochs during which the rate rises from 0.
    pub(crate) warmup: usize,
    /// The monitored metric after each epoch so far.
    pub(crate) values: &'a [f64],
    pub(crate) monitor: Metric,
}

/// PyTorch's: a value has to be better by this share.
const BETTER: f64 = 1e-4;

impl Schedule {
    /// The factor of each step of a run.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting out of range, and for `ReduceOnPlateau`, whose factors depend on how the run goes.
    pub fn factors(self, epochs: usize, steps_per_epoch: usize) -> Result<Vec<f64>> {
        self.check()?;
        if let Schedule::ReduceOnPlateau { .. } = self {
            let (got, expected) =
                ("ReduceOnPlateau".into(), "a schedule that is known before the run".into());
            return Err(Error::Config { field: "schedule", got, expected });
        }
        let place = |step| Place {
            step,
            steps_per_epoch,
            epochs,
            warmup: 0,
            values: &[],
            monitor: Metric::ValidLoss,
        };
        Ok((0..epochs * steps_per_epoch).map(|step| self.factor(place(step))).collect())
    }

    /// The factor of the next step.
    pub(crate) fn factor(self, place: Place) -> f64 {
        let rising = place.warmup * place.steps_per_epoch;
        if place.step < rising {
            return (place.step + 1) as f64 / rising as f64;
        }
        let epochs = place.epochs.saturating_sub(place.warmup);
        let (step, steps) = (place.step - rising, (epochs * place.steps_per_epoch).max(1));
        let share = step.min(steps) as f64 / steps as f64;
        match self {
            Schedule::Constant => 1.0,
            Schedule::Cosine => cosine(share),
            Schedule::CosineRestarts { cycles } => {
                let cycle = (cycle_epochs(epochs, cycles) * place.steps_per_epoch).max(1);
                cosine((step % cycle) as f64 / cycle as f64)
            }
            Schedule::OneCycle => one_cycle(step, steps),
            Schedule::Step { epochs, factor } => {
                libm::pow(factor, (step / (epochs * place.steps_per_epoch).max(1)) as f64)
            }
            Schedule::ReduceOnPlateau { factor, patience } => {
                let falls = falls(place.values.get(place.warmup..).unwrap_or(&[]), patience, place.monitor);
                libm::pow(factor, falls as f64)
            }
            Schedule::Poly { power } => libm::pow(1.0 - share, power),
        }
    }

    /// Whether a cycle of restarts ends with this epoch, counted from 1.
    pub(crate) fn ends_cycle(self, epoch: usize, epochs: usize, warmup: usize) -> bool {
        let Schedule::CosineRestarts { cycles } = self else { return false };
        let cycle = cycle_epochs(epochs.saturating_sub(warmup), cycles).max(1);
        epoch > warmup && ((epoch - warmup).is_multiple_of(cycle) || epoch == epochs)
    }

    pub(crate) fn check(self) -> Result<()> {
        let (holds, expected) = match self {
            Schedule::CosineRestarts { cycles } => (cycles > 0, "at least 1 cycle"),
            Schedule::Step { epochs, factor } => {
                (epochs > 0 && factor > 0.0 && factor.is_finite(), "at least 1 epoch, and a factor above 0")
            }
            Schedule::ReduceOnPlateau { factor, .. } => (factor > 0.0 && factor < 1.0, "a factor in (0, 1)"),
            Schedule::Poly { power } => (power > 0.0 && power.is_finite(), "a power above 0"),
            Schedule::Constant | Schedule::Cosine | Schedule::OneCycle => (true, ""),
        };
        match holds {
            true => Ok(()),
            false => {
                let (got, expected) = (format!("{self:?}"), expected.into());
                Err(Error::Config { field: "schedule", got, expected })
            }
        }
    }
}

fn cosine(share: f64) -> f64 {
    (1.0 + libm::cos(PI * share)) / 2.0
}

fn cycle_epochs(epochs: usize, cycles: usize) -> usize {
    epochs.div_ceil(cycles.max(1))
}

/// PyTorch's default numbers: the peak is one step before 30 %, the ends are 1/25 of it and 1e-4 of that.
fn one_cycle(step: usize, steps: usize) -> f64 {
    let (peak, last) = (0.3 * steps as f64 - 1.0, steps as f64 - 1.0);
    let along = |from: f64, to: f64, share: f64| to + (from - to) * cosine(share.clamp(0.0, 1.0));
    match step as f64 {
        step if step <= peak => along(1.0 / 25.0, 1.0, step / peak.max(1e-9)),
        step => along(1.0, 1.0 / 25.0 * 1e-4, (step - peak) / (last - peak).max(1e-9)),
    }
}

/// How often the rate has fallen after these epochs.
fn falls(values: &[f64], patience: usize, monitor: Metric) -> usize {
    let (mut best, mut without_gain, mut falls) = (None, 0, 0);
    for &value in values {
        let gains = best.is_none_or(|best: f64| match monitor.is_loss() {
            true => value < best * (1.0 - BETTER),
            false => value > best * (1.0 + BETTER),
        });
        if gains {
            (best, without_gain) = (Some(value), 0);
        } else {
            without_gain += 1;
        }
        if without_gain > patience {
            (falls, without_gain) = (falls + 1, 0);
        }
    }
    falls
}

#[cfg(test)]
mod tests;
