//! The optimizers: how parameters follow their gradients, by name and numbers. A [`Stepper`](super::Stepper) takes the steps.

use super::step_numbers::{Rule, StepNumbers};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How parameters follow their gradients, in the order of operations of `torch.optim`.
///
/// Rates and weight decay are not in it: they belong to the step and to each [`Parameter`](super::Parameter). Weight decay `w` is
/// added to the gradient, `g + w p`, but for AdamW, where the weight itself shrinks, `p -= rate w p`.
///
/// | Optimizer | Usual numbers | A step |
/// |---|---|---|
/// | `Adam { beta1, beta2, eps }` | 0.9, 0.999, 1e-8 | `m += (1 - beta1) (g - m)`, `v = beta2 v + (1 - beta2) g²`, `p -= rate m' / (√v' + eps)` with `m'`, `v'` divided by `1 - betaᵗ` |
/// | `AdamW { beta1, beta2, eps }` | the same | the same, weight decay apart from the gradient |
/// | `Sgd { momentum, nesterov }` | 0.9, no | `b = momentum b + g`, `p -= rate b`; Nesterov: `p -= rate (g + momentum b)` |
/// | `RmsProp { alpha, eps, momentum }` | 0.99, 1e-8, 0 | `v = alpha v + (1 - alpha) g²`, `b = momentum b + g / (√v + eps)`, `p -= rate b` |
/// | `Nadam { beta1, beta2, eps, momentum_decay }` | 0.9, 0.999, 1e-8, 0.004 | Adam with Nesterov's look ahead |
/// | `NormalizedSgd { momentum, nesterov, eps }` | 0.9, no, 1e-8 | SGD along `g / (‖g‖ + eps)`, the norm of each tensor by itself |
///
/// Ranges: betas, `alpha` and `momentum` in `0..1`, `eps` above 0, `momentum_decay` at least 0; Nesterov wants a momentum above 0.
///
/// ```
/// use tgs_salt::nn::Optimizer;
/// assert_eq!(Optimizer::default(), Optimizer::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8 });
/// assert_eq!(Optimizer::sgd().to_string(), "sgd(momentum 0.9)");
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Optimizer {
    /// Kingma and Ba 2015, <https://arxiv.org/abs/1412.6980>.
    Adam {
        /// Memory of the gradients' mean, in 0..1.
        beta1: f64,
        /// Memory of their squares, in 0..1.
        beta2: f64,
        /// Keeps the quotient finite.
        eps: f64,
    },
    /// Loshchilov and Hutter 2019, <https://arxiv.org/abs/1711.05101>.
    AdamW {
        /// Memory of the gradients' mean, in 0..1.
        beta1: f64,
        /// Memory of their squares, in 0..1.
        beta2: f64,
        /// Keeps the quotient finite.
        eps: f64,
    },
    /// Stochastic gradient descent; the look ahead as in Sutskever et al. 2013,
    /// <https://proceedings.mlr.press/v28/sutskever13.html>.
    Sgd {
        /// Memory of the gradients, in 0..1.
        momentum: f64,
        /// Whether a step looks ahead.
        nesterov: bool,
    },
    /// Tieleman and Hinton 2012, lecture 6.5 of "Neural Networks for Machine Learning".
    RmsProp {
        /// Memory of the gradients' squares, in 0..1.
        alpha: f64,
        /// Keeps the quotient finite.
        eps: f64,
        /// Memory of the quotients, in 0..1.
        momentum: f64,
    },
    /// Dozat 2016, <https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ>.
    Nadam {
        /// What the memory of the gradients' mean grows to, in 0..1.
        beta1: f64,
        /// Memory of their squares, in 0..1.
        beta2: f64,
        /// Keeps the quotient finite.
        eps: f64,
        /// How fast the first memory grows: `mu = beta1 (1 - 0.96^(t momentum_decay) / 2)`.
        momentum_decay: f64,
    },
    /// SGD whose steps do not depend on the gradients' size: each tensor's is divided by its L2 norm, before weight decay.
    NormalizedSgd {
        /// Memory of the gradients, in 0..1.
        momentum: f64,
        /// Whether a step looks ahead.
        nesterov: bool,
        /// Added to the norm.
        eps: f64,
    },
}

impl Default for Optimizer {
    fn default() -> Self {
        Optimizer::adam()
    }
}

