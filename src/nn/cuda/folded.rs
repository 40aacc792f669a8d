//! A convolution as prediction has it: the batch normalization behind it folded into its weight, once for many batches, and
//! what follows done in one pass over the result. Not yet run on a GPU.

use super::context::Output;
use super::convolution::{direct, on_cudnn, pack, weight_len};
use super::cudnn::{Direction, Tensors};
use super::geometry::Geometry;
use super::input::{CudaInput, optional};
use super::launch::{Grid, Source, Variant, arguments};
use super::pointwise::{Finish, finish};
use super::tensors::with_inputs;
use crate::nn::autograd::cached;
use crate::nn::{Activation, Input, Operation, Step, apply};
use candle_core::{CpuStorage, CudaStorage, DType, Result, Shape, Tensor, bail};
use std::sync::Arc;

/// The layers that are folded.
pub(crate) struct Layers<'a> {
    /// Of the convolution.
    pub weight: &'a Tensor,
    pub bias: Option<&'a Tensor>,
    /// Of the normalization, where there is one: weight, bias, running mean and variance, and what is added to the variance.
    pub norm: Option<([&'a Tensor; 4], f32)>,
}

/// A folded convolution in the order in which kernels read it.
struct Folded {
    /// f32 in PyTorch's order.
    weight: Output,
    /// cuDNN's, where that is another.
    packed: Option<Output>,
    bias: Output,
}

/// For bf16 images; a type of its own, since what is cached is told apart by type.
struct FoldedHalf(Arc<Folded>);

impl Folded {
    fn new(layers: &Layers, geometry: &Geometry, dtype: DType) -> Result<Folded> {
        let mut tensors = vec![layers.weight];
        tensors.extend(layers.bias);
        let eps = layers.norm.map_or(0.0, |(norm, eps)| {
            tensors.extend(norm);
            eps
        });
        with_inputs(&tensors, |inputs| {
            let context = inputs[0].context()?;
            let (channels, len) = (geometry.small.channels, weight_len(geometry));
            let per_channel = |input: CudaInput| input.parameters(&context, channels);
            let weight = inputs[0].parameters(&context, len)?;
            let mut rest = inputs[1..].iter().copied();
            let mut next = |there: bool| optional(if there { rest.next() } else { None }, per_channel);
            let old = next(layers.bias.is_some())?;
            let mut norm = || next(layers.norm.is_some());
            let (scale, shift, mean, var) = (norm()?, norm()?, norm()?, norm()?);
            let folded = context.empty(DType::F32, len)?;
            let arguments = arguments![weight, scale, var, folded.address, len, len / channels.max(1), eps];
            context.launch(Source::Fold, "fold_weight", Variant::FLOATS, Grid::each(len), arguments)?;
            let bias = context.empty(DType::F32, channels)?;
            let arguments = arguments![old, scale, shift, mean, var, bias.address, channels, eps];
            context.launch(Source::Fold, "fold_bias", Variant::FLOATS, Grid::each(channels), arguments)?;
            let packed = pack(&context, geometry, dtype, folded.address)?;
            Ok(Folded { weight: folded, packed, bias })
        })
    }

    fn convolve(
        &self,
        geometry: &Geometry,
        xs: CudaInput,
        residual: Option<CudaInput>,
        activation: Activation,
    ) -> Result<CudaStorage> {
        let (context, dtype) = (xs.context()?, xs.dtype());
        let len = geometry.batch * geometry.small.len();
        let x = xs.activations_like(&context, dtype, geometry.batch * geometry.large.len())?;
        let residual = optional(residual, |residual| residual.activations_like(&context, dtype, len))?;
        let ys = context.empty(dtype, len)?;
        let weight = self.packed.as_ref().unwrap_or(&self.weight).address;
        let tensors = Tensors { large: x, small: ys.address, weight };
        if !on_cudnn(&context, geometry, (Direction::IntoSmall, dtype), tensors)? {
            let addresses = [x, self.weight.address, 0, ys.address];
            direct(&context, geometry, ("direct_into_small", dtype), addresses, len)?;
        }
        let (bias, channels) = (self.bias.address, geometry.small.channels);
        finish(&context, dtype, [ys.address, bias, residual], Finish { len, channels, activation })?;
        Ok(ys.storage)
    }
}

/// Applies a convolution, perhaps a normalization and a residual, and an activation, of which nothing is recorded.
pub(crate) fn apply_folded(
    xs: &Tensor,
    residual: Option<&Tensor>,
    (geometry, activation): (Geometry, Activation),
    layers: &Layers,
) -> Result<Tensor> {
    let fold = || Folded::new(layers, &geometry, xs.dtype());
    let folded = match xs.dtype() {
        DType::BF16 => cached(layers.weight, || Ok(FoldedHalf(Arc::new(fold()?))))?.0.clone(),
        _ => cached(layers.weight, fold)?,
    };
    let operation = FoldedConvolution { geometry, folded, activation };
    match residual {
        Some(residual) => apply(operation, &[xs, residual]),
        None => apply(operation, &[xs]),
    }
}

struct FoldedConvolution {
    geometry: Geometry,
    folded: Arc<Folded>,
    activation: Activation,
}

impl Operation for FoldedConvolution {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu(&self, _: &[Input]) -> Result<(CpuStorage, Shape)> {
        bail!("what was folded on a GPU is for images there")
    }

    fn cuda(&self, inputs: &[CudaInput]) -> Result<(CudaStorage, Shape)> {
        let Geometry { batch, small, .. } = self.geometry;
        let ys = self.folded.convolve(&self.geometry, inputs[0], inputs.get(1).copied(), self.activation)?;
        Ok((ys, (batch, small.height, small.width, small.channels).into()))
    }

    fn backward(&self, _: &Step) -> Result<Vec<Option<Tensor>>> {
        bail!("a folded layer has no gradient; forward in Mode::Train, or with gradients recorded")
    }
}
