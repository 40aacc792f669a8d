//! Focal loss.

use super::planes::{CHUNK, check_same};
use super::{Loss, composed};
use crate::nn::cpu::{Floats, tensor_like};
use crate::nn::{Input, Operation, Step, apply};
use crate::{Error, Result};
use candle_core::{CpuStorage, Shape, Tensor};
use rayon::prelude::*;

/// Focal loss (Lin et al. 2017, without their α) of `logits` against `target` (values in `[0, 1]`), both of one shape: the mean of
/// `(1 − e^−b)^gamma · b` where `b` is the binary cross-entropy of a value, and gamma 2: pixels that are right already count less. For
/// another gamma see [`Loss::Focal`].
///
/// Equal to segmentation_models.pytorch's `FocalLoss("binary")`. At least 0.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let logits = Tensor::new(&[0f32, 0.0], &Device::Cpu).unwrap();
/// let target = Tensor::new(&[1f32, 0.0], &Device::Cpu).unwrap();
/// let loss = tgs_salt::losses::focal(&logits, &target)?.to_scalar::<f32>().unwrap();
/// assert!((loss - 0.25 * 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when the shapes differ.
pub fn focal(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    Loss::Focal { gamma: 2.0 }.compute(logits, target)
}

pub(super) fn focal_loss([logits, target]: [&Tensor; 2], gamma: f64) -> Result<Tensor> {
    check_same(logits, target)?;
    let run = || match logits.device().is_cpu() {
        true => apply(Focal { gamma }, &[logits, target]),
        false => composed::focal([logits, target], gamma),
    };
    run().map_err(Error::tensor("focal loss"))
}

struct Focal {
    gamma: f64,
}

impl Focal {
    /// `x^power`, by multiplication where that does.
    fn power(x: f64, power: f64) -> f64 {
        match power {
            1.0 => x,
            2.0 => x * x,
            power => libm::pow(x, power),
        }
    }

    /// The loss of a value, and its slope.
    fn value(&self, x: f64, t: f64) -> [f64; 2] {
        let small = libm::exp(-x.abs());
        let cross_entropy = x.max(0.0) - x * t + libm::log1p(small);
        let p = if x > 0.0 { 1.0 } else { small } / (1.0 + small);
        let wrong = -libm::expm1(-cross_entropy);
        let focus = Focal::power(wrong, self.gamma);
        // Where nothing is wrong the power may have no slope, but what it is multiplied by is 0 as well.
        let focus_slope = match wrong == 0.0 {
            true => 0.0,
            false => self.gamma * Focal::power(wrong, self.gamma - 1.0) * (1.0 - wrong),
        };
        [focus * cross_entropy, (focus_slope * cross_entropy + focus) * (p - t)]
    }
}

impl Operation for Focal {
    fn name(&self) -> &'static str {
        "focal loss"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (xs, ts) = (inputs[0].floats()?, inputs[1].floats()?);
        let value = |(&x, &t)| self.value(f64::from(x), f64::from(t))[0];
        let chunks = xs.par_chunks(CHUNK).zip(ts.par_chunks(CHUNK));
        let sums: Vec<f64> = chunks.map(|(xs, ts)| xs.iter().zip(ts).map(value).sum()).collect();
        let mean = sums.iter().sum::<f64>() / xs.len().max(1) as f64;
        Ok((CpuStorage::F32(vec![mean as f32]), ().into()))
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (xs, ts) = (Floats::of(step.inputs[0])?, Floats::of(step.inputs[1])?);
        let scale = f64::from(step.ys_grad.to_scalar::<f32>()?) / xs.len().max(1) as f64;
        let mut grad = vec![0.0; xs.len()];
        let chunks = grad.par_chunks_mut(CHUNK).zip(xs.par_chunks(CHUNK)).zip(ts.par_chunks(CHUNK));
        chunks.for_each(|((grad, xs), ts)| {
            for ((grad, &x), &t) in grad.iter_mut().zip(xs).zip(ts) {
                *grad = (scale * self.value(f64::from(x), f64::from(t))[1]) as f32;
            }
        });
        Ok(vec![Some(tensor_like(grad, step.inputs[0])?), None])
    }
}
