//! The differentiable operation behind [`Conv2d`](super::Conv2d) and [`ConvTranspose2d`](super::ConvTranspose2d).
//!
//! A convolution takes the large plane to the small one; its adjoint takes the small one to the large one and is both the
//! gradient of a convolution and the transposed convolution. So each is the other's gradient, and they share the one of
//! the weights.

use super::autograd::{Input, Operation, Step, apply, cached};
use super::cpu::convolution::{
    Ending, PackedWeight, depthwise_into_large, depthwise_into_small, depthwise_weight_gradient, into_large,
    into_small, weight_gradient,
};
use super::cpu::reduce::channel_sums;
use super::cpu::{Floats, tensor_like};
#[cfg(feature = "cuda")]
use super::cuda::{self, CudaInput};
use super::geometry::Geometry;
use crate::{Error, Result};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, Shape, Tensor, bail};
use std::sync::Arc;

/// The convolution of `xs` (N, H, W, large channels).
pub(super) fn convolve(
    xs: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    geometry: Geometry,
) -> Result<Tensor> {
    let run = || {
        let packed = match xs.device().is_cpu() && !geometry.is_depthwise() {
            true => Some(cached(weight, || Ok(PackedWeight::new(&geometry, &Floats::of(weight)?)))?),
            false => None,
        };
        apply_with_bias(Convolution { geometry, packed }, xs, weight, bias)
    };
    run().map_err(Error::tensor("conv2d"))
}

/// The transposed convolution of `xs` (N, H, W, small channels).
pub(super) fn convolve_transposed(
    xs: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    geometry: Geometry,
) -> Result<Tensor> {
    apply_with_bias(Transposed { geometry }, xs, weight, bias).map_err(Error::tensor("conv_transpose2d"))
}

fn apply_with_bias(
    operation: impl Operation,
    xs: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
) -> candle_core::Result<Tensor> {
    match bias {
        Some(bias) => apply(operation, &[xs, weight, bias]),
        None => apply(operation, &[xs, weight]),
    }
}

struct Convolution {
    geometry: Geometry,
    /// None where the weight is read as it is.
    packed: Option<Arc<PackedWeight>>,
}

struct Transposed {
    geometry: Geometry,
}

/// The values of the inputs: image, weight, bias.
fn values<'a>(inputs: &[Input<'a>]) -> candle_core::Result<(&'a [f32], &'a [f32], Ending<'a>)> {
    let [xs, weight, bias @ ..] = inputs else { bail!("a convolution has an image and a weight") };
    let bias = bias.first().map(Input::floats).transpose()?;
    Ok((xs.floats()?, weight.floats()?, Ending { bias, ..Ending::default() }))
}

fn check_not_empty(step: &Step) -> candle_core::Result<()> {
    if step.inputs[0].elem_count() == 0 {
        bail!("the gradient of a convolution needs a batch that is not empty")
    }
    Ok(())
}

fn weight_grad(
    geometry: &Geometry,
    large: &Tensor,
    small: &Tensor,
    like: &Tensor,
) -> candle_core::Result<Tensor> {
    let (large, small) = (Floats::of(large)?, Floats::of(small)?);
    let gradient = match geometry.is_depthwise() {
        true => depthwise_weight_gradient(geometry, &large, &small),
        false => weight_gradient(geometry, &large, &small),
    };
    tensor_like(gradient, like)
}

/// The bias's gradient, for a convolution that has one.
fn bias_grad(step: &Step) -> candle_core::Result<Option<Tensor>> {
    match step.inputs.get(2) {
        Some(bias) if step.wanted(2) => {
            let sums = channel_sums(&Floats::of(step.ys_grad)?, bias.elem_count());
            tensor_like(sums, bias).map(Some)
        }
        _ => Ok(None),
    }
}

/// The gradients that are wanted of image, weight and bias.
#[cfg(feature = "cuda")]
fn cuda_grads(
    step: &Step,
    image: impl FnOnce() -> candle_core::Result<CudaStorage>,
    weight: impl FnOnce() -> candle_core::Result<CudaStorage>,
    ys_grad: CudaInput,
) -> candle_core::Result<Vec<Option<Tensor>>> {
    let mut grads = vec![None, None];
    if step.wanted(0) {
        grads[0] = cuda::gradient(image()?, step.inputs[0]);
    }
    if step.wanted(1) {
        grads[1] = cuda::gradient(weight()?, step.inputs[1]);
    }
    if let Some(bias) = step.inputs.get(2).filter(|bias| bias.track_op()) {
        grads.push(cuda::gradient(cuda::channel_sums(ys_grad)?, bias));
    }
    Ok(grads)
}

