//! Activations as layers of their own; behind a [`BatchNorm`](super::BatchNorm) they are part of it.

use super::autograd::{Input, Operation, Step, apply};
use super::cpu::activation::{Activation, activate};
use super::cpu::lanes::Lanes;
use super::cpu::memory::written;
use super::cpu::normalize::gradient_before;
use super::cpu::vectorized::vectorized;
use super::cpu::{Floats, tensor_like};
#[cfg(feature = "cuda")]
use super::cuda::{self, CudaInput};
use crate::{Error, Result};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, Shape, Tensor};
use rayon::prelude::*;
use std::mem::MaybeUninit;

impl Activation {
    /// The function of each value. At 0 its slope is PyTorch's: 0 for a ReLU.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use tgs_salt::nn::Activation;
    ///
    /// let xs = Tensor::new(&[-2f32, 0.0, 3.0], &Device::Cpu).unwrap();
    /// assert_eq!(Activation::LeakyRelu(0.5).forward(&xs)?.to_vec1::<f32>().unwrap(), [-1.0, 0.0, 3.0]);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Tensor`] when `xs` is not f32.
    pub fn forward(self, xs: &Tensor) -> Result<Tensor> {
        match self {
            Activation::None => Ok(xs.clone()),
            activation => apply(Pointwise(activation), &[xs]).map_err(Error::tensor("activation")),
        }
    }
}

/// `1 / (1 + exp(-x))` of each value, without overflow, with the same bits on every platform.
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let logits = Tensor::new(&[-200f32, 0.0, 200.0], &Device::Cpu).unwrap();
/// let probabilities = tgs_salt::nn::sigmoid(&logits)?.to_vec1::<f32>().unwrap();
/// assert!(probabilities[0] < 1e-37 && probabilities[1..] == [0.5, 1.0]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Tensor`] when `xs` is not f32.
pub fn sigmoid(xs: &Tensor) -> Result<Tensor> {
    Activation::Sigmoid.forward(xs)
}

struct Pointwise(Activation);

/// Values of one task.
const CHUNK: usize = 16 * 1024;

vectorized! {
    fn activate_chunk(activation: Activation, xs: &[f32], ys: &mut [MaybeUninit<f32>]) = activate_chunk_with
}

#[inline(always)]
fn activate_chunk_with<L: Lanes>(activation: Activation, xs: &[f32], ys: &mut [MaybeUninit<f32>]) {
    for (xs, ys) in xs.chunks(L::WIDTH).zip(ys.chunks_mut(L::WIDTH)) {
        activate(activation, L::load(xs)).store(ys);
    }
}

impl Operation for Pointwise {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let xs = inputs[0].floats()?;
        let fill = |ys: &mut [MaybeUninit<f32>]| {
            ys.par_chunks_mut(CHUNK)
                .zip(xs.par_chunks(CHUNK))
                .for_each(|(ys, xs)| activate_chunk(self.0, xs, ys));
        };
        // SAFETY: `xs` is as long as the result, and each chunk is written whole.
        Ok((CpuStorage::F32(unsafe { written(xs.len(), fill) }), inputs[0].layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, inputs: &[CudaInput]) -> candle_core::Result<(CudaStorage, Shape)> {
        Ok((cuda::activation(inputs[0], self.0)?, inputs[0].layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        cuda::with_inputs(&[step.inputs[0], step.ys_grad], |inputs| {
            let grad = cuda::activation_backward(inputs[0], inputs[1], self.0)?;
            Ok(vec![cuda::gradient(grad, step.inputs[0])])
        })
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let grad = gradient_before(self.0, &Floats::of(step.ys)?, &Floats::of(step.ys_grad)?);
        Ok(vec![Some(tensor_like(grad, step.inputs[0])?)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn values(activation: Activation, xs: &[f32]) -> Vec<f32> {
        let xs = Tensor::new(xs, &Device::Cpu).unwrap();
        activation.forward(&xs).unwrap().to_vec1().unwrap()
    }

    // Reference from PyTorch 2: torch.sigmoid(torch.tensor([-100., -3., -0.5, 0.25, 4.])); -100 gives 3.8e-44 there.
    #[test]
    fn sigmoid_equals_pytorch() {
        let expected = [1e-38, 0.047_425_87, 0.377_540_67, 0.562_176_5, 0.982_013_8];
        for (got, expected) in
            values(Activation::Sigmoid, &[-100.0, -3.0, -0.5, 0.25, 4.0]).into_iter().zip(expected)
        {
            assert!((got - expected).abs() <= 2e-7 * expected + 1e-37, "{got} instead of {expected}");
        }
    }

    #[test]
    fn infinities_and_what_is_not_a_number_stay_visible() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        for activation in [Activation::Relu, Activation::LeakyRelu(0.1), Activation::Elu, Activation::Sigmoid]
        {
            let ys = values(activation, &[nan, inf, -inf]);
            let top = if activation == Activation::Sigmoid { 1.0 } else { inf };
            assert!(ys[0].is_nan() && ys[1] == top, "{activation:?}: {ys:?}");
            let bottom = [(Activation::LeakyRelu(0.1), -inf), (Activation::Elu, -1.0)];
            let bottom = bottom.iter().find(|(a, _)| *a == activation).map_or(0.0, |(_, bottom)| *bottom);
            assert!(ys[2] == bottom || (ys[2] - bottom).abs() < 1e-37, "{activation:?}: {ys:?}");
        }
    }
}
