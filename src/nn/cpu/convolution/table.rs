//! Where the pixels of a convolution sum lie.
//!
//! No patch matrix is written to memory: a table points at the source pixels, and at zeros where the window leaves the image.
//! Pixels follow each other along rows; in small images the same pixel of all images comes first, so that neighbours in the table
//! leave the image under the same taps, which then cost nothing.

use crate::nn::geometry::{Family, Plane, Tap};
use std::ops::Range;

/// The most destination pixels of one table: whole tiles of every size.
pub(super) const CHUNK: usize = 240;
/// Slots of one tap: a tile that begins at the last pixel does not leave them.
pub(super) const SLOTS: usize = CHUNK + 16;
/// Up to this many pixels an image is small.
const SMALL: usize = 256;

/// For each tap and each pixel of a chunk the source pixel, and for each pixel where its result goes.
pub(super) struct Table<T> {
    /// Ordered (tap, slot); slots beyond the last pixel point at zeros.
    pub sources: Vec<*const T>,
    /// Values from the start of the destination.
    pub outputs: Vec<usize>,
    /// For each tap whether some pixel lies outside.
    pub leaves: Vec<bool>,
    zeros: *const T,
}

impl<T> Table<T> {
    /// Whether a source lies outside of the image.
    #[inline(always)]
    pub fn is_outside(&self, source: *const T) -> bool {
        source == self.zeros
    }

    /// The slots of a tap whose source lies inside, as runs.
    pub fn runs(&self, tap: usize) -> Vec<Range<usize>> {
        let sources = &self.sources[tap * SLOTS..][..self.outputs.len()];
        if !self.leaves[tap] {
            return std::iter::once(0..sources.len()).collect();
        }
        let mut runs: Vec<Range<usize>> = Vec::new();
        for slot in (0..sources.len()).filter(|&slot| !self.is_outside(sources[slot])) {
            match runs.last_mut() {
                Some(run) if run.end == slot => run.end += 1,
                _ => runs.push(slot..slot + 1),
            }
        }
        runs
    }
}

/// Neighbours in the table that lie along a row, or are the same pixel of several images.
struct Run {
    image: usize,
    /// Row and first column on the lattice.
    at: [usize; 2],
    len: usize,
}

/// Where a family reads and writes.
pub(super) struct Places<'a, T> {
    pub source: &'a [T],
    pub from: Plane,
    pub to: Plane,
    pub family: &'a Family,
    pub batch: usize,
    /// As many as a source pixel has channels.
    pub zeros: &'a [T],
}

impl<T> Places<'_, T> {
    /// Lattice points of the whole batch.
    pub fn points(&self) -> usize {
        self.batch * self.family.count[0] * self.family.count[1]
    }

    fn small(&self) -> bool {
        self.family.count[0] * self.family.count[1] <= SMALL
    }

    /// The table of lattice points `first..first + len` of the batch.
    pub fn table(&self, first: usize, len: usize) -> Table<T> {
        let runs = self.runs(first, len);
        let mut table = Table {
            sources: Vec::with_capacity(self.family.taps.len() * SLOTS),
            outputs: Vec::with_capacity(len),
            leaves: vec![false; self.family.taps.len()],
            zeros: self.zeros.as_ptr(),
        };
        let Family { first, step, taps, .. } = self.family;
        let pitch = if self.small() { self.to.len() } else { step[1] * self.to.channels };
        for run in &runs {
            let row = run.image * self.to.height + first[0] + step[0] * run.at[0];
            let start = (row * self.to.width + first[1] + step[1] * run.at[1]) * self.to.channels;
            table.outputs.extend((0..run.len).map(|i| start + i * pitch));
        }
        for (t, tap) in taps.iter().enumerate() {
            for run in &runs {
                table.leaves[t] |= self.point(run, *tap, &mut table.sources);
            }
            table.sources.resize((t + 1) * SLOTS, table.zeros);
        }
        table
    }

    fn runs(&self, first: usize, len: usize) -> Vec<Run> {
        let [rows, columns] = self.family.count;
        let mut runs = Vec::new();
        let (mut point, end) = (first, first + len);
        while point < end {
            let run = match self.small() {
                true => {
                    let (pixel, image) = (point / self.batch, point % self.batch);
                    Run {
                        image,
                        at: [pixel / columns, pixel % columns],
                        len: (self.batch - image).min(end - point),
                    }
                }
                false => {
                    let (row, column) = (point / columns, point % columns);
                    Run {
                        image: row / rows,
                        at: [row % rows, column],
                        len: (columns - column).min(end - point),
                    }
                }
            };
            point += run.len;
            runs.push(run);
        }
        runs
    }

    /// Adds the sources of a run under a tap; whether some lie outside.
    fn point(&self, run: &Run, tap: Tap, sources: &mut Vec<*const T>) -> bool {
        let step = self.family.source_step;
        let row = (run.at[0] * step[0]).cast_signed() + tap.offset[0];
        let column = (run.at[1] * step[1]).cast_signed() + tap.offset[1];
        let inside = match (0..self.from.height.cast_signed()).contains(&row) {
            false => 0..0,
            true if self.small() => {
                0..if (0..self.from.width.cast_signed()).contains(&column) { run.len } else { 0 }
            }
            // The points of the run whose source column lies in 0..width.
            true => {
                let behind = (self.from.width.cast_signed() - column).max(0).cast_unsigned();
                (-column).max(0).cast_unsigned().div_ceil(step[1])..run.len.min(behind.div_ceil(step[1]))
            }
        };
        if inside.is_empty() {
            sources.extend(std::iter::repeat_n(self.zeros.as_ptr(), run.len));
            return true;
        }
        let pitch = if self.small() { self.from.len() } else { step[1] * self.from.channels };
        let column = column + (inside.start * step[1]).cast_signed();
        let row = run.image * self.from.height + row.cast_unsigned();
        let first = (row * self.from.width + column.cast_unsigned()) * self.from.channels;
        let line = self.source[first..=first + (inside.len() - 1) * pitch].as_ptr();
        sources.extend(std::iter::repeat_n(self.zeros.as_ptr(), inside.start));
        // Inside of the slice above; as an addition this is done for several slots at once.
        sources.extend((0..inside.len()).map(|i| line.wrapping_add(i * pitch)));
        sources.extend(std::iter::repeat_n(self.zeros.as_ptr(), run.len - inside.end));
        inside.len() < run.len
    }
}