impl Optimizer {
    /// Adam with its authors' numbers.
    pub const fn adam() -> Optimizer {
        Optimizer::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }

    /// AdamW with the numbers of Adam.
    pub const fn adamw() -> Optimizer {
        Optimizer::AdamW { beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }

    /// Gradient descent with a momentum of 0.9, not Nesterov's.
    pub const fn sgd() -> Optimizer {
        Optimizer::Sgd { momentum: 0.9, nesterov: false }
    }

    /// RMSprop with PyTorch's numbers, without momentum.
    pub const fn rmsprop() -> Optimizer {
        Optimizer::RmsProp { alpha: 0.99, eps: 1e-8, momentum: 0.0 }
    }

    /// NAdam with PyTorch's numbers.
    pub const fn nadam() -> Optimizer {
        Optimizer::Nadam { beta1: 0.9, beta2: 0.999, eps: 1e-8, momentum_decay: 0.004 }
    }

    /// Normalized gradient descent with a momentum of 0.9, not Nesterov's.
    pub const fn normalized_sgd() -> Optimizer {
        Optimizer::NormalizedSgd { momentum: 0.9, nesterov: false, eps: 1e-8 }
    }

    /// Whether all numbers are in their ranges.
    ///
    /// ```
    /// use tgs_salt::nn::Optimizer;
    /// assert!(Optimizer::nadam().check().is_ok());
    /// let error = Optimizer::Sgd { momentum: 1.5, nesterov: false }.check().unwrap_err();
    /// assert_eq!(error.to_string(), "optimizer momentum = 1.5: expected a number of at least 0, below 1");
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] for one that is not.
    pub fn check(&self) -> Result<()> {
        match *self {
            Optimizer::Adam { beta1, beta2, eps } | Optimizer::AdamW { beta1, beta2, eps } => {
                check_memory("optimizer beta1", beta1)?;
                check_memory("optimizer beta2", beta2)?;
                check_eps(eps)
            }
            Optimizer::Sgd { momentum, nesterov } => check_momentum(momentum, nesterov),
            Optimizer::RmsProp { alpha, eps, momentum } => {
                check_memory("optimizer alpha", alpha)?;
                check_eps(eps)?;
                check_momentum(momentum, false)
            }
            Optimizer::Nadam { beta1, beta2, eps, momentum_decay } => {
                Optimizer::Adam { beta1, beta2, eps }.check()?;
                let expected = "a finite number, at least 0";
                let is_in = momentum_decay >= 0.0 && momentum_decay.is_finite();
                in_range("optimizer momentum_decay", momentum_decay, is_in, expected)
            }
            Optimizer::NormalizedSgd { momentum, nesterov, eps } => {
                check_eps(eps)?;
                check_momentum(momentum, nesterov)
            }
        }
    }

    /// The names of what is remembered of each parameter: means of gradients, means of their squares, momenta.
    pub(super) fn memories(&self) -> &'static [&'static str] {
        match *self {
            Optimizer::Adam { .. } | Optimizer::AdamW { .. } | Optimizer::Nadam { .. } => {
                &["first", "second"]
            }
            Optimizer::Sgd { momentum: 0.0, .. } | Optimizer::NormalizedSgd { momentum: 0.0, .. } => &[],
            Optimizer::Sgd { .. } | Optimizer::NormalizedSgd { .. } => &["momentum"],
            Optimizer::RmsProp { momentum: 0.0, .. } => &["second"],
            Optimizer::RmsProp { .. } => &["second", "momentum"],
        }
    }

    /// What Nadam's first memory is at a step, from 1; 1 for all others.
    pub(super) fn mu(&self, step: usize) -> f64 {
        match *self {
            Optimizer::Nadam { beta1, momentum_decay, .. } => {
                beta1 * (1.0 - 0.5 * libm::pow(0.96, step as f64 * momentum_decay))
            }
            _ => 1.0,
        }
    }

    /// The numbers of a step, from 1; `mu_product` is that of [`Optimizer::mu`] over all steps up to it.
    pub(super) fn numbers(&self, rate: f64, step: usize, mu_product: f64) -> StepNumbers {
        let numbers = StepNumbers::new(rate);
        let sgd = |momentum, nesterov| {
            let rule = if nesterov { Rule::Nesterov } else { Rule::Sgd };
            StepNumbers { rule, beta1: momentum, ..numbers }
        };
        match *self {
            Optimizer::Adam { beta1, beta2, eps } => numbers.adam(Rule::Adam, [beta1, beta2, eps], step),
            Optimizer::AdamW { beta1, beta2, eps } => numbers.adam(Rule::AdamW, [beta1, beta2, eps], step),
            Optimizer::Sgd { momentum, nesterov } => sgd(momentum, nesterov),
            Optimizer::RmsProp { alpha, eps, momentum } => {
                StepNumbers { rule: Rule::RmsProp, beta1: momentum, beta2: alpha, eps, ..numbers }
            }
            Optimizer::Nadam { beta1, beta2, eps, .. } => {
                let (mu, next) = (self.mu(step), self.mu(step + 1));
                StepNumbers {
                    size: rate * next / (1.0 - mu_product * next),
                    ahead: rate * (1.0 - mu) / (1.0 - mu_product),
                    ..numbers.adam(Rule::Nadam, [beta1, beta2, eps], step)
                }
            }
            Optimizer::NormalizedSgd { momentum, nesterov, eps } => {
                StepNumbers { normalized: true, eps, ..sgd(momentum, nesterov) }
            }
        }
    }
}

