//! The differentiable operation behind [`Conv2d`](super::Conv2d) and [`ConvTranspose2d`](super::ConvTranspose2d).
//!
//! A convolution takes the large plane to the small one; its adjoint takes the small one to the large one and is both the
//! gradient of a convolution and the transposed convolution. So each is the other's gradient, and they share the one of
//! the weights.

use super::cpu::{floats, tensor_like, with_floats};
use super::gather::{into_large, into_small};
use super::geometry::Geometry;
use super::mode::{apply2, apply3};
use super::reduce::channel_sums;
use super::weight_gradient::weight_gradient;
use crate::{Error, Result};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Shape, Tensor, bail};

/// Without bias an operation of two arguments, with bias of three.
pub(super) struct ConvolutionOp {
    pub(super) geometry: Geometry,
    /// From the small plane to the large one.
    pub(super) transposed: bool,
}

/// Applies `op` to `xs`, which has to be contiguous.
pub(super) fn convolve(
    xs: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    op: ConvolutionOp,
) -> Result<Tensor> {
    let name = op.name();
    let ys = match bias {
        Some(bias) => apply3(xs, weight, bias, op),
        None => apply2(xs, weight, op),
    };
    ys.map_err(Error::tensor(name))
}

impl ConvolutionOp {
    fn name(&self) -> &'static str {
        if self.transposed { "conv_transpose2d" } else { "conv2d" }
    }

    fn forward(&self, xs: &[f32], weight: &[f32], bias: Option<&[f32]>) -> (CpuStorage, Shape) {
        let Geometry { batch, large, small, .. } = self.geometry;
        let (ys, plane) = match self.transposed {
            true => (into_large(&self.geometry, xs, weight, bias), large),
            false => (into_small(&self.geometry, xs, weight, bias), small),
        };
        (CpuStorage::F32(ys), (batch, plane.height, plane.width, plane.channels).into())
    }

    /// Gradients of input and weight; the network's own input, which nothing depends on, gets none.
    fn backward(
        &self,
        xs: &Tensor,
        weight: &Tensor,
        ys_grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        if xs.elem_count() == 0 {
            bail!("the gradient of a convolution needs a batch that is not empty")
        }
        let (large, small) = if self.transposed { (ys_grad, xs) } else { (xs, ys_grad) };
        let weight_grad = with_floats(large, |large| {
            with_floats(small, |small| weight_gradient(&self.geometry, large, small))
        })??;
        let weight_grad = tensor_like(weight_grad, weight)?;
        if !xs.track_op() {
            return Ok((None, Some(weight_grad)));
        }
        let adjoint = if self.transposed { into_small } else { into_large };
        let xs_grad = with_floats(ys_grad, |ys_grad| {
            with_floats(weight, |weight| adjoint(&self.geometry, ys_grad, weight, None))
        })??;
        Ok((Some(tensor_like(xs_grad, xs)?), Some(weight_grad)))
    }
}

impl CustomOp2 for ConvolutionOp {
    fn name(&self) -> &'static str {
        self.name()
    }

    fn cpu_fwd(
        &self,
        xs: &CpuStorage,
        xs_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        Ok(self.forward(floats(xs, xs_layout)?, floats(weight, weight_layout)?, None))
    }

    fn bwd(
        &self,
        xs: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        ys_grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        self.backward(xs, weight, &ys_grad.contiguous()?)
    }
}

impl CustomOp3 for ConvolutionOp {
    fn name(&self) -> &'static str {
        self.name()
    }

    fn cpu_fwd(
        &self,
        xs: &CpuStorage,
        xs_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let bias = floats(bias, bias_layout)?;
        Ok(self.forward(floats(xs, xs_layout)?, floats(weight, weight_layout)?, Some(bias)))
    }

    fn bwd(
        &self,
        xs: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        ys_grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let ys_grad = ys_grad.contiguous()?;
        let (xs_grad, weight_grad) = self.backward(xs, weight, &ys_grad)?;
        let bias_grad = with_floats(&ys_grad, |grad| channel_sums(grad, bias.elem_count()))?;
        Ok((xs_grad, weight_grad, Some(tensor_like(bias_grad, bias)?)))
    }
}
