//! Binary cross-entropy on logits.
//!
//! With a logit `x` and a target `t` the stable form is `max(x, 0) − x·t + ln(1 + e^−|x|)`: no exponential of a
//! positive number, so that logits of ±1000 are as safe as 0. Its gradient is `sigmoid(x) − t`.

use super::planes::check_same;
use crate::nn::cpu::lanes::Lanes;
use crate::nn::cpu::vectorized::vectorized;
#[cfg(feature = "cuda")]
use crate::nn::cuda::{self, CudaInput};
use crate::nn::{Input, Operation, Step, apply, sigmoid};
use crate::{Error, Result};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, Shape, Tensor};
use rayon::prelude::*;

/// How many values are summed at once. Fixed, so that the sum does not depend on the number of threads.
const CHUNK: usize = 8192;

/// Mean binary cross-entropy of `logits` against `target` (values in `[0, 1]`), both of one shape, as a scalar.
///
/// Equal to PyTorch's `binary_cross_entropy_with_logits` with `reduction="mean"`.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let logits = Tensor::new(&[[0f32, 2.0], [-3.0, 100.0]], &Device::Cpu).unwrap();
/// let target = Tensor::new(&[[1f32, 1.0], [0.0, 1.0]], &Device::Cpu).unwrap();
/// let loss = tgs_salt::losses::bce(&logits, &target)?.to_scalar::<f32>().unwrap();
/// assert!((loss - 0.2172).abs() < 1e-4);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// On a GPU logits may be bf16; the target and the loss are f32.
///
/// # Errors
/// [`Error::Shape`] when the shapes differ.
pub fn bce(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    check_same(logits, target)?;
    apply(Bce, &[logits, target]).map_err(Error::tensor("bce"))
}

struct Bce;

impl Operation for Bce {
    fn name(&self) -> &'static str {
        "bce"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (xs, ts) = (inputs[0].floats()?, inputs[1].floats()?);
        let sums: Vec<f64> =
            xs.par_chunks(CHUNK).zip(ts.par_chunks(CHUNK)).map(|(xs, ts)| sum(xs, ts)).collect();
        let mean = sums.iter().sum::<f64>() / xs.len().max(1) as f64;
        Ok((CpuStorage::F32(vec![mean as f32]), ().into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, inputs: &[CudaInput]) -> candle_core::Result<(CudaStorage, Shape)> {
        Ok((cuda::bce(inputs[0], inputs[1])?, ().into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        cuda::with_inputs(&[step.inputs[0], step.inputs[1], step.ys_grad], |inputs| {
            let grad = cuda::bce_backward(inputs[0], inputs[1], inputs[2])?;
            Ok(vec![cuda::gradient(grad, step.inputs[0]), None])
        })
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (logits, target) = (step.inputs[0], step.inputs[1]);
        let scale = f64::from(step.ys_grad.to_scalar::<f32>()?) / logits.elem_count().max(1) as f64;
        let difference = (sigmoid(&logits.detach()).map_err(candle_core::Error::wrap)? - target.detach())?;
        Ok(vec![Some((difference * scale)?), None])
    }
}

/// The sum of a chunk's losses, in double precision and in order.
fn sum(xs: &[f32], ts: &[f32]) -> f64 {
    let mut terms = vec![0.0; xs.len()];
    write_terms(xs, ts, &mut terms);
    terms.into_iter().map(f64::from).sum()
}

vectorized! {
    /// The binary cross-entropy of each value.
    pub(super) fn write_terms(xs: &[f32], ts: &[f32], terms: &mut [f32]) = write_terms_with
}

#[inline(always)]
fn write_terms_with<L: Lanes>(xs: &[f32], ts: &[f32], terms: &mut [f32]) {
    let inputs = xs.chunks(L::WIDTH).zip(ts.chunks(L::WIDTH));
    for ((xs, ts), terms) in inputs.zip(terms.chunks_mut(L::WIDTH)) {
        let (xs, ts) = (L::load(xs), L::load(ts));
        let small = xs.larger(xs.negate()).negate().exp_of_negative();
        xs.floor_zero().sub(xs.mul(ts)).add(ln_1p(small)).write(terms);
    }
}

/// `ln(1 + x)` for x in 0..=1: twice the series of the inverse hyperbolic tangent at `x / (2 + x)`, which is at most a third.
#[inline(always)]
fn ln_1p<L: Lanes>(xs: L) -> L {
    let z = xs.div(xs.add(L::splat(2.0)));
    let square = z.mul(z);
    let mut sum = L::splat(2.0 / 15.0);
    for divisor in [13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = L::splat(2.0 / divisor).fma(sum, square);
    }
    z.mul(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    fn loss_and_gradient(xs: &[f32], ts: &[f32]) -> (f32, Vec<f32>) {
        let xs = Var::new(xs, &Device::Cpu).unwrap();
        let ts = Tensor::new(ts, &Device::Cpu).unwrap();
        let loss = bce(&xs, &ts).unwrap();
        let gradients = loss.backward().unwrap();
        (loss.to_scalar().unwrap(), gradients.get(&xs).unwrap().to_vec1().unwrap())
    }

    /// torch.nn.functional.binary_cross_entropy_with_logits([-50., -1., 0., .5, 50.], [0., 1., .25, 1., 0.]) and its
    /// gradient, PyTorch 2.
    #[test]
    fn equals_pytorch_and_stays_finite_at_50() {
        let (loss, gradient) = loss_and_gradient(&[-50.0, -1.0, 0.0, 0.5, 50.0], &[0.0, 1.0, 0.25, 1.0, 0.0]);
        assert!((loss - 10.496_097).abs() < 1e-4, "{loss}");
        let expected = [0.0, -0.146_211_72, 0.05, -0.075_508_14, 0.2];
        for (got, expected) in gradient.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-6, "{got} {expected}");
        }
    }

    #[test]
    fn gradient_equals_finite_differences() {
        let xs: Vec<f32> = (0..33).map(|i| (i as f32 - 16.0) * 0.37).collect();
        let ts: Vec<f32> = (0..33).map(|i| (i % 3) as f32 / 2.0).collect();
        let exact = |i: usize, step: f64| -> f64 {
            let x = f64::from(xs[i]) + step;
            (x.max(0.0) - x * f64::from(ts[i]) + (-x.abs()).exp().ln_1p()) / 33.0
        };
        let (_, gradient) = loss_and_gradient(&xs, &ts);
        for (i, &g) in gradient.iter().enumerate() {
            let numeric = (exact(i, 1e-5) - exact(i, -1e-5)) / 2e-5;
            assert!((f64::from(g) - numeric).abs() < 1e-6, "{i}: {g} {numeric}");
        }
    }

    #[test]
    fn different_shapes_are_refused() {
        let xs = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        let ts = Tensor::new(&[1f32], &Device::Cpu).unwrap();
        assert!(matches!(bce(&xs, &ts), Err(Error::Shape { .. })));
    }
}
