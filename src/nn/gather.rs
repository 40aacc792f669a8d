//! The convolution sum into the small or the large plane.
//!
//! Each destination pixel is the sum, over the taps of its family, of a source pixel times a packed weight matrix. A tile
//! of pixels by 16 output channels stays in registers for the whole sum. No patch matrix is written to memory: a table
//! points at the source pixels, and at zeros where the window leaves the image.

use super::geometry::{Family, Geometry, Plane};
use super::lanes::{LANES, Lanes, vectorized};
use super::memory::written;
use super::pack::{Packed, WeightStrides, pack, padded_bias};
use super::unfold::unfolded;
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Pixels of a tile when two vectors of output channels are computed, and when one is.
const TILE_WIDE: usize = 6;
const TILE_NARROW: usize = 8;
/// The most destination pixels that one table points for.
const CHUNK: usize = 192;

/// Sums over `large` into the small plane: the forward pass of a convolution. `weight` is (small, large, k, k) channels.
pub(super) fn into_small(
    geometry: &Geometry,
    large: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    if let Some((geometry, large)) = unfolded(geometry, large) {
        return into_small(&geometry, &large, weight, bias);
    }
    let families = geometry.families_into_small();
    let (taps, inner) = (geometry.kernel * geometry.kernel, geometry.large.channels);
    let strides = WeightStrides { output: inner * taps, input: taps };
    let pass = Pass { source: large, from: geometry.large, to: geometry.small, rows_per_group: 1 };
    gather(geometry.batch, pass, &families, &pack(&families, weight, (pass.from, pass.to), strides), bias)
}

/// Sums over `small` into the large plane: a convolution's input gradient, and the transposed convolution.
pub(super) fn into_large(
    geometry: &Geometry,
    small: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let families = geometry.families_into_large();
    let (taps, inner) = (geometry.kernel * geometry.kernel, geometry.large.channels);
    let strides = WeightStrides { output: taps, input: inner * taps };
    let pass =
        Pass { source: small, from: geometry.small, to: geometry.large, rows_per_group: geometry.stride };
    gather(geometry.batch, pass, &families, &pack(&families, weight, (pass.from, pass.to), strides), bias)
}

/// Where a sum reads and what it writes. Destination rows are handed out in groups that hold a row of each family.
#[derive(Clone, Copy)]
struct Pass<'a> {
    source: &'a [f32],
    from: Plane,
    to: Plane,
    rows_per_group: usize,
}

fn gather(batch: usize, pass: Pass, families: &[Family], packed: &Packed, bias: Option<&[f32]>) -> Vec<f32> {
    let zeros = vec![0.0; pass.from.channels];
    let bias = padded_bias(bias, pass.to.channels);
    let fill = |output: &mut [MaybeUninit<f32>]| {
        bands(batch, pass, output).into_par_iter().for_each(|band| {
            for (family, packed) in families.iter().zip(packed) {
                let sum = Sum { pass, family, packed, bias: &bias, zeros: &zeros };
                gather_band(&sum, band.first_group, band.output);
            }
        });
    };
    // SAFETY: the bands are the whole output, each pixel of a band belongs to one family, and each family writes all channels
    // of its pixels, also those that no tap meets.
    unsafe { written(batch * pass.to.len(), fill) }
}

/// Consecutive row groups of the batch's destination: what one task computes.
struct Band<'a> {
    first_group: usize,
    output: &'a mut [MaybeUninit<f32>],
}

fn bands<'a>(batch: usize, pass: Pass, mut output: &'a mut [MaybeUninit<f32>]) -> Vec<Band<'a>> {
    let groups = pass.to.height.div_ceil(pass.rows_per_group);
    let per_band = groups_per_band(pass.to.width.div_ceil(pass.rows_per_group), batch * groups);
    let rows_before = |group: usize| {
        (group / groups) * pass.to.height + (group % groups * pass.rows_per_group).min(pass.to.height)
    };
    let mut bands = Vec::new();
    for first_group in (0..batch * groups).step_by(per_band) {
        let last_group = (first_group + per_band).min(batch * groups);
        let rows = rows_before(last_group) - rows_before(first_group);
        let (band, rest) = std::mem::take(&mut output).split_at_mut(rows * pass.to.width * pass.to.channels);
        bands.push(Band { first_group, output: band });
        output = rest;
    }
    bands
}

