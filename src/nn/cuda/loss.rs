//! Losses. Not yet run on a GPU.

use super::input::{CudaInput, lanes};
use super::launch::{Grid, Source, Variant, arguments};
use super::reduce::finish_grid;
use candle_core::{CudaStorage, DType, Result, bail};

/// Values that a block sums, a multiple of what a thread takes at once.
const CHUNK: usize = 2048;

/// The mean binary cross-entropy of `logits` against f32 `target`, a single f32.
pub(crate) fn bce(logits: CudaInput, target: CudaInput) -> Result<CudaStorage> {
    let (context, dtype, len) = (logits.context()?, logits.dtype(), logits.len());
    if len == 0 {
        bail!("a mean needs a batch that is not empty")
    }
    let (x, t) = (logits.activations(&context)?, target.parameters(&context, len)?);
    let chunks = len.div_ceil(CHUNK);
    let partial = context.empty(DType::F32, chunks)?;
    let mean = context.empty(DType::F32, 1)?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[len], &[x]) };
    let arguments = arguments![x, t, partial.address, len, CHUNK];
    context.launch(Source::Loss, "bce_sums", variant, Grid(chunks, 1, 1), arguments)?;
    let arguments = arguments![partial.address, mean.address, 0u64, 1usize, chunks, 1usize, 1.0 / len as f32];
    context.launch(Source::Reduce, "finish_sums", Variant::FLOATS, finish_grid(1), arguments)?;
    Ok(mean.storage)
}

/// The gradient of the logits of [`bce`], of their type, from that of the mean.
pub(crate) fn bce_backward(
    logits: CudaInput,
    target: CudaInput,
    mean_grad: CudaInput,
) -> Result<CudaStorage> {
    let (context, dtype, len) = (logits.context()?, logits.dtype(), logits.len());
    let (x, t) = (logits.activations(&context)?, target.parameters(&context, len)?);
    let scale = mean_grad.parameters(&context, 1)?;
    let grad = context.empty(dtype, len)?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[len], &[x]) };
    let arguments = arguments![x, t, scale, grad.address, len, 1.0 / len.max(1) as f32];
    let grid = Grid::each(len / variant.lanes);
    context.launch(Source::Loss, "bce_backward", variant, grid, arguments)?;
    Ok(grad.storage)
}
