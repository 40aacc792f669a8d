//! From logits to probabilities.

use super::cpu::floats;
use crate::{Error, Result};
use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use rayon::prelude::*;

/// `1 / (1 + exp(-x))` of each value, without overflow, with the same bits on every platform. Not differentiable: losses take
/// logits.
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let logits = Tensor::new(&[-200f32, 0.0, 200.0], &Device::Cpu).unwrap();
/// assert_eq!(tgs_salt::nn::sigmoid(&logits)?.to_vec1::<f32>().unwrap(), [0.0, 0.5, 1.0]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Tensor`] when `xs` is not f32.
pub fn sigmoid(xs: &Tensor) -> Result<Tensor> {
    let run = || xs.contiguous()?.apply_op1_no_bwd(&Sigmoid);
    run().map_err(Error::tensor("sigmoid"))
}

struct Sigmoid;

impl CustomOp1 for Sigmoid {
    fn name(&self) -> &'static str {
        "sigmoid"
    }

    fn cpu_fwd(&self, xs: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let ys = floats(xs, layout)?.par_iter().with_min_len(4096).map(|&x| logistic(x)).collect();
        Ok((CpuStorage::F32(ys), layout.shape().clone()))
    }
}

/// The exponent is never positive, so that it cannot overflow.
fn logistic(x: f32) -> f32 {
    let small = libm::expf(-x.abs());
    if x >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Reference from PyTorch 2: torch.sigmoid(torch.tensor([-100., -3., -0.5, 0.25, 4.])).
    #[test]
    fn equals_pytorch() {
        let expected = [3.8e-44, 0.047_425_87, 0.377_540_67, 0.562_176_5, 0.982_013_8];
        for (x, expected) in [-100.0f32, -3.0, -0.5, 0.25, 4.0].into_iter().zip(expected) {
            let got = logistic(x);
            assert!((got - expected).abs() <= 1e-6 * expected + 1e-44, "{x}: {got} instead of {expected}");
        }
    }

    #[test]
    fn not_a_number_stays_visible() {
        assert!(logistic(f32::NAN).is_nan());
    }
}
