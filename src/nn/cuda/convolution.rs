//! Convolutions, their adjoints and the gradients of their weights. Not yet run on a GPU.
//!
//! Weights are PyTorch's, f32, `(small channels, large channels of a group, kernel height, kernel width)` for a convolution
//! and a transposed one alike. cuDNN wants them in the type of the activations with channels last, so they are repacked at
//! each use, a small cost beside the convolution.

use super::context::{Context, Output};
use super::cudnn::{Direction, Tensors};
use super::geometry::{Geometry, Plane, Window};
use super::input::{CudaInput, optional};
use super::launch::{Argument, Grid, Source, Variant, arguments};
use super::pointwise::{Finish, finish};
use super::reduce::finish_grid;
use crate::nn::Activation;
use candle_core::{CudaStorage, DType, Result, bail};

/// Threads that fill a large GPU, about: weight gradients of the direct kernel divide the pixels among as many.
const THREADS: usize = 1 << 18;

/// The convolution itself: from `large` to the small plane.
pub(crate) fn into_small(
    geometry: &Geometry,
    large: CudaInput,
    weight: CudaInput,
    bias: Option<CudaInput>,
) -> Result<CudaStorage> {
    convolve(geometry, Direction::IntoSmall, large, weight, bias)
}

/// From `small` to the large plane: the gradient of a convolution's input, and the transposed convolution.
pub(crate) fn into_large(
    geometry: &Geometry,
    small: CudaInput,
    weight: CudaInput,
    bias: Option<CudaInput>,
) -> Result<CudaStorage> {
    convolve(geometry, Direction::IntoLarge, small, weight, bias)
}

/// The gradient of the weight, f32 in PyTorch's shape, from the activations of both planes (one of them a gradient).
pub(crate) fn weight_gradient(
    geometry: &Geometry,
    large: CudaInput,
    small: CudaInput,
) -> Result<CudaStorage> {
    let (context, dtype) = (large.context()?, large.dtype());
    let large = large.activations_like(&context, dtype, geometry.batch * geometry.large.len())?;
    let small = small.activations_like(&context, dtype, geometry.batch * geometry.small.len())?;
    if geometry.batch == 0 {
        bail!("the gradient of a convolution needs a batch that is not empty")
    }
    if one_channel(geometry) {
        return direct_weight_gradient(&context, geometry, dtype, large, small);
    }
    let packed = context.empty(dtype, weight_len(geometry))?;
    let tensors = Tensors { large, small, weight: packed.address };
    let done = context
        .with_cudnn(|cudnn| cudnn.convolve(context.device(), geometry, dtype, Direction::Weight, tensors))?;
    match done {
        true => unpack(&context, geometry, dtype, packed),
        false => direct_weight_gradient(&context, geometry, dtype, large, small),
    }
}

fn convolve(
    geometry: &Geometry,
    direction: Direction,
    from: CudaInput,
    weight: CudaInput,
    bias: Option<CudaInput>,
) -> Result<CudaStorage> {
    let (context, dtype) = (from.context()?, from.dtype());
    let (source, target) = match direction {
        Direction::IntoSmall => (geometry.large, geometry.small),
        _ => (geometry.small, geometry.large),
    };
    let len = geometry.batch * target.len();
    let from = from.activations_like(&context, dtype, geometry.batch * source.len())?;
    let weights = weight.parameters(&context, weight_len(geometry))?;
    let bias_address = optional(bias, |bias| bias.parameters(&context, target.channels))?;
    let out = context.empty(dtype, len)?;
    let packed = pack(&context, geometry, dtype, weights)?;
    let weight = packed.as_ref().map_or(weights, |packed| packed.address);
    let (large, small, kernel) = match direction {
        Direction::IntoSmall => (from, out.address, "direct_into_small"),
        _ => (out.address, from, "direct_into_large"),
    };
    match bias {
        _ if !on_cudnn(&context, geometry, (direction, dtype), Tensors { large, small, weight })? => {
            direct(&context, geometry, (kernel, dtype), [from, weights, bias_address, out.address], len)?;
        }
        Some(_) => {
            let finishing = Finish { len, channels: target.channels, activation: Activation::None };
            finish(&context, dtype, [out.address, bias_address, 0], finishing)?;
        }
        None => (),
    }
    Ok(out.storage)
}

/// Queues a convolution on cuDNN; false where one of our own kernels has to do it.
pub(super) fn on_cudnn(
    context: &Context,
    geometry: &Geometry,
    (direction, dtype): (Direction, DType),
    tensors: Tensors,
) -> Result<bool> {
    if geometry.batch == 0 || one_channel(geometry) {
        return Ok(false);
    }
    context.with_cudnn(|cudnn| cudnn.convolve(context.device(), geometry, dtype, direction, tensors))
}

