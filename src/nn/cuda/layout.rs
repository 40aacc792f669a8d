//! Moving activations without changing them. Not yet run on a GPU.

use super::context::{Context, Output};
use super::input::{CudaInput, lanes};
use super::launch::{Grid, Source, Variant, arguments};
use candle_core::{CudaStorage, DType, Result, bail};

/// Side of the square that a block transposes, `SIDE` in the kernel.
const SIDE: usize = 32;

/// (matrices, rows, columns) to (matrices, columns, rows).
pub(crate) fn transpose(xs: CudaInput, matrices: usize, rows: usize, columns: usize) -> Result<CudaStorage> {
    let (context, dtype) = (xs.context()?, xs.dtype());
    let count = matrices * rows * columns;
    let x = xs.activations_like(&context, dtype, count)?;
    let ys = context.empty(dtype, count)?;
    if count == 0 {
        return Ok(ys.storage);
    }
    let grid = Grid(columns.div_ceil(SIDE), rows.div_ceil(SIDE), matrices);
    let variant = Variant { dtype, lanes: 1 };
    context.launch(Source::Layout, "transpose", variant, grid, arguments![x, ys.address, rows, columns])?;
    Ok(ys.storage)
}

/// Some channels of tensors with equal pixels.
struct Channels {
    address: u64,
    /// Of a pixel.
    all: usize,
    first: usize,
}

/// Copies `channels` channels of each of `pixels` pixels.
fn copy_channels(
    context: &Context,
    dtype: DType,
    from: &Channels,
    to: &Channels,
    [pixels, channels]: [usize; 2],
) -> Result<()> {
    let counts = [channels, from.all, from.first, to.all, to.first];
    let variant = Variant { dtype, lanes: lanes(dtype, &counts, &[from.address, to.address]) };
    let count = pixels * channels;
    let tensors = arguments![from.address, to.address, count, channels];
    let places = arguments![from.all, from.first, to.all, to.first];
    let arguments = [tensors.as_slice(), places].concat();
    let grid = Grid::each(count / variant.lanes);
    context.launch(Source::Layout, "copy_channels", variant, grid, &arguments)
}

/// Joins tensors (..., C) with equal pixels along the channels, in order.
pub(crate) fn concat_channels(inputs: &[CudaInput]) -> Result<CudaStorage> {
    let Some(first) = inputs.first() else { bail!("nothing to join") };
    let (context, dtype) = (first.context()?, first.dtype());
    let pixels = first.len() / first.channels();
    let all = inputs.iter().map(CudaInput::channels).sum();
    let Output { storage, address } = context.empty(dtype, pixels * all)?;
    let mut to = Channels { address, all, first: 0 };
    for input in inputs {
        let channels = input.channels();
        let from = input.activations_like(&context, dtype, pixels * channels)?;
        let from = Channels { address: from, all: channels, first: 0 };
        copy_channels(&context, dtype, &from, &to, [pixels, channels])?;
        to.first += channels;
    }
    Ok(storage)
}

/// `channels` channels of `xs` (..., C) from channel `first` on.
pub(crate) fn slice_channels(xs: CudaInput, first: usize, channels: usize) -> Result<CudaStorage> {
    let (context, dtype, all) = (xs.context()?, xs.dtype(), xs.channels());
    if channels == 0 || first + channels > all {
        bail!("{all} channels have no {channels} from number {first} on")
    }
    let pixels = xs.len() / all;
    let from = Channels { address: xs.activations(&context)?, all, first };
    let Output { storage, address } = context.empty(dtype, pixels * channels)?;
    let to = Channels { address, all: channels, first: 0 };
    copy_channels(&context, dtype, &from, &to, [pixels, channels])?;
    Ok(storage)
}

/// `xs` (N, H, W, C) within a frame of `size`, its first pixel at `corner`, which may lie outside; zeros where `xs` is not.
/// Pads and crops; the backward pass is the frame of the old size at the negative corner.
pub(crate) fn frame(xs: CudaInput, size: [usize; 2], corner: [isize; 2]) -> Result<CudaStorage> {
    let (context, dtype) = (xs.context()?, xs.dtype());
    let [images, height, width, channels] = xs.image_dims()?;
    let x = xs.activations(&context)?;
    let count = images * size[0] * size[1] * channels;
    let ys = context.empty(dtype, count)?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[channels], &[x]) };
    let sizes = arguments![height, width, channels, size[0], size[1], corner[0], corner[1]];
    let arguments = [arguments![x, ys.address, count].as_slice(), sizes].concat();
    context.launch(Source::Layout, "frame", variant, Grid::each(count / variant.lanes), &arguments)?;
    Ok(ys.storage)
}
