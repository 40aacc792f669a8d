//! Depthwise convolution: every channel has a window of its own.
//!
//! A vector holds neighbouring channels of one pixel, so the window's elements are vectors too, and there is no sum over
//! channels to share work in: a tile of pixels reuses each of them.

use super::super::lanes::Lanes;
use super::super::memory::{Shared, written};
use super::super::reduce::add_in_order;
use super::super::vectorized::vectorized;
use super::sums::Ending;
use super::table::{CHUNK, Places, SLOTS, Table};
use crate::nn::cpu::activation::activate;
use crate::nn::geometry::{Family, Geometry, Plane, Tap};
use rayon::prelude::*;
use std::ops::Range;

/// Pixels that share a window's elements.
const TILE: usize = 8;
/// Channels of one task.
const CHANNELS: usize = 64;

/// Sums over `large` into the small plane: the forward pass.
pub(crate) fn depthwise_into_small(
    geometry: &Geometry,
    large: &[f32],
    weight: &[f32],
    ending: Ending,
) -> Vec<f32> {
    let pass = Pass { geometry, source: large, from: geometry.large, to: geometry.small, ending };
    gather(pass, &[geometry.family_into_small()], weight)
}

/// Sums over `small` into the large plane: the input's gradient, and the transposed convolution.
pub(crate) fn depthwise_into_large(
    geometry: &Geometry,
    small: &[f32],
    weight: &[f32],
    ending: Ending,
) -> Vec<f32> {
    let pass = Pass { geometry, source: small, from: geometry.small, to: geometry.large, ending };
    gather(pass, &geometry.families_into_large(), weight)
}

/// Where a sum reads and what it writes.
#[derive(Clone, Copy)]
struct Pass<'a> {
    geometry: &'a Geometry,
    source: &'a [f32],
    from: Plane,
    to: Plane,
    ending: Ending<'a>,
}

/// The window's elements of some taps, ordered (tap, channel).
fn by_tap(weight: &[f32], all: usize, taps: &[Tap]) -> Vec<f32> {
    taps.iter().flat_map(|tap| weight[tap.index..].iter().step_by(all).copied()).collect()
}

fn channel_blocks(channels: usize) -> impl Iterator<Item = Range<usize>> {
    (0..channels).step_by(CHANNELS).map(move |first| first..(first + CHANNELS).min(channels))
}

fn gather(pass: Pass, families: &[Family], weight: &[f32]) -> Vec<f32> {
    let (batch, channels) = (pass.geometry.batch, pass.to.channels);
    let zeros = vec![0.0; channels];
    let (source, from, to) = (pass.source, pass.from, pass.to);
    let places = |family| Places { source, from, to, family, batch, zeros: &zeros };
    let weights: Vec<Vec<f32>> =
        families.iter().map(|family| by_tap(weight, pass.geometry.window.taps(), &family.taps)).collect();
    let tasks: Vec<(usize, usize, Range<usize>)> = (0..families.len())
        .flat_map(|f| (0..places(&families[f]).points()).step_by(CHUNK).map(move |first| (f, first)))
        .flat_map(|(f, first)| channel_blocks(channels).map(move |block| (f, first, block)))
        .collect();
    // SAFETY: each pixel belongs to one family and to one of its chunks, each channel to one block, and a task writes all of its
    // pixels and channels.
    unsafe {
        written(batch * pass.to.len(), |output| {
            let output = Shared::new(output);
            tasks.par_iter().for_each(|(f, first, block)| {
                let places = places(&families[*f]);
                let table = places.table(*first, CHUNK.min(places.points() - first));
                let sum = Sum {
                    pass,
                    taps: families[*f].taps.len(),
                    table: &table,
                    weight: &weights[*f],
                    output: &output,
                };
                sum_channels(&sum, block.clone());
            });
        })
    }
}

/// All that the sum over one chunk of pixels needs.
struct Sum<'a> {
    pass: Pass<'a>,
    taps: usize,
    table: &'a Table<f32>,
    weight: &'a [f32],
    output: &'a Shared<f32>,
}

vectorized! {
    /// Computes some channels of a chunk of pixels.
    fn sum_channels(sum: &Sum, channels: Range<usize>) = sum_channels_with
}

