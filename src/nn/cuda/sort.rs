//! Sorting and running sums of each row of an f32 (rows, columns) tensor, for the Lovász loss. Not yet run on a GPU.

use super::context::{Context, Output};
use super::input::CudaInput;
use super::launch::{Grid, Source, Variant, arguments};
use candle_core::{CudaStorage, DType, Result};

/// `TILE` and `SPAN` of the kernels.
const TILE: usize = 2048;
const SPAN: usize = 1024;

/// The values of each row of `xs` from the largest to the smallest, f32, and where each was, u32. Equal values keep their
/// order and a NaN comes first, as in PyTorch with `stable=True`.
pub(crate) fn argsort_descending(xs: CudaInput) -> Result<(CudaStorage, CudaStorage)> {
    let context = xs.context()?;
    let (columns, len) = (xs.channels(), xs.len());
    let rows = len / columns;
    let x = xs.parameters(&context, len)?;
    let values = context.empty(DType::F32, len)?;
    let indices = context.empty(DType::U32, len)?;
    if len > 0 {
        let keys = sorted_keys(&context, x, rows, columns)?;
        let arguments = arguments![x, keys.address, values.address, indices.address, columns];
        let grid = Grid(Grid::each(columns).0, rows, 1);
        context.launch(Source::Sort, "unpack_keys", Variant::FLOATS, grid, arguments)?;
    }
    Ok((values.storage, indices.storage))
}

/// Keys that hold value and index, in order.
fn sorted_keys(context: &Context, x: u64, rows: usize, columns: usize) -> Result<Output> {
    let keys = || context.empty(DType::I64, rows * columns);
    let (mut sorted, mut spare) = (keys()?, keys()?);
    let grid = Grid(columns.div_ceil(TILE), rows, 1);
    let arguments = arguments![x, sorted.address, columns];
    context.launch(Source::Sort, "sort_tiles", Variant::FLOATS, grid, arguments)?;
    let mut run = TILE;
    while run < columns {
        let arguments = arguments![sorted.address, spare.address, columns, run];
        let grid = Grid(Grid::each(columns).0, rows, 1);
        context.launch(Source::Sort, "merge_runs", Variant::FLOATS, grid, arguments)?;
        std::mem::swap(&mut sorted, &mut spare);
        run *= 2;
    }
    Ok(sorted)
}

/// `ys[row][i] = xs[row][0] + ... + xs[row][i]`, f32. Sums of whole numbers are exact up to 2^24.
pub(crate) fn running_sums(xs: CudaInput) -> Result<CudaStorage> {
    let context = xs.context()?;
    let (columns, len) = (xs.channels(), xs.len());
    let (rows, spans) = (len / columns, columns.div_ceil(SPAN));
    let x = xs.parameters(&context, len)?;
    let sums = context.empty(DType::F32, len)?;
    if len == 0 {
        return Ok(sums.storage);
    }
    let totals = context.empty(DType::F32, rows * spans)?;
    let grid = Grid(spans, rows, 1);
    let arguments = arguments![x, sums.address, totals.address, columns];
    context.launch(Source::Sort, "scan_spans", Variant::FLOATS, grid, arguments)?;
    let arguments = arguments![sums.address, totals.address, columns];
    context.launch(Source::Sort, "add_spans", Variant::FLOATS, grid, arguments)?;
    Ok(sums.storage)
}