impl Operation for Convolution {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (xs, weight, ending) = values(inputs)?;
        let ys = match &self.packed {
            Some(packed) => into_small(&self.geometry, xs, packed, ending),
            None => depthwise_into_small(&self.geometry, xs, weight, ending),
        };
        let Geometry { batch, small, .. } = self.geometry;
        Ok((CpuStorage::F32(ys), (batch, small.height, small.width, small.channels).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, inputs: &[CudaInput]) -> candle_core::Result<(CudaStorage, Shape)> {
        let Geometry { batch, small, .. } = self.geometry;
        let ys = cuda::into_small(&self.geometry, inputs[0], inputs[1], inputs.get(2).copied())?;
        Ok((ys, (batch, small.height, small.width, small.channels).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        check_not_empty(step)?;
        cuda::with_inputs(&[step.inputs[0], step.inputs[1], step.ys_grad], |inputs| {
            let [xs, weight, grad] = *inputs else { bail!("a convolution has an image and a weight") };
            let image = || cuda::into_large(&self.geometry, grad, weight, None);
            let weight = || cuda::weight_gradient(&self.geometry, xs, grad);
            cuda_grads(step, image, weight, grad)
        })
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        check_not_empty(step)?;
        let (xs, weight, geometry) = (step.inputs[0], step.inputs[1], &self.geometry);
        let gradient = || {
            let (grad, weight) = (Floats::of(step.ys_grad)?, Floats::of(weight)?);
            let into_large = if geometry.is_depthwise() { depthwise_into_large } else { into_large };
            tensor_like(into_large(geometry, &grad, &weight, Ending::default()), xs)
        };
        Ok(vec![
            step.wanted(0).then(gradient).transpose()?,
            step.wanted(1).then(|| weight_grad(geometry, xs, step.ys_grad, weight)).transpose()?,
            bias_grad(step)?,
        ])
    }
}

impl Operation for Transposed {
    fn name(&self) -> &'static str {
        "conv_transpose2d"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (xs, weight, ending) = values(inputs)?;
        let into_large = if self.geometry.is_depthwise() { depthwise_into_large } else { into_large };
        let ys = into_large(&self.geometry, xs, weight, ending);
        let Geometry { batch, large, .. } = self.geometry;
        Ok((CpuStorage::F32(ys), (batch, large.height, large.width, large.channels).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, inputs: &[CudaInput]) -> candle_core::Result<(CudaStorage, Shape)> {
        let Geometry { batch, large, .. } = self.geometry;
        let ys = cuda::into_large(&self.geometry, inputs[0], inputs[1], inputs.get(2).copied())?;
        Ok((ys, (batch, large.height, large.width, large.channels).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        check_not_empty(step)?;
        cuda::with_inputs(&[step.inputs[0], step.inputs[1], step.ys_grad], |inputs| {
            let [xs, weight, grad] = *inputs else { bail!("a convolution has an image and a weight") };
            let image = || cuda::into_small(&self.geometry, grad, weight, None);
            let weight = || cuda::weight_gradient(&self.geometry, grad, xs);
            cuda_grads(step, image, weight, grad)
        })
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        check_not_empty(step)?;
        let (xs, weight, geometry) = (step.inputs[0], step.inputs[1], &self.geometry);
        let gradient = || {
            let (grad, weight) = (Floats::of(step.ys_grad)?, Floats::of(weight)?);
            let ys = match geometry.is_depthwise() {
                true => depthwise_into_small(geometry, &grad, &weight, Ending::default()),
                false => {
                    into_small(geometry, &grad, &PackedWeight::new(geometry, &weight), Ending::default())
                }
            };
            tensor_like(ys, xs)
        };
        Ok(vec![
            step.wanted(0).then(gradient).transpose()?,
            step.wanted(1).then(|| weight_grad(geometry, step.ys_grad, xs, weight)).transpose()?,
            bias_grad(step)?,
        ])
    }
}
