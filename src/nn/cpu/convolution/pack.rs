//! Weights in the order in which the convolution sums read them.

use super::super::lanes::Lanes;
use super::super::memory::written;
use super::super::vectorized::vectorized;
use crate::nn::geometry::{Geometry, Tap};
use half::bf16;
use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Which way a sum goes through a weight (small channels, large channels of the group, taps).
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Into {
    Small,
    Large,
}

/// Weights ordered (group, panel of output channels, tap, input channel, channel of the panel); a panel is as wide as two
/// vectors, and what it has beyond the last channel is zero.
pub(super) struct Packed {
    values: Vec<f32>,
    /// Panels of one group.
    pub panels: usize,
    /// Output channels in a panel.
    pub width: usize,
    /// Taps times input channels.
    rows: usize,
}

impl Packed {
    /// The weights of some taps for sums with vectors of `lanes` floats.
    pub fn new(geometry: &Geometry, taps: &[Tap], weight: &[f32], into: Into, lanes: usize) -> Packed {
        let all_taps = geometry.window.taps();
        let (inner, small) = (geometry.large_channels() * all_taps, geometry.small_channels());
        let (outputs, inputs) = match into {
            Into::Small => (small, geometry.large_channels()),
            Into::Large => (geometry.large_channels(), small),
        };
        let (width, rows) = (2 * lanes, taps.len() * inputs);
        let panels = outputs.div_ceil(width);
        let len = geometry.groups * panels * rows * width;
        let fill = |packed: &mut [MaybeUninit<f32>]| {
            packed.par_chunks_mut((rows * width).max(1)).enumerate().for_each(|(panel, packed)| {
                let (group, first) = (panel / panels, panel % panels * width);
                let weight = &weight[group * small * inner..][..small * inner];
                let channels = first..(first + width).min(outputs);
                let panel = Panel { taps, all_taps, width, channels, inputs };
                panel.pack(into, weight, packed);
            });
        };
        // SAFETY: each panel is written whole.
        let values = unsafe { written(len, fill) };
        Packed { values, panels, width, rows }
    }

    /// The same with neighbouring input channels of a tap as two bf16 values in one place, zero where there is no second.
    pub fn paired(&self, inputs: usize) -> Packed {
        let (width, pairs) = (self.width, inputs.div_ceil(2));
        let mut values = Vec::with_capacity(self.values.len() / 2);
        for tap in self.values.chunks_exact((inputs * width).max(1)) {
            for pair in tap.chunks(2 * width) {
                let bits =
                    |value: Option<&f32>| u32::from(bf16::from_f32(value.copied().unwrap_or(0.0)).to_bits());
                let lanes = (0..width).map(|lane| bits(pair.get(lane)) | bits(pair.get(width + lane)) << 16);
                values.extend(lanes.map(f32::from_bits));
            }
        }
        Packed { values, panels: self.panels, width, rows: self.rows / inputs.max(1) * pairs }
    }

    /// One panel of a group.
    pub fn panel(&self, group: usize, panel: usize) -> &[f32] {
        &self.values[(group * self.panels + panel) * self.rows * self.width..][..self.rows * self.width]
    }
}

struct Panel<'a> {
    taps: &'a [Tap],
    all_taps: usize,
    width: usize,
    /// Output channels of the group.
    channels: Range<usize>,
    inputs: usize,
}

impl Panel<'_> {
    fn pack(&self, into: Into, weight: &[f32], packed: &mut [MaybeUninit<f32>]) {
        if self.channels.len() < self.width {
            packed.fill(MaybeUninit::new(0.0));
        }
        match into {
            Into::Small => pack_small(self, weight, packed),
            Into::Large => pack_large(self, weight, packed),
        }
    }

    /// Where a tap and an input have their channels.
    fn place(&self, t: usize, input: usize) -> usize {
        (t * self.inputs + input) * self.width
    }
}

vectorized! {
    /// From (output, input, tap), with all taps.
    fn pack_small(panel: &Panel, weight: &[f32], packed: &mut [MaybeUninit<f32>]) = pack_small_with
}

#[inline(always)]
fn pack_small_with<L: Lanes>(panel: &Panel, weight: &[f32], packed: &mut [MaybeUninit<f32>]) {
    let row = panel.inputs * panel.all_taps;
    let weight = &weight[panel.channels.start * row..panel.channels.end * row];
    // As many rows at a time as a vector has lanes; more would push each other out of the cache.
    for (block, rows) in weight.chunks(L::WIDTH * row).enumerate() {
        let lane = block * L::WIDTH;
        for first in (0..row).step_by(L::WIDTH) {
            let places = (first..(first + L::WIDTH).min(row))
                .map(|at| panel.place(at % panel.all_taps, at / panel.all_taps));
            if rows.len() == L::WIDTH * row && first + L::WIDTH <= row {
                let (mut from, mut to) = ([std::ptr::null(); 16], [std::ptr::null_mut(); 16]);
                for (from, row) in from.iter_mut().zip(rows.chunks_exact(row)) {
                    *from = row[first..first + L::WIDTH].as_ptr();
                }
                for (to, place) in to.iter_mut().zip(places) {
                    *to = packed[place + lane..place + lane + L::WIDTH].as_mut_ptr().cast();
                }
                // SAFETY: all places are slices of that many floats.
                unsafe { L::transpose(&from[..L::WIDTH], &to[..L::WIDTH]) };
            } else {
                for (at, place) in (first..).zip(places) {
                    for (slot, row) in packed[place + lane..].iter_mut().zip(rows.chunks_exact(row)) {
                        slot.write(row[at]);
                    }
                }
            }
        }
    }
}

vectorized! {
    /// From (input, output, tap).
    fn pack_large(panel: &Panel, weight: &[f32], packed: &mut [MaybeUninit<f32>]) = pack_large_with
}

#[inline(always)]
fn pack_large_with<L: Lanes>(panel: &Panel, weight: &[f32], packed: &mut [MaybeUninit<f32>]) {
    let (inner, all) = (weight.len() / panel.inputs, panel.all_taps);
    for input in 0..panel.inputs {
        for lane in (0..panel.channels.len()).step_by(L::WIDTH) {
            let start = input * inner + (panel.channels.start + lane) * all;
            let channels = (panel.channels.len() - lane).min(L::WIDTH);
            let end = start + (L::WIDTH - 1) * all + L::WIDTH;
            if panel.taps.len() == all && all <= L::WIDTH && channels == L::WIDTH && end <= weight.len() {
                let (mut from, mut to) = ([std::ptr::null(); 16], [std::ptr::null_mut(); 16]);
                for (from, values) in from.iter_mut().zip(weight[start..end].windows(L::WIDTH).step_by(all)) {
                    *from = values.as_ptr();
                }
                for (t, tap) in panel.taps.iter().enumerate() {
                    let place = panel.place(t, input) + lane;
                    to[tap.index] = packed[place..place + L::WIDTH].as_mut_ptr().cast();
                }
                // SAFETY: all places are slices of that many floats.
                unsafe { L::transpose(&from[..L::WIDTH], &to[..all]) };
                continue;
            }
            for (t, tap) in panel.taps.iter().enumerate() {
                let place = panel.place(t, input) + lane;
                let values = weight[start + tap.index..].iter().step_by(all);
                for (slot, value) in packed[place..place + channels].iter_mut().zip(values) {
                    slot.write(*value);
                }
            }
        }
    }
}
