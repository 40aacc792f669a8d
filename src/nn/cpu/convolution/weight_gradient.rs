//! The gradient of a convolution's weight: for each tap the product of the large plane with the small one over all pixels.
//!
//! The batch's pixels are divided into parts, and the small channels into panels; how many parts is a matter of shapes, never
//! of threads or vectors. Each task adds up one part for one panel, and the parts are added in order.

use super::super::lanes::{Lanes, width};
use super::super::memory::{Shared, written};
use super::super::vectorized::vectorized;
use super::table::{Places, SLOTS, Table};
use super::unfold::{patches, unfolded};
use crate::nn::geometry::{Family, Geometry};
use rayon::prelude::*;
use std::borrow::Cow;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Pixels that are summed in registers before they are added to the rest.
const CHUNK: usize = 128;
/// Large channels that are summed together: a cache line of them stays at hand while all taps pass over it.
const GROUP: usize = 16;
/// Large channels whose sums are in registers at once.
const ROWS: usize = 8;
/// How many tasks to aim at.
const TASKS: usize = 16;

/// The weight gradient, shaped (small channels, large channels of the group, kernel).
pub(crate) fn weight_gradient(geometry: &Geometry, large: &[f32], small: &[f32]) -> Vec<f32> {
    let kernel = geometry;
    let (geometry, large) = match unfolded(geometry) {
        Some(flat) => (flat, Cow::Owned(patches(geometry, large, flat.large.channels))),
        None => (*geometry, Cow::Borrowed(large)),
    };
    let zeros = vec![0.0; geometry.large.channels];
    let family = geometry.family_into_small();
    let job = Job::new([kernel, &geometry], &family, &large, small, &zeros);
    let sums: Vec<Vec<f32>> = (0..job.panels() * job.parts)
        .into_par_iter()
        .map(|task| {
            let mut sums = vec![0.0; family.taps.len() * geometry.large_channels() * job.width];
            add_pixels(&job, task / job.parts, task % job.parts, &mut sums);
            sums
        })
        .collect();
    job.unpack(sums)
}

struct Job<'a> {
    /// The convolution as it is, and as it is computed.
    kernel: &'a Geometry,
    geometry: &'a Geometry,
    family: &'a Family,
    large: &'a [f32],
    small: &'a [f32],
    zeros: &'a [f32],
    /// Small channels of a panel: two vectors.
    width: usize,
    parts: usize,
}

impl<'a> Job<'a> {
    fn new(
        [kernel, geometry]: [&'a Geometry; 2],
        family: &'a Family,
        large: &'a [f32],
        small: &'a [f32],
        zeros: &'a [f32],
    ) -> Job<'a> {
        let chunks = (geometry.batch * geometry.small.pixels()).div_ceil(CHUNK);
        let parts = TASKS / (geometry.groups * geometry.small_channels().div_ceil(32));
        let parts = parts.clamp(1, chunks.max(1));
        Job { kernel, geometry, family, large, small, zeros, width: 2 * width().floats(), parts }
    }

    fn panels_of_group(&self) -> usize {
        self.geometry.small_channels().div_ceil(self.width)
    }

    fn panels(&self) -> usize {
        self.geometry.groups * self.panels_of_group()
    }

    /// The first small channel of a panel, and how many it has.
    fn channels(&self, panel: usize) -> (usize, usize) {
        let channels = self.geometry.small_channels();
        let first = panel % self.panels_of_group() * self.width;
        (panel / self.panels_of_group() * channels + first, (channels - first).min(self.width))
    }

    /// Adds the parts of each panel and brings the result into the weight's order.
    fn unpack(&self, mut sums: Vec<Vec<f32>>) -> Vec<f32> {
        let row = self.geometry.large_channels() * self.family.taps.len();
        let fill = |gradient: &mut [MaybeUninit<f32>]| {
            let gradient = Shared::new(gradient);
            sums.par_chunks_mut(self.parts).enumerate().for_each(|(panel, parts)| {
                let Some((sum, others)) = parts.split_first_mut() else { return };
                for other in others {
                    sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += *other);
                }
                let (first, count) = self.channels(panel);
                // SAFETY: each small channel is in one panel, and its row lies inside of the gradient.
                let rows =
                    unsafe { std::slice::from_raw_parts_mut(gradient.at(first * row).cast(), count * row) };
                unpack_panel(self, sum, rows);
            });
        };
        // SAFETY: each small channel is in a panel, and its row is written whole.
        unsafe { written(self.geometry.small.channels * row, fill) }
    }
}

vectorized! {
    /// From (tap, large channel, small channel of the panel) to (small channel, large channel, tap).
    fn unpack_panel(job: &Job, sum: &[f32], rows: &mut [MaybeUninit<f32>]) = unpack_panel_with
}

#[inline(always)]
fn unpack_panel_with<L: Lanes>(job: &Job, sum: &[f32], rows: &mut [MaybeUninit<f32>]) {
    let (inputs, taps) = (job.kernel.large_channels(), job.kernel.window.taps());
    let row = inputs * taps;
    let place = |at: usize| (at % taps * inputs + at / taps) * job.width;
    // As many rows at a time as a vector has lanes; more would push each other out of the cache.
    for (block, rows) in rows.chunks_mut(L::WIDTH * row).enumerate() {
        let lane = block * L::WIDTH;
        for first in (0..row).step_by(L::WIDTH) {
            let last = (first + L::WIDTH).min(row);
            if rows.len() == L::WIDTH * row && last == first + L::WIDTH {
                let (mut from, mut to) = ([std::ptr::null(); 16], [std::ptr::null_mut(); 16]);
                for (from, at) in from.iter_mut().zip(first..last) {
                    *from = sum[place(at) + lane..place(at) + lane + L::WIDTH].as_ptr();
                }
                for (to, row) in to.iter_mut().zip(rows.chunks_exact_mut(row)) {
                    *to = row[first..last].as_mut_ptr().cast();
                }
                // SAFETY: all places are slices of that many floats.
                unsafe { L::transpose(&from[..L::WIDTH], &to[..L::WIDTH]) };
            } else {
                for at in first..last {
                    for (row, value) in rows.chunks_exact_mut(row).zip(&sum[place(at) + lane..]) {
                        row[at].write(*value);
                    }
                }
            }
        }
    }
}

