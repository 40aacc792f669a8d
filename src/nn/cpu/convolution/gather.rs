//! The loop of the convolution sums.
//!
//! Each destination pixel is the sum, over the taps of its family, of a source pixel times a packed weight matrix. A tile
//! of pixels by two vectors of output channels stays in registers for the whole sum, and what follows the convolution is done
//! before the tile is written.

use super::super::activation::activate;
use super::super::item::Item;
use super::super::lanes::Lanes;
use super::super::memory::{Shared, written};
use super::pack::Packed;
use super::sums::Ending;
use super::table::{CHUNK, Places, SLOTS, Table};
use super::values::{Multiply, Values};
use crate::nn::geometry::{Family, Geometry, Plane};
use rayon::prelude::*;
use std::ops::Range;

/// Where a sum reads and what it writes.
pub(super) struct Pass<'a, T> {
    pub geometry: &'a Geometry,
    pub source: &'a [T],
    pub from: Plane,
    pub to: Plane,
    pub ending: Ending<'a, T>,
}

/// A part of the result that one task computes: some pixels of a family, some panels of channels.
struct Task {
    family: usize,
    pixels: Range<usize>,
    /// Numbered through all groups.
    panels: Range<usize>,
}

/// Floats of packed weights that stay in a core's cache while a task's pixels pass by.
const CACHED_WEIGHTS: usize = 64 * 1024;

/// Terms that are summed by themselves before they are added to the total, an even number: a sum of thousands in one go loses
/// half a digit more.
const BLOCK: usize = 256;

/// The tasks of one family; those that share weights follow each other.
fn tasks(family: usize, points: usize, packed: &Packed, groups: usize) -> Vec<Task> {
    let panels = groups * packed.panels;
    let together = (CACHED_WEIGHTS / packed.panel(0, 0).len().max(1)).max(1);
    let mut tasks = Vec::new();
    for first_panel in (0..panels).step_by(together) {
        for first in (0..points).step_by(CHUNK) {
            tasks.push(Task {
                family,
                pixels: first..(first + CHUNK).min(points),
                panels: first_panel..(first_panel + together).min(panels),
            });
        }
    }
    tasks
}

pub(super) fn gather<T: Values>(pass: Pass<T::Item>, families: &[Family], packed: &[Packed]) -> Vec<T::Item> {
    let Geometry { batch, groups, .. } = *pass.geometry;
    let zeros = vec![T::Item::default(); pass.from.channels];
    let (source, from, to) = (pass.source, pass.from, pass.to);
    let places = |family| Places { source, from, to, family, batch, zeros: &zeros };
    let all = families.iter().zip(packed).enumerate();
    let tasks: Vec<Task> =
        all.flat_map(|(i, (family, packed))| tasks(i, places(family).points(), packed, groups)).collect();
    // SAFETY: each pixel belongs to one family and to one of its chunks, each channel to one panel, and a task writes all pixels
    // and channels of its own, also those that no tap meets.
    unsafe {
        written(batch * pass.to.len(), |output| {
            let output = Shared::new(output);
            tasks.par_iter().for_each(|task| {
                let table = places(&families[task.family]).table(task.pixels.start, task.pixels.len());
                let taps = families[task.family].taps.len();
                let packed = &packed[task.family];
                let sum = Sum::<T> { pass: &pass, taps, table: &table, packed, output: &output };
                T::sum_panels(&sum, task.panels.clone());
            });
        })
    }
}

/// All that the sum over one chunk of pixels needs.
pub(super) struct Sum<'a, T: Values> {
    pub pass: &'a Pass<'a, T::Item>,
    pub taps: usize,
    pub table: &'a Table<T::Item>,
    packed: &'a Packed,
    output: &'a Shared<T::Item>,
}

/// Computes some panels of a chunk of pixels.
#[inline(always)]
pub(super) fn sum_panels<L: Lanes, T: Multiply>(sum: &Sum<T>, panels: Range<usize>) {
    for panel in panels {
        let part = sum_part(sum, panel);
        match (part.channels > L::WIDTH, L::WIDTH == 16) {
            (true, true) => part.tiles::<L, 12, 2>(),
            (true, false) => part.tiles::<L, 6, 2>(),
            (false, true) => part.tiles::<L, 12, 1>(),
            (false, false) => part.tiles::<L, 8, 1>(),
        }
    }
}

/// Adds the sums to the totals, and begins anew.
#[inline(always)]
fn add_up<L: Lanes, const M: usize, const V: usize>(totals: &mut [[L; V]; M], sums: &mut [[L; V]; M]) {
    for (totals, sums) in totals.iter_mut().zip(sums) {
        for (total, sum) in totals.iter_mut().zip(sums) {
            *total = total.add(*sum);
            *sum = L::splat(0.0);
        }
    }
}

/// One panel of output channels.
pub(super) struct Part<'a, T: Values> {
    pub sum: &'a Sum<'a, T>,
    pub weight: &'a [f32],
    /// Source channels that are summed, and the first of them.
    inputs: usize,
    source: usize,
    /// The first output channel, and how many.
    pub channel: usize,
    pub channels: usize,
}

/// The panel of that number.
#[inline(always)]
pub(super) fn sum_part<'a, T: Values>(sum: &'a Sum<T>, panel: usize) -> Part<'a, T> {
    let Geometry { groups, .. } = *sum.pass.geometry;
    let (inputs, outputs) = (sum.pass.from.channels / groups, sum.pass.to.channels / groups);
    let (group, panel) = (panel / sum.packed.panels, panel % sum.packed.panels);
    let first = panel * sum.packed.width;
    Part {
        sum,
        weight: sum.packed.panel(group, panel),
        inputs,
        source: group * inputs,
        channel: group * outputs + first,
        channels: (outputs - first).min(sum.packed.width),
    }
}