fn in_range(field: &'static str, value: f64, is_in: bool, expected: &str) -> Result<()> {
    match is_in {
        true => Ok(()),
        false => Err(Error::Config { field, got: value.to_string(), expected: expected.into() }),
    }
}

fn check_memory(field: &'static str, value: f64) -> Result<()> {
    in_range(field, value, (0.0..1.0).contains(&value), "a number of at least 0, below 1")
}

fn check_momentum(momentum: f64, nesterov: bool) -> Result<()> {
    check_memory("optimizer momentum", momentum)?;
    let is_in = momentum > 0.0 || !nesterov;
    in_range("optimizer momentum", momentum, is_in, "a number above 0 for Nesterov's look ahead")
}

/// Kernels compute in single precision.
fn check_eps(eps: f64) -> Result<()> {
    let is_in = eps as f32 > 0.0 && eps.is_finite();
    in_range("optimizer eps", eps, is_in, "a number above 0, such as 1e-8")
}

impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let ahead = |nesterov: bool| if nesterov { ", nesterov" } else { "" };
        match *self {
            Optimizer::Adam { beta1, beta2, eps } => write!(f, "adam(betas {beta1} {beta2}, eps {eps:e})"),
            Optimizer::AdamW { beta1, beta2, eps } => write!(f, "adamw(betas {beta1} {beta2}, eps {eps:e})"),
            Optimizer::Sgd { momentum, nesterov } => write!(f, "sgd(momentum {momentum}{})", ahead(nesterov)),
            Optimizer::RmsProp { alpha, eps, momentum } => {
                write!(f, "rmsprop(alpha {alpha}, eps {eps:e}, momentum {momentum})")
            }
            Optimizer::Nadam { beta1, beta2, eps, momentum_decay } => {
                write!(f, "nadam(betas {beta1} {beta2}, eps {eps:e}, momentum decay {momentum_decay})")
            }
            Optimizer::NormalizedSgd { momentum, nesterov, eps } => {
                write!(f, "normalized sgd(momentum {momentum}{}, eps {eps:e})", ahead(nesterov))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_are_named() {
        let adam = |beta1, beta2, eps| Optimizer::Adam { beta1, beta2, eps };
        let wrong = [
            (adam(1.0, 0.9, 1e-8), "optimizer beta1 = 1"),
            (adam(0.9, f64::NAN, 1e-8), "optimizer beta2 = NaN"),
            (adam(0.9, 0.9, 1e-60), "optimizer eps = 0.0"),
            (
                Optimizer::Sgd { momentum: 0.0, nesterov: true },
                "optimizer momentum = 0: expected a number above 0",
            ),
            (Optimizer::RmsProp { alpha: -0.1, eps: 1e-8, momentum: 0.0 }, "optimizer alpha = -0.1"),
            (
                Optimizer::Nadam { beta1: 0.9, beta2: 0.99, eps: 1e-8, momentum_decay: f64::INFINITY },
                "optimizer momentum_decay = inf",
            ),
            (Optimizer::NormalizedSgd { momentum: 0.9, nesterov: true, eps: 0.0 }, "optimizer eps = 0"),
        ];
        for (optimizer, starts) in wrong {
            let error = optimizer.check().unwrap_err().to_string();
            assert!(error.starts_with(starts), "{error}");
        }
    }
}
