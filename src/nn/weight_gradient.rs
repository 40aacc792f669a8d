//! The gradient of a convolution's weight: for each tap the product of the large plane with the small one over all pixels.
//!
//! The batch's rows are divided into parts, and the output channels into panels of 16; how many is a matter of shapes, never
//! of threads. Each task adds up one part for one panel, and the parts are added in order.

use super::geometry::{Family, Geometry};
use super::lanes::{LANES, Lanes, vectorized};
use rayon::prelude::*;

/// Channels of the small plane in one panel.
const PANEL: usize = 2 * LANES;
/// Pixels whose pointers and panel values are held at once.
const CHUNK: usize = 128;
/// How many tasks to aim at.
const TASKS: usize = 16;

/// The weight gradient, shaped (small channels, large channels, kernel, kernel).
pub(super) fn weight_gradient(geometry: &Geometry, large: &[f32], small: &[f32]) -> Vec<f32> {
    let panels = geometry.small.channels.div_ceil(PANEL);
    let rows = geometry.batch * geometry.small.height;
    let parts = TASKS.div_ceil(panels).clamp(1, rows.max(1));
    let families = geometry.into_small();
    let zeros = vec![0.0; geometry.large.channels];
    let sums: Vec<Panel> = (0..panels * parts)
        .into_par_iter()
        .map(|task| {
            let part = task % parts;
            let rows = rows * part / parts..rows * (part + 1) / parts;
            let job =
                Job { geometry, family: &families[0], large, small, zeros: &zeros, panel: task / parts };
            let mut sum =
                vec![[[0.0; LANES]; 2]; geometry.kernel * geometry.kernel * geometry.large.channels];
            add_rows(&job, rows, &mut sum);
            sum
        })
        .collect();
    unpack(geometry, &sums, parts)
}

/// Sums of a panel, ordered (tap, large channel).
type Panel = Vec<[[f32; LANES]; 2]>;

/// Adds the parts of each panel and brings the result into the weight's order.
fn unpack(geometry: &Geometry, sums: &[Panel], parts: usize) -> Vec<f32> {
    let (inputs, taps) = (geometry.large.channels, geometry.kernel * geometry.kernel);
    let mut gradient = vec![0.0; geometry.small.channels * inputs * taps];
    gradient.par_chunks_mut(inputs * taps * PANEL).zip(sums.par_chunks(parts)).for_each(
        |(gradient, parts)| {
            for part in parts {
                for (lane, gradient) in gradient.chunks_exact_mut(inputs * taps).enumerate() {
                    for (i, gradient) in gradient.chunks_exact_mut(taps).enumerate() {
                        for (gradient, sum) in gradient.iter_mut().zip(part[i..].iter().step_by(inputs)) {
                            *gradient += sum[lane / LANES][lane % LANES];
                        }
                    }
                }
            }
        },
    );
    gradient
}

/// What one task reads.
struct Job<'a> {
    geometry: &'a Geometry,
    family: &'a Family,
    large: &'a [f32],
    small: &'a [f32],
    zeros: &'a [f32],
    panel: usize,
}

vectorized! {
    /// Adds the products of some rows (of all images, numbered through) to a panel's sums.
    fn add_rows(job: &Job, rows: std::ops::Range<usize>, sum: &mut Panel) = add_rows_with
}

#[inline(always)]
fn add_rows_with<L: Lanes>(job: &Job, rows: std::ops::Range<usize>, sum: &mut Panel) {
    let width = job.geometry.small.width;
    let pixels = rows.start * width..rows.end * width;
    let mut values = Vec::with_capacity(CHUNK);
    let mut table = Vec::with_capacity(CHUNK);
    for first in pixels.clone().step_by(CHUNK) {
        let chunk = first..(first + CHUNK).min(pixels.end);
        panel_values(job, chunk.clone(), &mut values);
        for (tap, sum) in sum.chunks_exact_mut(job.geometry.large.channels).enumerate() {
            point_pixels(job, tap, chunk.clone(), &mut table);
            add_tap::<L>(&table, &values, sum);
        }
    }
}

