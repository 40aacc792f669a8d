//! Activations, alone or fused into batch normalization. Not yet run on a GPU.

use super::input::{CudaInput, lanes};
use super::launch::{Grid, Source, Variant, arguments};
use crate::nn::Activation;
use candle_core::{CudaStorage, Result};

impl Activation {
    /// Its number in `prelude.cuh`.
    pub(super) fn code(self) -> u32 {
        match self {
            Activation::None => 0,
            Activation::Relu => 1,
            Activation::LeakyRelu(_) => 2,
            Activation::Elu => 3,
            Activation::Sigmoid => 4,
        }
    }

    /// Its setting, where it has one.
    pub(super) fn slope(self) -> f32 {
        match self {
            Activation::LeakyRelu(slope) => slope,
            Activation::Elu => 1.0,
            _ => 0.0,
        }
    }
}

/// `kind` of each value.
pub(crate) fn activation(xs: CudaInput, kind: Activation) -> Result<CudaStorage> {
    let context = xs.context()?;
    let (dtype, len) = (xs.dtype(), xs.len());
    let from = xs.activations(&context)?;
    let ys = context.empty(dtype, len)?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[len], &[from]) };
    let arguments = arguments![from, ys.address, len, kind.code(), kind.slope()];
    context.launch(Source::Pointwise, "activation", variant, Grid::each(len / variant.lanes), arguments)?;
    Ok(ys.storage)
}

/// The gradient of the input `xs`, from that of the output.
pub(crate) fn activation_backward(
    xs: CudaInput,
    ys_grad: CudaInput,
    kind: Activation,
) -> Result<CudaStorage> {
    let context = xs.context()?;
    let (dtype, len) = (xs.dtype(), xs.len());
    let (x, grad) = (xs.activations(&context)?, ys_grad.activations_like(&context, dtype, len)?);
    let xs_grad = context.empty(dtype, len)?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[len], &[x, grad]) };
    let arguments = arguments![x, grad, xs_grad.address, len, kind.code(), kind.slope()];
    let grid = Grid::each(len / variant.lanes);
    context.launch(Source::Pointwise, "activation_backward", variant, grid, arguments)?;
    Ok(xs_grad.storage)
}