/// The fewest rows that fill their tiles best: narrow images share a band, so that few tiles are ragged.
fn groups_per_band(columns: usize, groups: usize) -> usize {
    let pixels = |rows: usize| rows * columns;
    let waste = |rows: usize| {
        (pixels(rows).next_multiple_of(TILE_WIDE) - pixels(rows)) as f64 / pixels(rows).max(1) as f64
    };
    (1..=groups.max(1))
        .filter(|&rows| rows == 1 || pixels(rows) <= CHUNK)
        .filter(|&rows| pixels(rows) >= 36 || pixels(rows + 1) > CHUNK || rows == groups.max(1))
        .min_by(|&a, &b| waste(a).total_cmp(&waste(b)).then(a.cmp(&b)))
        .unwrap_or(1)
}

/// All that the sum of one family needs.
struct Sum<'a> {
    pass: Pass<'a>,
    family: &'a Family,
    packed: &'a [[f32; LANES]],
    bias: &'a [[f32; LANES]],
    zeros: &'a [f32],
}

vectorized! {
    /// Computes a family's pixels in a band of the output.
    fn gather_band(sum: &Sum, first_group: usize, output: &mut [MaybeUninit<f32>]) = gather_band_with
}

#[inline(always)]
fn gather_band_with<L: Lanes>(sum: &Sum, first_group: usize, output: &mut [MaybeUninit<f32>]) {
    let points = lattice(sum, first_group, output.len());
    let mut table = Vec::new();
    let mut offsets = Vec::with_capacity(CHUNK);
    let mut rows = points.into_iter().peekable();
    while rows.peek().is_some() {
        table.clear();
        table.resize(sum.family.taps.len().max(1) * CHUNK, sum.zeros);
        offsets.clear();
        while let Some(row) = rows.next_if(|row| offsets.len() + row.columns.len() <= CHUNK) {
            point_row(sum, &row, offsets.len(), &mut table);
            let step = sum.family.step * sum.pass.to.channels;
            offsets.extend(row.columns.clone().map(|j| row.output + j * step));
        }
        gather_panels::<L>(sum, &table, &offsets, output);
    }
}

/// Lattice points of one destination row, at most [`CHUNK`].
struct LatticeRow {
    image: usize,
    row: usize,
    columns: std::ops::Range<usize>,
    /// Where lattice column 0 of this row starts in the band.
    output: usize,
}

fn lattice(sum: &Sum, first_group: usize, band_len: usize) -> Vec<LatticeRow> {
    let (to, family) = (sum.pass.to, sum.family);
    let groups = to.height.div_ceil(sum.pass.rows_per_group);
    let row_len = to.width * to.channels;
    let mut rows = Vec::new();
    let (mut group, mut start) = (first_group, 0);
    while start < band_len {
        let (image, row) = (group / groups, group % groups);
        let top = row * sum.pass.rows_per_group;
        if top + family.row < to.height {
            let output = start + family.row * row_len + family.column * to.channels;
            for first in (0..family.columns).step_by(CHUNK) {
                let columns = first..(first + CHUNK).min(family.columns);
                rows.push(LatticeRow { image, row, columns, output });
            }
        }
        start += sum.pass.rows_per_group.min(to.height - top) * row_len;
        group += 1;
    }
    rows
}

/// Points the table, from `slot` on, at the source pixels of a lattice row; what lies outside keeps pointing at zeros.
#[inline(always)]
fn point_row<'a>(sum: &Sum<'a>, row: &LatticeRow, slot: usize, table: &mut [&'a [f32]]) {
    let (from, step) = (sum.pass.from, sum.family.source_step);
    for (tap, table) in sum.family.taps.iter().zip(table.chunks_exact_mut(CHUNK)) {
        let source_row = (row.row * step).cast_signed() + tap.row;
        if source_row < 0 || source_row >= from.height.cast_signed() {
            continue;
        }
        let start = (row.image * from.height + source_row.cast_unsigned()) * from.width * from.channels;
        let line = &sum.pass.source[start..start + from.width * from.channels];
        // Lattice columns whose source column lies in 0..width.
        let first = row.columns.start.max((-tap.column).max(0).cast_unsigned().div_ceil(step));
        let column = (first * step).cast_signed() + tap.column;
        if first >= row.columns.end || column >= from.width.cast_signed() {
            continue;
        }
        let pixels = line[column.cast_unsigned() * from.channels..].chunks_exact(from.channels).step_by(step);
        let slots = &mut table[slot + first - row.columns.start..slot + row.columns.len()];
        for (slot, pixel) in slots.iter_mut().zip(pixels) {
            *slot = pixel;
        }
    }
}

