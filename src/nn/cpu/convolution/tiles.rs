//! The convolution's sums in bf16 by products of tiles.
//!
//! The source pixels of 32 destination pixels are laid side by side, so that a pixel's values under all taps are one row; a panel of
//! packed weights, which have neighbouring channels in pairs, is then the other matrix as it is.

use super::super::lanes::Lanes;
use super::super::tile_product::{LINE_WEIGHTS, Line, SIDE, Sums, Tiles};
use super::super::vectorized::vectorized;
use super::gather::{Part, Sum, sum_part};
use super::table::{SLOTS, Table};
use super::values::Values;
use crate::nn::geometry::Geometry;
use half::bf16;
use std::ops::Range;

/// Below this many output channels more than half of each product would be of zeros.
const FEWEST_OUTPUTS: usize = 16;
/// Channels in a line.
const LINE: usize = size_of::<Line>() / size_of::<bf16>();

/// Whether a convolution is for tiles: each tap is some whole lines.
pub(super) fn takes_tiles(geometry: &Geometry) -> bool {
    let lines = geometry.large.channels / LINE;
    geometry.groups == 1
        && lines > 0
        && geometry.large.channels.is_multiple_of(LINE)
        && geometry.small.channels >= FEWEST_OUTPUTS
}

/// bf16, multiplied by AMX, which has to be there.
pub(super) struct HalfTiles;

impl Values for HalfTiles {
    type Item = bf16;

    fn sum_panels(sum: &Sum<HalfTiles>, panels: Range<usize>) {
        // SAFETY: whoever chose `HalfTiles` found AMX. A task asks no other thread for help, so none begins in its middle.
        let tiles = unsafe { Tiles::configure() };
        sum_on_tiles(sum, panels, &tiles);
    }
}

vectorized! {
    fn sum_on_tiles(sum: &Sum<HalfTiles>, panels: Range<usize>, tiles: &Tiles) = sum_blocks, HalfTiles
}

/// What multiplies tiles: the processor, or loops in a test.
pub(super) trait Products {
    /// See [`Tiles::add_product`].
    fn add_product(&self, rows: &[Line], pitch: usize, weights: &[f32], sums: &mut Sums);
}

impl Products for Tiles {
    fn add_product(&self, rows: &[Line], pitch: usize, weights: &[f32], sums: &mut Sums) {
        Tiles::add_product(self, rows, pitch, weights, sums);
    }
}

/// Computes some panels of a chunk of pixels.
#[inline(always)]
pub(super) fn sum_blocks<L: Lanes, T: Values<Item = bf16>>(
    sum: &Sum<T>,
    panels: Range<usize>,
    products: &impl Products,
) {
    let pixels = sum.table.outputs.len();
    let mut rows = Rows::new(sum.taps, sum.pass.from.channels / LINE);
    for first in (0..pixels).step_by(SIDE) {
        // SAFETY: a table's sources are whole pixels, or as many zeros.
        let runs = unsafe { rows.fill(sum.table, first) };
        for panel in panels.clone() {
            let part = sum_part(sum, panel);
            let sums = sum_block(&part, &rows, &runs, products);
            // The last pixels may be fewer than the sums.
            for (sums, &start) in sums.0.iter().zip(&sum.table.outputs[first..]) {
                for (v, sums) in sums.chunks(L::WIDTH).take(part.channels.div_ceil(L::WIDTH)).enumerate() {
                    part.finish(L::load(sums), start, v);
                }
            }
        }
    }
}

/// The sums of a block of pixels and a panel.
#[inline(always)]
fn sum_block<T: Values>(
    part: &Part<T>,
    rows: &Rows,
    runs: &[Range<usize>],
    products: &impl Products,
) -> Sums {
    let mut bias = [0.0; SIDE];
    if let Some(values) = part.sum.pass.ending.bias {
        bias[..part.channels].copy_from_slice(&values[part.channel..part.channel + part.channels]);
    }
    let mut sums = Sums([bias; SIDE]);
    for run in runs {
        let lines = run.start * rows.tap..run.end * rows.tap;
        let weights = &part.weight[lines.start * LINE_WEIGHTS..lines.end * LINE_WEIGHTS];
        products.add_product(&rows.lines[lines.start..], rows.pitch, weights, &mut sums);
    }
    sums
}

/// The source pixels of a block, ordered (pixel, tap, channel).
struct Rows {
    lines: Vec<Line>,
    /// Lines of one tap.
    tap: usize,
    /// Lines from one pixel to the next.
    pitch: usize,
}

impl Rows {
    fn new(taps: usize, tap: usize) -> Rows {
        // One line more than needed: with a power of two all rows would share a few places of the cache.
        let pitch = taps * tap + 1;
        Rows { lines: vec![Line([0; LINE]); SIDE * pitch], tap, pitch }
    }

    /// Copies the pixels of the slots from `first` on. The taps that some of them need, as runs; the others are left as they were.
    ///
    /// # Safety
    /// The sources point at as many channels as a tap has.
    #[inline(always)]
    unsafe fn fill(&mut self, table: &Table<bf16>, first: usize) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for (tap, &leaves) in table.leaves.iter().enumerate() {
            let sources = &table.sources[tap * SLOTS + first..][..SIDE];
            if leaves && sources.iter().all(|&source| table.is_outside(source)) {
                continue;
            }
            match runs.last_mut() {
                Some(run) if run.end == tap => run.end += 1,
                _ => runs.push(tap..tap + 1),
            }
            for (row, source) in self.lines.chunks_exact_mut(self.pitch).zip(sources) {
                for (i, line) in row[tap * self.tap..][..self.tap].iter_mut().enumerate() {
                    // SAFETY: the caller's; bf16 is its bits.
                    *line = Line(unsafe { source.cast::<[u16; LINE]>().add(i).read() });
                }
            }
        }
        runs
    }
}