impl<T: Multiply> Part<'_, T> {
    /// All pixels: in tiles of `M`, and what remains in tiles of 4.
    #[inline(always)]
    fn tiles<L: Lanes, const M: usize, const V: usize>(&self) {
        let pixels = self.sum.table.outputs.len();
        let mut first = 0;
        while first < pixels {
            if pixels - first > 4 {
                self.tile::<L, M, V>(first, M.min(pixels - first));
                first += M;
            } else {
                self.tile::<L, 4, V>(first, pixels - first);
                first += 4;
            }
        }
    }

    /// The pixels `first..first + count`; the table has slots for `M`.
    #[inline(always)]
    fn tile<L: Lanes, const M: usize, const V: usize>(&self, first: usize, count: usize) {
        let mut bias = [L::splat(0.0); V];
        if let Some(values) = self.sum.pass.ending.bias {
            let values = &values[self.channel..self.channel + self.channels];
            for (v, bias) in bias.iter_mut().enumerate() {
                *bias = L::load(&values[v * L::WIDTH..]);
            }
        }
        // SAFETY: the table has `SLOTS` pointers for each tap, of which `M` from `first` on exist since a chunk's last tile
        // begins at its last pixel or before; each points at a whole source pixel or at as many zeros, and `inputs` channels
        // from `source` on are in it, an even number where they are taken in pairs. The panel has two vectors for each tap and
        // input, or pair of them.
        let sums = unsafe {
            let table = self.sum.table.sources.as_ptr().add(first);
            self.sum_tile::<L, M, V>(table, bias)
        };
        for (sums, &start) in sums.iter().zip(&self.sum.table.outputs[first..first + count]) {
            for (v, &sum) in sums.iter().enumerate() {
                self.finish(sum, start, v);
            }
        }
    }

    #[inline(always)]
    unsafe fn sum_tile<L: Lanes, const M: usize, const V: usize>(
        &self,
        table: *const *const T::Item,
        bias: [L; V],
    ) -> [[L; V]; M] {
        let mut totals = [bias; M];
        let mut sums = [[L::splat(0.0); V]; M];
        let mut terms = 0;
        for tap in 0..self.sum.taps {
            // SAFETY: see `tile`.
            let outside = unsafe { self.is_outside::<M>(table, tap) };
            for first in (0..self.inputs).step_by(BLOCK) {
                let inputs = first..(first + BLOCK).min(self.inputs);
                terms += inputs.len();
                if !outside {
                    // SAFETY: see `tile`.
                    unsafe { self.add_inputs::<L, M, V>(table, tap, inputs, &mut sums) };
                }
                // Also counted where nothing was added: the same bits, whatever pixels share a tile.
                if terms >= BLOCK {
                    add_up(&mut totals, &mut sums);
                    terms = 0;
                }
            }
        }
        add_up(&mut totals, &mut sums);
        totals
    }

    /// Adds the products of some input channels under one tap.
    #[inline(always)]
    unsafe fn add_inputs<L: Lanes, const M: usize, const V: usize>(
        &self,
        table: *const *const T::Item,
        tap: usize,
        inputs: Range<usize>,
        sums: &mut [[L; V]; M],
    ) {
        let row = self.inputs.div_ceil(T::TOGETHER) * 2 * L::WIDTH;
        let start = tap * row + inputs.start / T::TOGETHER * 2 * L::WIDTH;
        let mut weight = self.weight.as_ptr().wrapping_add(start);
        let mut pixels = [std::ptr::null::<T::Item>(); M];
        for (m, pixel) in pixels.iter_mut().enumerate() {
            // SAFETY: see `tile`.
            *pixel = unsafe { (*table.add(tap * SLOTS + m)).add(self.source) };
        }
        for i in inputs.step_by(T::TOGETHER) {
            let mut weights = [L::splat(0.0); V];
            for (v, lanes) in weights.iter_mut().enumerate() {
                // SAFETY: see `tile`.
                *lanes = unsafe { L::load_at(weight.add(v * L::WIDTH)) };
            }
            weight = weight.wrapping_add(2 * L::WIDTH);
            for (sums, pixel) in sums.iter_mut().zip(pixels) {
                // SAFETY: see `tile`.
                let value = unsafe { T::broadcast::<L>(pixel.add(i)) };
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = T::add_products(*sum, value, weight);
                }
            }
        }
    }

    /// Whether a tap takes all pixels of a tile out of the image.
    #[inline(always)]
    unsafe fn is_outside<const M: usize>(&self, table: *const *const T::Item, tap: usize) -> bool {
        self.sum.table.leaves[tap]
            // SAFETY: see `tile`.
            && (0..M).all(|m| self.sum.table.is_outside(unsafe { *table.add(tap * SLOTS + m) }))
    }
}

impl<T: Values> Part<'_, T> {
    /// Writes a vector of sums, the panel's vector `v`, of the pixel whose results begin at `pixel`.
    #[inline(always)]
    pub fn finish<L: Lanes>(&self, sum: L, pixel: usize, v: usize) {
        let Ending { residual, activation, .. } = self.sum.pass.ending;
        let (start, channels) = (pixel + self.channel + v * L::WIDTH, self.channels - v * L::WIDTH);
        let mut value = sum;
        if let Some(residual) = residual {
            value = value.add(T::Item::load(&residual[start..start + channels]));
        }
        value = activate(activation, value);
        // SAFETY: these channels of this pixel are this task's own.
        let slots = unsafe { std::slice::from_raw_parts_mut(self.sum.output.at(start).cast(), channels) };
        T::Item::store(value, slots);
    }
}
