//! How the learning rate changes over a run.

use serde::{Deserialize, Serialize};

/// The learning rate over the steps of a run, as a factor of `TrainConfig::learning_rate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// The same rate from the first step to the last.
    Constant,
    /// `(1 + cos(π · t)) / 2` for `t` from 0 to 1: from the full rate down to 0
    /// (Loshchilov & Hutter 2016, <https://arxiv.org/abs/1608.03983>, one cycle).
    Cosine,
}

impl Schedule {
    /// The factor at `step` of `steps`, in `[0, 1]`; `step` counts from 0.
    pub fn factor(self, step: usize, steps: usize) -> f64 {
        match self {
            Schedule::Constant => 1.0,
            Schedule::Cosine => {
                let t = step.min(steps) as f64 / steps.max(1) as f64;
                (1.0 + libm::cos(std::f64::consts::PI * t)) / 2.0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_goes_from_1_over_a_half_to_0() {
        let factors: Vec<f64> = [0, 50, 100, 150].map(|step| Schedule::Cosine.factor(step, 100)).to_vec();
        for (got, expected) in factors.iter().zip([1.0, 0.5, 0.0, 0.0]) {
            assert!((got - expected).abs() < 1e-12, "{got} {expected}");
        }
        assert_eq!(Schedule::Constant.factor(99, 100), 1.0);
    }
}
