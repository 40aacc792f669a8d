//! Batch normalization with what follows it, in one pass. Not yet run on a GPU.
//!
//! `ys = activation((xs - mean) / sqrt(variance + eps) * weight + bias + residual)` per channel. The backward pass computes
//! the activation's input again, so that nothing but the input and two numbers per channel is kept.

use super::context::{Context, Output};
use super::input::{CudaInput, lanes, optional};
use super::launch::{Argument, Grid, Source, Variant, arguments};
use super::reduce::{Chunks, finish_grid};
use crate::nn::Activation;
use candle_core::{CudaStorage, DType, Result, bail};
use std::sync::Arc;

/// Statistics of the batch, (2, channels) f32: mean and `1 / sqrt(variance + eps)`. Writes the running ones, which move by
/// `momentum` (PyTorch's) towards the batch's mean and unbiased variance.
///
/// # Errors
/// With fewer than two values per channel, which have no variance.
pub(crate) fn batch_statistics(
    xs: CudaInput,
    running_mean: CudaInput,
    running_var: CudaInput,
    eps: f32,
    momentum: f32,
) -> Result<CudaStorage> {
    let context = xs.context()?;
    let (dtype, channels) = (xs.dtype(), xs.channels());
    let pixels = xs.len() / channels;
    if pixels < 2 {
        bail!("batch normalization needs two values per channel or more to train")
    }
    let x = xs.activations(&context)?;
    let mean = running_mean.parameters(&context, channels)?;
    let var = running_var.parameters(&context, channels)?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[channels], &[x]) };
    let chunks = Chunks::new(1, pixels, channels, variant.lanes);
    let partial = context.empty(DType::F32, 2 * chunks.chunks * channels)?;
    let first = arguments![x, partial.address, pixels, channels, chunks.lanes, chunks.chunk];
    context.launch(Source::Norm, "batch_moments", variant, chunks.grid(1), first)?;
    let statistics = context.empty(DType::F32, 2 * channels)?;
    let tensors = arguments![partial.address, statistics.address, mean, var];
    let settings = arguments![pixels, channels, chunks.chunk, chunks.chunks, eps, momentum];
    let second = [tensors.as_slice(), settings].concat();
    context.launch(Source::Norm, "finish_moments", variant, finish_grid(channels), &second)?;
    Ok(statistics.storage)
}

/// The constants of prediction, in the form of [`batch_statistics`].
pub(crate) fn running_statistics(
    running_mean: CudaInput,
    running_var: CudaInput,
    eps: f32,
) -> Result<CudaStorage> {
    let context = running_mean.context()?;
    let channels = running_mean.len();
    let mean = running_mean.parameters(&context, channels)?;
    let var = running_var.parameters(&context, channels)?;
    let statistics = context.empty(DType::F32, 2 * channels)?;
    let arguments = arguments![mean, var, statistics.address, channels, eps];
    let grid = Grid::each(channels);
    context.launch(Source::Norm, "running_statistics", Variant::FLOATS, grid, arguments)?;
    Ok(statistics.storage)
}

/// One normalization.
#[derive(Clone, Copy)]
pub(crate) struct Norm<'a> {
    pub xs: CudaInput<'a>,
    /// Added before the activation, as large as `xs`.
    pub residual: Option<CudaInput<'a>>,
    /// From [`batch_statistics`] or [`running_statistics`].
    pub statistics: CudaInput<'a>,
    pub weight: CudaInput<'a>,
    pub bias: CudaInput<'a>,
    pub activation: Activation,
}

/// What [`Norm::backward`] gives. Weight and bias have f32 gradients.
pub(crate) struct NormGradients {
    pub xs: CudaStorage,
    /// Where there is a residual.
    pub residual: Option<CudaStorage>,
    pub weight: CudaStorage,
    pub bias: CudaStorage,
}

/// The addresses of a [`Norm`].
struct Addresses {
    context: Arc<Context>,
    xs: u64,
    residual: u64,
    statistics: u64,
    weight: u64,
    bias: u64,
}

