//! Where the pixels of a convolution sum lie.
//!
//! No patch matrix is written to memory: a table points at the source pixels, and at zeros where the window leaves the image.

use crate::nn::geometry::{Family, Plane};

/// The most destination pixels of one table: whole tiles of every size.
pub(super) const CHUNK: usize = 240;
/// Slots of one tap: a tile that begins at the last pixel does not leave them.
pub(super) const SLOTS: usize = CHUNK + 16;

/// For each tap and each pixel of a chunk the source pixel, and for each pixel where its result goes.
pub(super) struct Table<T> {
    /// Ordered (tap, slot); slots beyond the last pixel point at zeros.
    pub sources: Vec<*const T>,
    /// Values from the start of the destination.
    pub outputs: Vec<usize>,
}

/// Neighbouring lattice points of one row.
struct Run {
    image: usize,
    /// Row and first column on the lattice.
    at: [usize; 2],
    slot: usize,
    len: usize,
}

/// Where a family reads and writes.
pub(super) struct Places<'a, T> {
    pub source: &'a [T],
    pub from: Plane,
    pub to: Plane,
    pub family: &'a Family,
    /// As many as a source pixel has channels.
    pub zeros: &'a [T],
}

impl<T> Places<'_, T> {
    /// Lattice points of the whole batch.
    pub fn points(&self, batch: usize) -> usize {
        batch * self.family.count[0] * self.family.count[1]
    }

    /// The table of lattice points `first..first + len` of the batch.
    pub fn table(&self, first: usize, len: usize) -> Table<T> {
        let mut table = Table {
            sources: vec![self.zeros.as_ptr(); self.family.taps.len() * SLOTS],
            outputs: Vec::with_capacity(len),
        };
        let [rows, columns] = self.family.count;
        let mut slot = 0;
        while slot < len {
            let (row, column) = ((first + slot) / columns, (first + slot) % columns);
            let run = Run {
                image: row / rows,
                at: [row % rows, column],
                slot,
                len: (columns - column).min(len - slot),
            };
            slot += run.len;
            self.point(&run, &mut table);
        }
        table
    }

    fn point(&self, run: &Run, table: &mut Table<T>) {
        let Family { first, step, source_step, taps, .. } = self.family;
        let row = run.image * self.to.height + first[0] + step[0] * run.at[0];
        let start = (row * self.to.width + first[1] + step[1] * run.at[1]) * self.to.channels;
        table.outputs.extend((0..run.len).map(|i| start + i * step[1] * self.to.channels));
        for (tap, slots) in taps.iter().zip(table.sources.chunks_exact_mut(SLOTS)) {
            let row = (run.at[0] * source_step[0]).cast_signed() + tap.offset[0];
            let column = (run.at[1] * source_step[1]).cast_signed() + tap.offset[1];
            if !(0..self.from.height.cast_signed()).contains(&row) {
                continue;
            }
            // The points of the run whose source column lies in 0..width.
            let skipped = (-column).max(0).cast_unsigned().div_ceil(source_step[1]);
            let behind = (self.from.width.cast_signed() - column).max(0).cast_unsigned();
            let inside = skipped..run.len.min(behind.div_ceil(source_step[1]));
            if inside.is_empty() {
                continue;
            }
            let column = column + (skipped * source_step[1]).cast_signed();
            let row = run.image * self.from.height + row.cast_unsigned();
            let first = (row * self.from.width + column.cast_unsigned()) * self.from.channels;
            let pitch = source_step[1] * self.from.channels;
            let line = &self.source[first..=first + (inside.len() - 1) * pitch];
            for (i, slot) in slots[run.slot..][inside].iter_mut().enumerate() {
                // Inside of `line`; as an addition this is done for several slots at once.
                *slot = line.as_ptr().wrapping_add(i * pitch);
            }
        }
    }
}