#[inline(always)]
fn sum_channels_with<L: Lanes>(sum: &Sum, channels: Range<usize>) {
    let Ending { bias, residual, activation } = sum.pass.ending;
    for first in channels.clone().step_by(L::WIDTH) {
        let block = first..(first + L::WIDTH).min(channels.end);
        let bias = bias.map_or(L::splat(0.0), |bias| L::load(&bias[block.clone()]));
        for (tile, outputs) in sum.table.outputs.chunks(TILE).enumerate() {
            let sums = tile_sum(sum, tile * TILE, &block, bias);
            for (mut value, start) in sums.into_iter().zip(outputs) {
                let at = start + block.start..start + block.end;
                if let Some(residual) = residual {
                    value = value.add(L::load(&residual[at.clone()]));
                }
                // SAFETY: these channels of this pixel are this task's own.
                let slots =
                    unsafe { std::slice::from_raw_parts_mut(sum.output.at(at.start).cast(), block.len()) };
                activate(activation, value).store(slots);
            }
        }
    }
}

#[inline(always)]
fn tile_sum<L: Lanes>(sum: &Sum, first: usize, block: &Range<usize>, bias: L) -> [L; TILE] {
    let mut sums = [bias; TILE];
    let channels = sum.pass.to.channels;
    for tap in 0..sum.taps {
        let weight = L::load(&sum.weight[tap * channels..][block.clone()]);
        let pixels = &sum.table.sources[tap * SLOTS + first..][..TILE];
        for (sum, pixel) in sums.iter_mut().zip(pixels) {
            *sum = sum.fma(weight, pixel_lanes(*pixel, block));
        }
    }
    sums
}

/// Some channels of a pixel that a table points at.
#[inline(always)]
fn pixel_lanes<L: Lanes>(pixel: *const f32, block: &Range<usize>) -> L {
    // SAFETY: the table points at whole pixels or at as many zeros, and the block's channels are in them.
    L::load(unsafe { std::slice::from_raw_parts(pixel.add(block.start), block.len()) })
}

/// Pixels whose products are added up before they are added to the rest.
const PART: usize = 120;

/// The weight gradient, shaped (channels, 1, kernel).
pub(crate) fn depthwise_weight_gradient(geometry: &Geometry, large: &[f32], small: &[f32]) -> Vec<f32> {
    let channels = geometry.large.channels;
    let zeros = vec![0.0; channels];
    let family = geometry.family_into_small();
    let places = Places {
        source: large,
        from: geometry.large,
        to: geometry.small,
        family: &family,
        batch: geometry.batch,
        zeros: &zeros,
    };
    let pixels = geometry.batch * geometry.small.pixels();
    let taps = family.taps.len();
    let partial: Vec<Vec<f32>> = (0..pixels.div_ceil(PART))
        .into_par_iter()
        .map(|part| {
            let table = places.table(part * PART, PART.min(pixels - part * PART));
            let mut sums = vec![0.0; taps * channels];
            add_products(&table, small, channels, &mut sums);
            sums
        })
        .collect();
    let sums = add_in_order(partial.iter().map(Vec::as_slice), taps * channels);
    (0..channels * taps).map(|i| sums[i % taps * channels + i / taps] as f32).collect()
}

vectorized! {
    /// The products of a chunk's pixels, summed by tap and channel.
    fn add_products(table: &Table<f32>, small: &[f32], channels: usize, sums: &mut [f32]) = add_products_with
}

#[inline(always)]
fn add_products_with<L: Lanes>(table: &Table<f32>, small: &[f32], channels: usize, sums: &mut [f32]) {
    for first in (0..channels).step_by(L::WIDTH) {
        let block = first..(first + L::WIDTH).min(channels);
        for (tap, sums) in sums.chunks_exact_mut(channels).enumerate() {
            let pixels = &table.sources[tap * SLOTS..][..table.outputs.len()];
            let mut sum = L::splat(0.0);
            for (pixel, start) in pixels.iter().zip(&table.outputs) {
                let small = L::load(&small[start + block.start..start + block.end]);
                sum = sum.fma(small, pixel_lanes(*pixel, &block));
            }
            sum.write(&mut sums[block.clone()]);
        }
    }
}