/// The panel's values of the small plane, side by side, with zeros in the lanes beyond the last channel.
#[inline(always)]
fn panel_values(job: &Job, pixels: std::ops::Range<usize>, values: &mut Vec<[[f32; LANES]; 2]>) {
    let channels = job.geometry.small.channels;
    let first = job.panel * PANEL;
    let count = (channels - first).min(PANEL);
    values.clear();
    values.resize(pixels.len(), [[0.0; LANES]; 2]);
    let pixels = job.small[pixels.start * channels..pixels.end * channels].chunks_exact(channels);
    for (values, pixel) in values.iter_mut().zip(pixels) {
        for (value, from) in values.as_flattened_mut().iter_mut().zip(&pixel[first..first + count]) {
            *value = *from;
        }
    }
}

/// The large pixels that meet the chunk's pixels under a tap.
#[inline(always)]
fn point_pixels<'a>(job: &Job<'a>, tap: usize, pixels: std::ops::Range<usize>, table: &mut Vec<&'a [f32]>) {
    let (large, small) = (job.geometry.large, job.geometry.small);
    let tap = job.family.taps[tap];
    table.clear();
    let mut pixel = pixels.start;
    while pixel < pixels.end {
        let (row, column) = (pixel / small.width, pixel % small.width);
        let count = (small.width - column).min(pixels.end - pixel);
        let (image, row) = (row / small.height, row % small.height);
        let source_row = (row * job.family.source_step).cast_signed() + tap.row;
        pixel += count;
        if source_row < 0 || source_row >= large.height.cast_signed() {
            table.resize(table.len() + count, job.zeros);
            continue;
        }
        let start = (image * large.height + source_row.cast_unsigned()) * large.width * large.channels;
        let line = &job.large[start..start + large.width * large.channels];
        let first = (column * job.family.source_step).cast_signed() + tap.column;
        point_columns(line, job, first, count, table);
    }
}

/// Pixels `first`, `first + step`, ... of a line; zeros outside it.
#[inline(always)]
fn point_columns<'a>(line: &'a [f32], job: &Job<'a>, first: isize, count: usize, table: &mut Vec<&'a [f32]>) {
    let (large, step) = (job.geometry.large, job.family.source_step);
    let end = table.len() + count;
    let left = (-first).max(0).cast_unsigned().div_ceil(step).min(count);
    table.resize(table.len() + left, job.zeros);
    let column = first + (left * step).cast_signed();
    if let Some(line) = line.get(column.max(0).cast_unsigned() * large.channels..) {
        table.extend(line.chunks_exact(large.channels).step_by(step).take(count - left));
    }
    table.resize(end, job.zeros);
}

/// Adds one tap's products, a few large channels at a time, as many as the registers hold.
#[inline(always)]
fn add_tap<L: Lanes>(table: &[&[f32]], values: &[[[f32; LANES]; 2]], sum: &mut [[[f32; LANES]; 2]]) {
    let mut first = 0;
    while first < sum.len() {
        let count = match sum.len() - first {
            4 | 7 | 8 => 4,
            remaining => remaining.min(6),
        };
        let sum = &mut sum[first..first + count];
        match count {
            6 => add_block::<L, 6>(table, values, first, sum),
            5 => add_block::<L, 5>(table, values, first, sum),
            4 => add_block::<L, 4>(table, values, first, sum),
            3 => add_block::<L, 3>(table, values, first, sum),
            2 => add_block::<L, 2>(table, values, first, sum),
            _ => add_block::<L, 1>(table, values, first, sum),
        }
        first += count;
    }
}

#[inline(always)]
fn add_block<L: Lanes, const M: usize>(
    table: &[&[f32]],
    values: &[[[f32; LANES]; 2]],
    first: usize,
    sum: &mut [[[f32; LANES]; 2]],
) {
    let mut sums: [[L; 2]; M] = std::array::from_fn(|m| sum[m].map(|lanes| L::load(&lanes)));
    for (pixel, values) in table.iter().zip(values) {
        let pixel = &pixel[first..first + M];
        let values = values.map(|lanes| L::load(&lanes));
        for m in 0..M {
            let x = L::splat(pixel[m]);
            for (sum, value) in sums[m].iter_mut().zip(values) {
                *sum = sum.fma(x, value);
            }
        }
    }
    for (sum, sums) in sum.iter_mut().zip(sums) {
        for (sum, lanes) in sum.iter_mut().zip(sums) {
            lanes.store(sum);
        }
    }
}