/// A convolution by one of our own kernels, on the addresses of source, weight, bias and result.
pub(super) fn direct(
    context: &Context,
    geometry: &Geometry,
    (kernel, dtype): (&'static str, DType),
    [from, weight, bias, out]: [u64; 4],
    len: usize,
) -> Result<()> {
    let tensors = arguments![from, weight, bias, out, len];
    let all = [tensors.as_slice(), &geometry_arguments(geometry)].concat();
    context.launch(Source::Direct, kernel, Variant { dtype, lanes: 1 }, Grid::each(len), &all)
}

/// Depthwise, or nearly: a group has one large channel, and there is no matrix product to speak of.
fn one_channel(geometry: &Geometry) -> bool {
    geometry.groups > 1 && geometry.large_channels() == 1
}

pub(super) fn weight_len(geometry: &Geometry) -> usize {
    geometry.small.channels * geometry.large_channels() * geometry.window.taps()
}

/// cuDNN's weight; nothing where PyTorch's is the same already, or cuDNN is not used.
pub(super) fn pack(
    context: &Context,
    geometry: &Geometry,
    dtype: DType,
    weight: u64,
) -> Result<Option<Output>> {
    if one_channel(geometry) || (dtype == DType::F32 && is_packed(geometry)) {
        return Ok(None);
    }
    let len = weight_len(geometry);
    let packed = context.empty(dtype, len)?;
    let arguments =
        arguments![weight, packed.address, len, geometry.large_channels(), geometry.window.taps()];
    let variant = Variant { dtype, lanes: 1 };
    context.launch(Source::Direct, "pack_weight", variant, Grid::each(len), arguments)?;
    Ok(Some(packed))
}

/// PyTorch's gradient of the weight from cuDNN's.
fn unpack(context: &Context, geometry: &Geometry, dtype: DType, packed: Output) -> Result<CudaStorage> {
    if dtype == DType::F32 && is_packed(geometry) {
        return Ok(packed.storage);
    }
    let len = weight_len(geometry);
    let weight = context.empty(DType::F32, len)?;
    let arguments =
        arguments![packed.address, weight.address, len, geometry.large_channels(), geometry.window.taps()];
    let variant = Variant { dtype, lanes: 1 };
    context.launch(Source::Direct, "unpack_weight", variant, Grid::each(len), arguments)?;
    Ok(weight.storage)
}

/// With one tap or one channel both orders are one.
fn is_packed(geometry: &Geometry) -> bool {
    geometry.window.taps() == 1 || geometry.large_channels() == 1
}

fn direct_weight_gradient(
    context: &Context,
    geometry: &Geometry,
    dtype: DType,
    large: u64,
    small: u64,
) -> Result<CudaStorage> {
    let (len, pixels) = (weight_len(geometry), geometry.batch * geometry.small.pixels());
    let most = (THREADS / len.max(1)).clamp(1, pixels.div_ceil(64).max(1)).min(1024);
    let chunk = pixels.div_ceil(most);
    let chunks = pixels.div_ceil(chunk.max(1));
    let partial = context.empty(DType::F32, chunks * len)?;
    let weight = context.empty(DType::F32, len)?;
    let variant = Variant { dtype, lanes: 1 };
    let tensors = arguments![large, small, partial.address, len, pixels, chunk];
    let all = [tensors.as_slice(), &geometry_arguments(geometry)].concat();
    let grid = Grid(Grid::each(len).0, chunks, 1);
    context.launch(Source::Direct, "direct_weight_gradient", variant, grid, &all)?;
    let arguments = arguments![partial.address, weight.address, 0u64, len, chunks, len, 1f32];
    context.launch(Source::Reduce, "finish_sums", variant, finish_grid(len), arguments)?;
    Ok(weight.storage)
}

/// `GEOMETRY` of the kernels.
fn geometry_arguments(geometry: &Geometry) -> [Argument; 15] {
    let Geometry { large, small, window, groups, .. } = geometry;
    let plane = |plane: &Plane| [plane.height, plane.width, plane.channels];
    let ([lh, lw, lc], [sh, sw, sc]) = (plane(large), plane(small));
    let Window { kernel: [ky, kx], stride: [sy, sx], padding: [py, px], dilation: [dy, dx] } = *window;
    *arguments![lh, lw, lc, sh, sw, sc, *groups, ky, kx, sy, sx, py, px, dy, dx]
}
