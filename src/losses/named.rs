//! Losses by name, for configurations.

use super::boundary::boundary;
use super::focal::focal_loss;
use super::lovasz::{Hinge, lovasz};
use super::overlap::{Curve, overlap};
use super::{Order, bce, weighted_sum};
use crate::{Error, Result};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What training minimises: for [`TrainConfig::loss`](crate::TrainConfig::loss), or by itself.
///
/// | Loss | Function | What it is |
/// |---|---|---|
/// | `Bce` | [`bce`] | binary cross-entropy: each pixel by itself |
/// | `Dice` | [`dice`](super::dice) | overlap over the whole batch |
/// | `BceDice` | [`bce_dice`](super::bce_dice) | the sum of both |
/// | `LogDice` | [`log_dice`](super::log_dice) | minus the logarithm of the Dice score |
/// | `BoundaryBceDice` | [`boundary_bce_dice`](super::boundary_bce_dice) | both, borders of masks weigh 3 |
/// | `Focal { gamma }` | [`focal`](super::focal) | cross-entropy, what is right counts less; 2 is usual |
/// | `Tversky { alpha }` | [`tversky`](super::tversky) | Dice, missed pixels weigh `alpha`; 0.7 is usual |
/// | `FocalTversky { alpha, gamma }` | [`focal_tversky`](super::focal_tversky) | Tversky to the power of `gamma`; 0.7 and 0.75 are usual |
/// | `Lovasz` | [`lovasz_hinge`](super::lovasz_hinge) | the Jaccard index of each image |
/// | `LovaszElu` | [`lovasz_elu`](super::lovasz_elu) | the same, with slopes everywhere |
/// | `LovaszSymmetric` | [`lovasz_symmetric`](super::lovasz_symmetric) | that of mask and background |
/// | `Sum` | [`Loss::sum`] | several, each times its weight |
///
/// ```
/// use tgs_salt::prelude::*;
/// let loss = Loss::sum([(0.7, Loss::Lovasz), (0.15, Loss::Bce), (0.15, Loss::Dice)]);
/// assert_eq!(loss.to_string(), "0.7 × lovasz + 0.15 × bce + 0.15 × dice");
/// let config = TrainConfig::default().loss(loss);
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Loss {
    /// [`bce`].
    #[default]
    Bce,
    /// [`dice`](super::dice).
    Dice,
    /// [`bce_dice`](super::bce_dice).
    BceDice,
    /// [`log_dice`](super::log_dice).
    LogDice,
    /// [`boundary_bce_dice`](super::boundary_bce_dice).
    BoundaryBceDice,
    /// [`focal`](super::focal).
    Focal {
        /// How much less it counts what is right, at least 0.
        gamma: f64,
    },
    /// [`tversky`](super::tversky).
    Tversky {
        /// The weight of what was missed, in `[0, 1]`.
        alpha: f64,
    },
    /// [`focal_tversky`](super::focal_tversky).
    FocalTversky {
        /// The weight of what was missed, in `[0, 1]`.
        alpha: f64,
        /// The power, above 0.
        gamma: f64,
    },
    /// [`lovasz_hinge`](super::lovasz_hinge).
    Lovasz,
    /// [`lovasz_elu`](super::lovasz_elu).
    LovaszElu,
    /// [`lovasz_symmetric`](super::lovasz_symmetric).
    LovaszSymmetric,
    /// Each times its weight; [`Loss::sum`] makes it.
    Sum(Vec<(f64, Loss)>),
}

impl Loss {
    /// Each loss times its weight, finite and at least 0.
    pub fn sum(losses: impl IntoIterator<Item = (f64, Loss)>) -> Loss {
        Loss::Sum(losses.into_iter().collect())
    }

