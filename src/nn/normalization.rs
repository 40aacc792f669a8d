//! The differentiable operations behind [`BatchNorm`](super::BatchNorm).

use super::autograd::{Input, Mode, Operation, Step};
use super::cpu::activation::Activation;
use super::cpu::normalize::{Affine, Correction, gradient_before, gradient_sums, input_gradient, normalize};
use super::cpu::{Floats, tensor_like};
#[cfg(feature = "cuda")]
use super::cuda::{self, CudaInput};
use candle_core::{CpuStorage, Shape, Tensor, bail};
#[cfg(feature = "cuda")]
use candle_core::{CudaStorage, Layout};

/// Weight and bias as one tensor, so that the normalization has an input left for a residual.
pub(super) struct Pair;

impl Operation for Pair {
    fn name(&self) -> &'static str {
        "batch_norm weights"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let mut both = Vec::new();
        for input in inputs {
            both.extend_from_slice(input.floats()?);
        }
        let len = both.len();
        Ok((CpuStorage::F32(both), len.into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, inputs: &[CudaInput]) -> candle_core::Result<(CudaStorage, Shape)> {
        let joined = cuda::concat_channels(inputs)?;
        Ok((joined, inputs.iter().map(|input| input.layout.shape().elem_count()).sum::<usize>().into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        self.backward(step)
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let channels = step.inputs[0].elem_count();
        let part = |from: usize| step.ys_grad.narrow(0, from, channels)?.copy().map(Some);
        Ok(vec![part(0)?, part(channels)?])
    }
}

/// The differentiable operation on `xs`, weights and biases and perhaps a residual. In [`Mode::Eval`] mean and deviation are
/// constants.
pub(super) struct Normalization {
    pub(super) mean: Vec<f32>,
    pub(super) inverse: Vec<f32>,
    pub(super) activation: Activation,
    pub(super) mode: Mode,
    /// On a GPU, mean and inverse deviation (2, channels).
    #[cfg(feature = "cuda")]
    pub(super) statistics: Option<Tensor>,
}

#[cfg(feature = "cuda")]
impl Normalization {
    /// Calls `f` with the normalization of a GPU's tensors.
    fn with_norm<R>(
        &self,
        xs: CudaInput,
        weights: CudaInput,
        residual: Option<CudaInput>,
        f: impl FnOnce(cuda::Norm) -> candle_core::Result<R>,
    ) -> candle_core::Result<R> {
        let Some(statistics) = &self.statistics else { bail!("batch_norm has no statistics on the GPU") };
        let channels = weights.layout.shape().elem_count() / 2;
        let (weight, bias) =
            (weights.layout.narrow(0, 0, channels)?, weights.layout.narrow(0, channels, channels)?);
        cuda::with_inputs(&[statistics], |inputs| {
            let part = |layout| CudaInput { storage: weights.storage, layout };
            let (statistics, weight, bias) = (inputs[0], part(&weight), part(&bias));
            f(cuda::Norm { xs, residual, statistics, weight, bias, activation: self.activation })
        })
    }
}

impl Normalization {
    fn affine<'a>(&'a self, weights: &'a [f32], activation: Activation) -> Affine<'a> {
        let (weight, bias) = weights.split_at(self.mean.len());
        let scale = weight.iter().zip(&self.inverse).map(|(weight, inverse)| weight * inverse).collect();
        Affine { mean: &self.mean, scale, bias, activation }
    }

    /// Gradients of `xs` and of weights and biases.
    fn backward(&self, affine: &Affine, xs: &[f32], ys_grad: &[f32]) -> [Vec<f32>; 2] {
        let (sums, products) = gradient_sums(affine, xs, ys_grad);
        let pixels = (xs.len() / self.mean.len()) as f64;
        let constant = self.mode == Mode::Eval;
        let factors = affine.scale.iter().zip(&self.inverse).zip(sums.iter().zip(&products));
        let (slope, offset) = factors
            .map(|((scale, inverse), (sum, product))| {
                let (scale, inverse) = (f64::from(*scale), f64::from(*inverse));
                let per_pixel = if constant { 0.0 } else { -scale / pixels };
                ((per_pixel * inverse * inverse * product) as f32, (per_pixel * sum) as f32)
            })
            .unzip();
        let xs_grad = input_gradient(affine, &Correction { slope, offset }, xs, ys_grad);
        let products = products.iter().zip(&self.inverse);
        let weight_grad = products.map(|(product, inverse)| (product * f64::from(*inverse)) as f32);
        [xs_grad, weight_grad.chain(sums.iter().map(|&sum| sum as f32)).collect()]
    }
}

impl Operation for Normalization {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let [xs, weights, residual @ ..] = inputs else { bail!("batch_norm has an image and weights") };
        let residual = residual.first().map(Input::floats).transpose()?;
        let affine = self.affine(weights.floats()?, self.activation);
        Ok((CpuStorage::F32(normalize(&affine, xs.floats()?, residual)), xs.layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, inputs: &[CudaInput]) -> candle_core::Result<(CudaStorage, Shape)> {
        let [xs, weights, residual @ ..] = inputs else { bail!("batch_norm has an image and weights") };
        let ys = self.with_norm(*xs, *weights, residual.first().copied(), |norm| norm.forward())?;
        Ok((ys, xs.layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (xs, weights, residual) = (step.inputs[0], step.inputs[1], step.inputs.get(2));
        let mut tensors = vec![xs, weights, step.ys_grad];
        tensors.extend(residual);
        let constant = self.mode == Mode::Eval;
        let grads = cuda::with_inputs(&tensors, |inputs| {
            self.with_norm(inputs[0], inputs[1], inputs.get(3).copied(), |norm| {
                norm.backward(inputs[2], constant)
            })
        })?;
        let layout = &Layout::contiguous(weights.elem_count() / 2);
        let both = [&grads.weight, &grads.bias].map(|storage| CudaInput { storage, layout });
        let weight_grad = cuda::concat_channels(&both)?;
        let mut all = vec![cuda::gradient(grads.xs, xs), cuda::gradient(weight_grad, weights)];
        all.extend(residual.zip(grads.residual).map(|(residual, grad)| cuda::gradient(grad, residual)));
        Ok(all)
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (xs, weights, ys_grad) = (step.inputs[0], step.inputs[1], Floats::of(step.ys_grad)?);
        let (xs_values, weight_values) = (Floats::of(xs)?, Floats::of(weights)?);
        let Some(residual) = step.inputs.get(2) else {
            let affine = self.affine(&weight_values, self.activation);
            let [xs_grad, weight_grad] = Normalization::backward(self, &affine, &xs_values, &ys_grad);
            return Ok(vec![Some(tensor_like(xs_grad, xs)?), Some(tensor_like(weight_grad, weights)?)]);
        };
        let before = gradient_before(self.activation, &Floats::of(step.ys)?, &ys_grad);
        let affine = self.affine(&weight_values, Activation::None);
        let [xs_grad, weight_grad] = Normalization::backward(self, &affine, &xs_values, &before);
        Ok(vec![
            Some(tensor_like(xs_grad, xs)?),
            Some(tensor_like(weight_grad, weights)?),
            Some(tensor_like(before, residual)?),
        ])
    }
}
