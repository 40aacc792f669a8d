//! Sums over pixels, in an order that follows from the shapes alone. Not yet run on a GPU.

use super::context::Output;
use super::input::{CudaInput, lanes, optional};
use super::launch::{Grid, Source, Variant, arguments};
use candle_core::{CudaStorage, DType, Result, bail};

/// Threads that a block has for channels side by side, at most.
const MOST_LANES: usize = 32;
/// Blocks of a first launch, about: a few for each multiprocessor of a large GPU.
const BLOCKS: usize = 1024;
/// Fewer pixels are not worth a block.
const FEWEST_PIXELS: usize = 64;
/// Channels of a block in second launches, `SIDE` in the kernels.
const SIDE: usize = 8;

/// How a sum over pixels is divided among blocks.
pub(super) struct Chunks {
    /// Threads side by side.
    pub lanes: usize,
    /// Blocks side by side, over the channels.
    pub tiles: usize,
    /// Pixels of a block.
    pub chunk: usize,
    /// Blocks along the pixels of an image.
    pub chunks: usize,
}

impl Chunks {
    /// For `images` sums over `pixels` pixels each, with `wide` channels for each thread.
    pub(super) fn new(images: usize, pixels: usize, channels: usize, wide: usize) -> Chunks {
        let lanes = channels.div_ceil(wide).next_power_of_two().min(MOST_LANES);
        let tiles = channels.div_ceil(lanes * wide);
        let most = (BLOCKS / (tiles * images).max(1)).clamp(1, pixels.div_ceil(FEWEST_PIXELS).max(1));
        let chunk = pixels.div_ceil(most).max(1);
        Chunks { lanes, tiles, chunk, chunks: pixels.div_ceil(chunk) }
    }

    /// The grid of the first launch.
    pub(super) fn grid(&self, images: usize) -> Grid {
        Grid(self.tiles, self.chunks, images)
    }
}

/// The grid of a second launch, for `count` sums.
pub(super) fn finish_grid(count: usize) -> Grid {
    Grid(count.div_ceil(SIDE), 1, 1)
}

/// Sums of `xs` (..., channels) over all but the channels, f32: the gradient of a bias.
pub(crate) fn channel_sums(xs: CudaInput) -> Result<CudaStorage> {
    let channels = xs.channels();
    let shape = [1, xs.len() / channels, channels];
    Ok(image_sums(xs, None, shape, 1.0, DType::F32)?.storage)
}

/// Sums over the pixels of each image of `xs`, or of its products with `ys`, times `scale`. `shape` is (images, pixels,
/// channels); the result is (images, channels) of type `out`: f32, or as `xs`.
pub(super) fn image_sums(
    xs: CudaInput,
    ys: Option<CudaInput>,
    [images, pixels, channels]: [usize; 3],
    scale: f32,
    out: DType,
) -> Result<Output> {
    if images * pixels * channels == 0 {
        bail!("a sum over pixels needs a batch that is not empty")
    }
    let context = xs.context()?;
    let (dtype, len) = (xs.dtype(), xs.len());
    let x = xs.activations(&context)?;
    let y = optional(ys, |ys| ys.activations_like(&context, dtype, len))?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[channels], &[x, y]) };
    let chunks = Chunks::new(images, pixels, channels, variant.lanes);
    let partial = context.empty(DType::F32, images * chunks.chunks * channels)?;
    let arguments = arguments![x, y, partial.address, pixels, channels, chunks.lanes, chunks.chunk];
    context.launch(Source::Reduce, "channel_sums", variant, chunks.grid(images), arguments)?;
    let count = images * channels;
    let sums = context.empty(out, count)?;
    let (parameters, activations) = if out == DType::F32 { (sums.address, 0) } else { (0, sums.address) };
    let arguments =
        arguments![partial.address, parameters, activations, count, chunks.chunks, channels, scale];
    context.launch(Source::Reduce, "finish_sums", variant, finish_grid(count), arguments)?;
    Ok(sums)
}