    /// The loss of `logits` against `target` (values in `[0, 1]`), both (N, C, H, W) and f32, as a scalar.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let logits = Tensor::new(&[[[[0.5f32, -1.0]]]], &Device::Cpu).unwrap();
    /// let target = Tensor::new(&[[[[1f32, 0.0]]]], &Device::Cpu).unwrap();
    /// let value = |loss: Loss| loss.compute(&logits, &target).unwrap().to_scalar::<f32>().unwrap();
    /// let sum = value(Loss::sum([(2.0, Loss::Bce), (0.5, Loss::LovaszElu)]));
    /// assert!((sum - 2.0 * value(Loss::Bce) - 0.5 * value(Loss::LovaszElu)).abs() < 1e-6);
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] when the shapes differ or have other than four axes, though `Bce` and `Focal` take any number;
    /// [`Error::Config`] as of [`Loss::check`].
    pub fn compute(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor> {
        self.compute_in(Order::ChannelsFirst, logits, target)
    }

    /// [`Loss::compute`] on tensors with this order of axes.
    pub(crate) fn compute_in(&self, order: Order, logits: &Tensor, target: &Tensor) -> Result<Tensor> {
        self.check()?;
        self.checked(order, [logits, target])
    }

    fn checked(&self, order: Order, tensors: [&Tensor; 2]) -> Result<Tensor> {
        let plain = Curve::Power(1.0);
        match self {
            Loss::Bce => bce(tensors[0], tensors[1]),
            Loss::Dice => overlap(tensors, order, 0.5, plain),
            Loss::BceDice => weighted_sum(&[
                (1.0, Loss::Bce.checked(order, tensors)?),
                (1.0, Loss::Dice.checked(order, tensors)?),
            ]),
            Loss::LogDice => overlap(tensors, order, 0.5, Curve::Log),
            Loss::BoundaryBceDice => boundary(tensors, order),
            Loss::Focal { gamma } => focal_loss(tensors, *gamma),
            Loss::Tversky { alpha } => overlap(tensors, order, *alpha, plain),
            Loss::FocalTversky { alpha, gamma } => overlap(tensors, order, *alpha, Curve::Power(*gamma)),
            Loss::Lovasz => lovasz(tensors, order, Hinge::Relu),
            Loss::LovaszElu => lovasz(tensors, order, Hinge::Elu),
            Loss::LovaszSymmetric => lovasz(tensors, order, Hinge::Symmetric),
            Loss::Sum(losses) => {
                let losses = losses.iter().map(|(weight, loss)| Ok((*weight, loss.checked(order, tensors)?)));
                weighted_sum(&losses.collect::<Result<Vec<_>>>()?)
            }
        }
    }

    /// Whether all numbers are in their ranges.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// assert!(Loss::Focal { gamma: 2.0 }.check().is_ok());
    /// let error = Loss::sum([(f64::NAN, Loss::Bce)]).check().unwrap_err();
    /// assert_eq!(error.to_string(), "loss weight = NaN: expected a finite number, at least 0");
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] for one that is not, and for a sum of nothing.
    pub fn check(&self) -> Result<()> {
        let in_range = |field, value: f64, is_in: bool, expected: &str| match is_in && value.is_finite() {
            true => Ok(()),
            false => Err(Error::Config { field, got: value.to_string(), expected: expected.into() }),
        };
        let alpha_in_range =
            |alpha: f64| in_range("loss alpha", alpha, (0.0..=1.0).contains(&alpha), "a number in 0..=1");
        match self {
            Loss::Focal { gamma } => {
                in_range("loss gamma", *gamma, *gamma >= 0.0, "a finite number, at least 0")
            }
            Loss::Tversky { alpha } => alpha_in_range(*alpha),
            Loss::FocalTversky { alpha, gamma } => {
                alpha_in_range(*alpha)?;
                in_range("loss gamma", *gamma, *gamma > 0.0, "a finite number above 0")
            }
            Loss::Sum(losses) if losses.is_empty() => Err(Error::Config {
                field: "loss",
                got: "a sum of nothing".into(),
                expected: "at least one loss in it".into(),
            }),
            Loss::Sum(losses) => losses.iter().try_for_each(|(weight, loss)| {
                in_range("loss weight", *weight, *weight >= 0.0, "a finite number, at least 0")?;
                loss.check()
            }),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Loss::Bce => write!(f, "bce"),
            Loss::Dice => write!(f, "dice"),
            Loss::BceDice => write!(f, "bce + dice"),
            Loss::LogDice => write!(f, "log dice"),
            Loss::BoundaryBceDice => write!(f, "boundary bce + dice"),
            Loss::Focal { gamma } => write!(f, "focal(gamma {gamma})"),
            Loss::Tversky { alpha } => write!(f, "tversky(alpha {alpha})"),
            Loss::FocalTversky { alpha, gamma } => write!(f, "focal tversky(alpha {alpha}, gamma {gamma})"),
            Loss::Lovasz => write!(f, "lovasz"),
            Loss::LovaszElu => write!(f, "lovasz elu"),
            Loss::LovaszSymmetric => write!(f, "lovasz symmetric"),
            Loss::Sum(losses) => losses.iter().enumerate().try_for_each(|(at, (weight, loss))| {
                let plus = if at > 0 { " + " } else { "" };
                match loss {
                    Loss::Sum(_) | Loss::BceDice | Loss::BoundaryBceDice => {
                        write!(f, "{plus}{weight} × ({loss})")
                    }
                    _ => write!(f, "{plus}{weight} × {loss}"),
                }
            }),
        }
    }
}
