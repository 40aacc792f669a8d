//! Addition, dropout and the gates of squeeze-and-excitation. Not yet run on a GPU.

use super::context::Context;
use super::input::{CudaInput, lanes, optional};
use super::launch::{Argument, Grid, Source, Variant, arguments};
use super::reduce::image_sums;
use crate::nn::Activation;
use candle_core::{CudaStorage, DType, Result, bail};

/// `a + b`, of equal shapes.
pub(crate) fn add(a: CudaInput, b: CudaInput) -> Result<CudaStorage> {
    let (context, dtype, len) = (a.context()?, a.dtype(), a.len());
    let (x, y) = (a.activations(&context)?, b.activations_like(&context, dtype, len)?);
    let out = context.empty(dtype, len)?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[len], &[x, y]) };
    let grid = Grid::each(len / variant.lanes);
    context.launch(Source::Pointwise, "add", variant, grid, arguments![x, y, out.address, len])?;
    Ok(out.storage)
}

/// `a xs + b ys`, of equal shapes.
pub(crate) fn weighted_sum([a, b]: [f64; 2], xs: CudaInput, ys: Option<CudaInput>) -> Result<CudaStorage> {
    let (context, dtype, len) = (xs.context()?, xs.dtype(), xs.len());
    let x = xs.activations(&context)?;
    let y = optional(ys, |ys| ys.activations_like(&context, dtype, len))?;
    let out = context.empty(dtype, len)?;
    let variant = Variant { dtype, lanes: 1 };
    let arguments = arguments![x, y, out.address, len, a as f32, b as f32];
    context.launch(Source::Pointwise, "weighted_sum", variant, Grid::each(len), arguments)?;
    Ok(out.storage)
}

/// As many times `value` as `like` has values, of its type.
pub(crate) fn all_of(value: f32, like: CudaInput) -> Result<CudaStorage> {
    let (context, dtype, len) = (like.context()?, like.dtype(), like.len());
    let out = context.empty(dtype, len)?;
    let variant = Variant { dtype, lanes: 1 };
    let arguments = arguments![out.address, len, value];
    context.launch(Source::Pointwise, "set_all", variant, Grid::each(len), arguments)?;
    Ok(out.storage)
}

/// What follows a convolution.
pub(super) struct Finish {
    pub len: usize,
    pub channels: usize,
    pub activation: Activation,
}

/// Adds to the result of a convolution a bias per channel and, where there is one, a residual as large, and applies an
/// activation, in place. Addresses of result, bias and residual.
pub(super) fn finish(
    context: &Context,
    dtype: DType,
    [ys, bias, residual]: [u64; 3],
    Finish { len, channels, activation }: Finish,
) -> Result<()> {
    let variant = Variant { dtype, lanes: lanes(dtype, &[channels], &[ys, residual]) };
    let arguments = arguments![ys, bias, residual, len, channels, activation.code(), activation.slope()];
    let grid = Grid::each(len / variant.lanes);
    context.launch(Source::Pointwise, "finish_convolution", variant, grid, arguments)
}

/// One dropout. The numbers follow from the seed and an element's place, so that the backward pass is the same call on the
/// gradient, and nothing is kept: element `i` goes by the `i`-th number of SplitMix64 from `seed`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dropout {
    pub seed: u64,
    /// Share that becomes 0; the rest is scaled by `1 / (1 - probability)`.
    pub probability: f64,
    /// Whole channels of an image go together; number `n * C + c` decides.
    pub spatial: bool,
}