impl Norm<'_> {
    fn addresses(&self) -> Result<Addresses> {
        let context = self.xs.context()?;
        let (channels, len) = (self.xs.channels(), self.xs.len());
        let like = |input: CudaInput| input.activations_like(&context, self.xs.dtype(), len);
        Ok(Addresses {
            xs: self.xs.activations(&context)?,
            residual: optional(self.residual, like)?,
            statistics: self.statistics.parameters(&context, 2 * channels)?,
            weight: self.weight.parameters(&context, channels)?,
            bias: self.bias.parameters(&context, channels)?,
            context,
        })
    }

    fn variant(&self, addresses: &[u64]) -> Variant {
        let dtype = self.xs.dtype();
        Variant { dtype, lanes: lanes(dtype, &[self.xs.channels()], addresses) }
    }

    /// The normalized values, of `xs`' type.
    pub(crate) fn forward(&self) -> Result<CudaStorage> {
        let a = self.addresses()?;
        let len = self.xs.len();
        let variant = self.variant(&[a.xs, a.residual]);
        let ys = a.context.empty(variant.dtype, len)?;
        let tensors = arguments![a.xs, a.residual, ys.address, a.statistics, a.weight, a.bias];
        let all = [tensors.as_slice(), &self.sizes(len)].concat();
        a.context.launch(Source::Norm, "normalize", variant, Grid::each(len / variant.lanes), &all)?;
        Ok(ys.storage)
    }

    /// The last arguments of elementwise kernels.
    fn sizes(&self, len: usize) -> [Argument; 4] {
        *arguments![len, self.xs.channels(), self.activation.code(), self.activation.slope()]
    }

    /// All gradients, from that of the output. `constant`: the statistics are those of prediction and depend on nothing.
    pub(crate) fn backward(&self, ys_grad: CudaInput, constant: bool) -> Result<NormGradients> {
        let a = self.addresses()?;
        let len = self.xs.len();
        if len == 0 {
            bail!("the gradient of batch normalization needs a batch that is not empty")
        }
        let grad = ys_grad.activations_like(&a.context, self.xs.dtype(), len)?;
        let variant = self.variant(&[a.xs, a.residual, grad]);
        let [weight, bias, correction] = self.sums(&a, grad, variant, constant)?;
        let xs_grad = a.context.empty(variant.dtype, len)?;
        let residual = self.residual.map(|_| a.context.empty(variant.dtype, len)).transpose()?;
        let residual_address = residual.as_ref().map_or(0, |residual| residual.address);
        let inputs = arguments![a.xs, a.residual, grad, a.statistics, a.weight, a.bias, correction.address];
        let outputs = arguments![xs_grad.address, residual_address];
        let all = [inputs.as_slice(), outputs, &self.sizes(len)].concat();
        a.context.launch(Source::Norm, "input_gradient", variant, Grid::each(len / variant.lanes), &all)?;
        Ok(NormGradients {
            xs: xs_grad.storage,
            residual: residual.map(|residual| residual.storage),
            weight: weight.storage,
            bias: bias.storage,
        })
    }

    /// The gradients of weight and bias, and what the gradient of `xs` needs per channel.
    fn sums(&self, a: &Addresses, grad: u64, variant: Variant, constant: bool) -> Result<[Output; 3]> {
        let channels = self.xs.channels();
        let pixels = self.xs.len() / channels;
        let chunks = Chunks::new(1, pixels, channels, variant.lanes);
        let floats = |len| a.context.empty(DType::F32, len);
        let partial = floats(2 * chunks.chunks * channels)?;
        let tensors = arguments![a.xs, a.residual, grad, a.statistics, a.weight, a.bias, partial.address];
        let sizes = arguments![pixels, channels, chunks.lanes, chunks.chunk];
        let kind = arguments![self.activation.code(), self.activation.slope()];
        let first = [tensors.as_slice(), sizes, kind].concat();
        a.context.launch(Source::Norm, "gradient_sums", variant, chunks.grid(1), &first)?;
        let outputs = [floats(channels)?, floats(channels)?, floats(2 * channels)?];
        let [weight, bias, correction] = [&outputs[0], &outputs[1], &outputs[2]].map(|output| output.address);
        let tensors = arguments![partial.address, a.statistics, a.weight, weight, bias, correction];
        let second = [tensors.as_slice(), arguments![pixels, channels, chunks.chunks, constant]].concat();
        a.context.launch(Source::Norm, "finish_gradient", variant, finish_grid(channels), &second)?;
        Ok(outputs)
    }
}