#[inline(always)]
fn gather_panels<L: Lanes>(sum: &Sum, table: &[&[f32]], offsets: &[usize], output: &mut [MaybeUninit<f32>]) {
    let rows = sum.family.taps.len() * sum.pass.from.channels;
    for (panel, bias) in sum.bias.chunks(2).enumerate() {
        let packed = &sum.packed[panel * 2 * rows..][..bias.len() * rows];
        let channels = (sum.pass.to.channels - panel * 2 * LANES).min(2 * LANES);
        let target = Target { offsets, first: panel * 2 * LANES, channels };
        match bias {
            [a, b] => tiles::<L, TILE_WIDE, 2>(sum, table, packed.as_chunks().0, &[*a, *b], target, output),
            [a] => tiles::<L, TILE_NARROW, 1>(sum, table, packed.as_chunks().0, &[*a], target, output),
            _ => {}
        }
    }
}

/// Where a panel's pixels go: `channels` values from `offset + first` on.
#[derive(Clone, Copy)]
struct Target<'a> {
    offsets: &'a [usize],
    first: usize,
    channels: usize,
}

#[inline(always)]
fn tiles<L: Lanes, const M: usize, const V: usize>(
    sum: &Sum,
    table: &[&[f32]],
    weights: &[[[f32; LANES]; V]],
    bias: &[[f32; LANES]; V],
    target: Target,
    output: &mut [MaybeUninit<f32>],
) {
    for (tile, offsets) in target.offsets.chunks(M).enumerate() {
        let mut values = [[[0.0; LANES]; V]; M];
        tile_sum::<L, M, V>(&table[tile * M..], sum.pass.from.channels, weights, bias, &mut values);
        for (values, offset) in values.iter().zip(offsets) {
            let slots = &mut output[offset + target.first..][..target.channels];
            match slots.as_mut_array::<{ 2 * LANES }>() {
                Some(slots) if V == 2 => write(values.as_flattened(), slots),
                _ => write(values.as_flattened(), slots),
            }
        }
    }
}

/// Writes as many values as there are slots; inlined, so that a known number of slots is written as vectors.
#[inline(always)]
fn write(values: &[f32], slots: &mut [MaybeUninit<f32>]) {
    for (slot, value) in slots.iter_mut().zip(values) {
        slot.write(*value);
    }
}

/// `M` pixels times `V` vectors of output channels, summed over taps and `inputs` channels in registers.
#[inline(always)]
fn tile_sum<L: Lanes, const M: usize, const V: usize>(
    table: &[&[f32]],
    inputs: usize,
    weights: &[[[f32; LANES]; V]],
    bias: &[[f32; LANES]; V],
    values: &mut [[[f32; LANES]; V]; M],
) {
    let mut sums = [bias.map(|bias| L::load(&bias)); M];
    for (weights, table) in weights.chunks_exact(inputs).zip(table.chunks(CHUNK)) {
        let pixels: [&[f32]; M] = std::array::from_fn(|m| &table[m][..inputs]);
        for i in 0..inputs {
            let weight: [L; V] = std::array::from_fn(|v| L::load(&weights[i][v]));
            for (sums, pixel) in sums.iter_mut().zip(pixels) {
                let pixel = L::splat(pixel[i]);
                for (sum, weight) in sums.iter_mut().zip(weight) {
                    *sum = sum.fma(pixel, weight);
                }
            }
        }
    }
    for (values, sums) in values.iter_mut().zip(sums) {
        for (value, sum) in values.iter_mut().zip(sums) {
            sum.store(value);
        }
    }
}