vectorized! {
    /// Adds the products of one part's pixels to a panel's sums, ordered (tap, large channel, small channel of the panel).
    fn add_pixels(job: &Job, panel: usize, part: usize, sums: &mut [f32]) = add_pixels_with
}

#[inline(always)]
fn add_pixels_with<L: Lanes>(job: &Job, panel: usize, part: usize, sums: &mut [f32]) {
    let Job { geometry, family, .. } = *job;
    let pixels = geometry.batch * geometry.small.pixels();
    let chunks = pixels.div_ceil(CHUNK);
    let places = Places {
        source: job.large,
        from: geometry.large,
        to: geometry.small,
        family,
        batch: geometry.batch,
        zeros: job.zeros,
    };
    let (first, channels) = job.channels(panel);
    let inputs = geometry.large_channels();
    let mut values = Vec::new();
    for chunk in chunks * part / job.parts..chunks * (part + 1) / job.parts {
        let start = chunk * CHUNK;
        let table = places.table(start, CHUNK.min(pixels - start));
        panel_values(job, first, channels, &table, &mut values);
        let source = panel / job.panels_of_group() * inputs;
        let runs = (0..family.taps.len()).map(|tap| table.runs(tap)).collect();
        let block = Block { table: &table, runs, values: &values, source };
        for group in (0..inputs).step_by(GROUP) {
            for (tap, sums) in sums.chunks_exact_mut(inputs * job.width).enumerate() {
                let group = group..(group + GROUP).min(inputs);
                let sums = &mut sums[group.start * job.width..group.end * job.width];
                match channels > L::WIDTH {
                    true => block.add_group::<L, 2>(tap, group.start, sums),
                    false => block.add_group::<L, 1>(tap, group.start, sums),
                }
            }
        }
    }
}

/// The panel's values of the small plane, side by side, with zeros beyond the last channel.
#[inline(always)]
fn panel_values(job: &Job, first: usize, channels: usize, table: &Table<f32>, values: &mut Vec<f32>) {
    values.clear();
    values.resize(table.outputs.len() * job.width, 0.0);
    for (values, start) in values.chunks_exact_mut(job.width).zip(&table.outputs) {
        let pixel = &job.small[start + first..start + first + channels];
        values[..channels].copy_from_slice(pixel);
    }
}

/// A chunk of pixels.
struct Block<'a> {
    table: &'a Table<f32>,
    /// For each tap the pixels that it does not take out of the image.
    runs: Vec<Vec<Range<usize>>>,
    values: &'a [f32],
    /// The first large channel of the group.
    source: usize,
}

impl Block<'_> {
    /// Adds one tap's products for large channels from `first` on, as many as the sums have rows.
    #[inline(always)]
    fn add_group<L: Lanes, const V: usize>(&self, tap: usize, first: usize, sums: &mut [f32]) {
        let width = 2 * L::WIDTH;
        let mut input = first;
        for sums in sums.chunks_mut(ROWS * width) {
            match sums.len() / width {
                8 => self.add::<L, 8, V>(tap, input, sums),
                7 => self.add::<L, 7, V>(tap, input, sums),
                6 => self.add::<L, 6, V>(tap, input, sums),
                5 => self.add::<L, 5, V>(tap, input, sums),
                4 => self.add::<L, 4, V>(tap, input, sums),
                3 => self.add::<L, 3, V>(tap, input, sums),
                2 => self.add::<L, 2, V>(tap, input, sums),
                _ => self.add::<L, 1, V>(tap, input, sums),
            }
            input += ROWS;
        }
    }

    #[inline(always)]
    fn add<L: Lanes, const M: usize, const V: usize>(&self, tap: usize, input: usize, sums: &mut [f32]) {
        let mut products = [[L::splat(0.0); V]; M];
        let pixels = &self.table.sources[tap * SLOTS..][..self.table.outputs.len()];
        for run in &self.runs[tap] {
            let values = &self.values[run.start * 2 * L::WIDTH..run.end * 2 * L::WIDTH];
            for (pixel, values) in pixels[run.clone()].iter().zip(values.chunks_exact(2 * L::WIDTH)) {
                let mut small = [L::splat(0.0); V];
                for (v, small) in small.iter_mut().enumerate() {
                    *small = L::load(&values[v * L::WIDTH..]);
                }
                for (m, products) in products.iter_mut().enumerate() {
                    // SAFETY: the table points at whole large pixels, and the channel is one of them.
                    let large = L::splat(unsafe { *pixel.add(self.source + input + m) });
                    for (product, small) in products.iter_mut().zip(small) {
                        *product = product.fma(large, small);
                    }
                }
            }
        }
        for (sums, products) in sums.chunks_exact_mut(2 * L::WIDTH).zip(products) {
            for (sums, product) in sums.chunks_exact_mut(L::WIDTH).zip(products) {
                L::load(sums).add(product).write(sums);
            }
        }
    }
}