/// Applies `dropout` to `xs`, (N, H, W, C) when it is spatial.
pub(crate) fn dropout(xs: CudaInput, dropout: Dropout) -> Result<CudaStorage> {
    if !(0.0..1.0).contains(&dropout.probability) {
        bail!("the probability of dropout is from 0 to below 1, not {}", dropout.probability)
    }
    let (context, dtype, len) = (xs.context()?, xs.dtype(), xs.len());
    if context.is_recording()? {
        bail!("dropout has another seed in each step, so it cannot be recorded")
    }
    let (image, channels) = match dropout.spatial {
        true => (len / xs.image_dims()?[0].max(1), xs.channels()),
        false => (0, 1),
    };
    let x = xs.activations(&context)?;
    let ys = context.empty(dtype, len)?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[len], &[x]) };
    let threshold = (dropout.probability * 2f64.powi(32)) as u32;
    let scale = (1.0 / (1.0 - dropout.probability)) as f32;
    let arguments = arguments![x, ys.address, len, dropout.seed, threshold, scale, image, channels];
    context.launch(Source::Pointwise, "dropout", variant, Grid::each(len / variant.lanes), arguments)?;
    Ok(ys.storage)
}

/// (images, pixels, channels) of activations (N, H, W, C).
fn shape(xs: CudaInput) -> Result<[usize; 3]> {
    let [images, height, width, channels] = xs.image_dims()?;
    Ok([images, height * width, channels])
}

/// `xs` (N, H, W, C) times `gate` (N, C).
pub(crate) fn gate_channels(xs: CudaInput, gate: CudaInput) -> Result<CudaStorage> {
    let [images, pixels, channels] = shape(xs)?;
    let sizes = arguments![pixels * channels, channels];
    gated(xs, gate, images * channels, "gate_channels", sizes)
}

/// `xs` (N, H, W, C) times `gate` (N, H, W).
pub(crate) fn gate_pixels(xs: CudaInput, gate: CudaInput) -> Result<CudaStorage> {
    let [images, pixels, channels] = shape(xs)?;
    gated(xs, gate, images * pixels, "gate_pixels", arguments![channels])
}

fn gated(
    xs: CudaInput,
    gate: CudaInput,
    gates: usize,
    kernel: &'static str,
    sizes: &[Argument],
) -> Result<CudaStorage> {
    let (context, dtype, len) = (xs.context()?, xs.dtype(), xs.len());
    let (x, gate) = (xs.activations(&context)?, gate.activations_like(&context, dtype, gates)?);
    let ys = context.empty(dtype, len)?;
    // One gate for each pixel is read alone; wherever it lies, it must not forbid wide reads of `xs`.
    let wide = if kernel == "gate_pixels" { 0 } else { gate };
    let variant = Variant { dtype, lanes: lanes(dtype, &[xs.channels()], &[x, wide]) };
    let arguments = [arguments![x, gate, ys.address, len].as_slice(), sizes].concat();
    context.launch(Source::Pointwise, kernel, variant, Grid::each(len / variant.lanes), &arguments)?;
    Ok(ys.storage)
}

/// The gradients of `xs` and `gate` of [`gate_channels`].
pub(crate) fn gate_channels_backward(
    xs: CudaInput,
    gate: CudaInput,
    ys_grad: CudaInput,
) -> Result<(CudaStorage, CudaStorage)> {
    let gate_grad = image_sums(xs, Some(ys_grad), shape(xs)?, 1.0, xs.dtype())?;
    Ok((gate_channels(ys_grad, gate)?, gate_grad.storage))
}

/// The gradients of `xs` and `gate` of [`gate_pixels`].
pub(crate) fn gate_pixels_backward(
    xs: CudaInput,
    gate: CudaInput,
    ys_grad: CudaInput,
) -> Result<(CudaStorage, CudaStorage)> {
    let (context, dtype) = (xs.context()?, xs.dtype());
    let [images, pixels, channels] = shape(xs)?;
    let count = images * pixels;
    let x = xs.activations(&context)?;
    let grad = ys_grad.activations_like(&context, dtype, xs.len())?;
    let gate_grad = context.empty(dtype, count)?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[channels], &[x, grad]) };
    let arguments = arguments![x, grad, gate_grad.address, count, channels];
    // A warp for each pixel.
    context.launch(Source::Reduce, "pixel_dots", variant, Grid::each(count * 32), arguments)?;
    Ok((gate_pixels(ys_grad, gate)?, gate_grad.storage))
}
