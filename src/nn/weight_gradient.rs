//! The gradient of a convolution's weight: for each tap the product of the large plane with the small one over all pixels.
//!
//! The batch's rows are divided into parts, and the output channels into panels of 16; how many is a matter of shapes, never
//! of threads. Each task adds up one part for one panel, and the parts are added in order.

use super::geometry::{Family, Geometry, Tap};
use super::lanes::{LANES, Lanes, vectorized};
use super::unfold::unfolded;
use rayon::prelude::*;

/// Channels of the small plane in one panel.
const PANEL: usize = 2 * LANES;
/// Large channels that are summed together: a cache line of them.
const CHANNEL_GROUP: usize = 16;
/// Pixels whose panel values are held at once.
const CHUNK: usize = 128;
/// How many tasks to aim at.
const TASKS: usize = 16;

/// The weight gradient, shaped (small channels, large channels, kernel, kernel).
pub(super) fn weight_gradient(geometry: &Geometry, large: &[f32], small: &[f32]) -> Vec<f32> {
    if let Some((geometry, large)) = unfolded(geometry, large) {
        return weight_gradient(&geometry, &large, small);
    }
    let panels = geometry.small.channels.div_ceil(PANEL);
    let rows = geometry.batch * geometry.small.height;
    let parts = TASKS.div_ceil(panels).clamp(1, rows.max(1));
    let families = geometry.families_into_small();
    let sums: Vec<Panel> = (0..panels * parts)
        .into_par_iter()
        .map(|task| {
            let part = task % parts;
            let rows = rows * part / parts..rows * (part + 1) / parts;
            let job = Job { geometry, family: &families[0], large, small, panel: task / parts };
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
    panel: usize,
}

impl Job<'_> {
    /// Floats from one large pixel that a tap meets to the next.
    fn pitch(&self) -> usize {
        self.family.source_step * self.geometry.large.channels
    }
}

vectorized! {
    /// Adds the products of some rows (of all images, numbered through) to a panel's sums.
    fn add_rows(job: &Job, rows: std::ops::Range<usize>, sum: &mut Panel) = add_rows_with
}

#[inline(always)]
fn add_rows_with<L: Lanes>(job: &Job, rows: std::ops::Range<usize>, sum: &mut Panel) {
    let (width, channels) = (job.geometry.small.width, job.geometry.large.channels);
    let pixels = rows.start * width..rows.end * width;
    let mut values = Vec::with_capacity(CHUNK);
    for first in pixels.clone().step_by(CHUNK) {
        let chunk = first..(first + CHUNK).min(pixels.end);
        panel_values(job, chunk.clone(), &mut values);
        let runs: Vec<Vec<Run>> = job.family.taps.iter().map(|tap| runs(job, *tap, chunk.clone())).collect();
        // Sixteen large channels are one cache line: it stays at hand while all taps pass over the same rows.
        for group in (0..channels).step_by(CHANNEL_GROUP) {
            let group = group..(group + CHANNEL_GROUP).min(channels);
            for (runs, sum) in runs.iter().zip(sum.chunks_exact_mut(channels)) {
                add_group::<L>(runs, &values, group.clone(), job.pitch(), &mut sum[group.clone()]);
            }
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

/// Neighbouring pixels of a row that meet the image under a tap: the large pixels, and where the small ones start in a chunk.
struct Run<'a> {
    large: &'a [f32],
    small: usize,
}

/// The runs of a chunk of pixels; what meets only zeros outside the image is left out.
fn runs<'a>(job: &Job<'a>, tap: Tap, pixels: std::ops::Range<usize>) -> Vec<Run<'a>> {
    let (large, small, step) = (job.geometry.large, job.geometry.small, job.family.source_step);
    let mut runs = Vec::new();
    let mut pixel = pixels.start;
    while pixel < pixels.end {
        let (row, column) = (pixel / small.width, pixel % small.width);
        let count = (small.width - column).min(pixels.end - pixel);
        let slot = pixel - pixels.start;
        pixel += count;
        let (image, row) = (row / small.height, row % small.height);
        let large_row = (row * step).cast_signed() + tap.row;
        let first = (column * step).cast_signed() + tap.column;
        let skipped = (-first).max(0).cast_unsigned().div_ceil(step);
        let first = first + (skipped * step).cast_signed();
        let in_image =
            (0..large.height.cast_signed()).contains(&large_row) && first < large.width.cast_signed();
        if skipped >= count || !in_image {
            continue;
        }
        let start = (image * large.height + large_row.cast_unsigned()) * large.width;
        let last = (first.cast_unsigned() + (count - skipped - 1) * step + 1).min(large.width);
        let run = (start + first.cast_unsigned()) * large.channels..(start + last) * large.channels;
        runs.push(Run { large: &job.large[run], small: slot + skipped });
    }
    runs
}

/// Adds one tap's products for a group of large channels, a few at a time, as many as the registers hold.
#[inline(always)]
fn add_group<L: Lanes>(
    runs: &[Run],
    values: &[[[f32; LANES]; 2]],
    group: std::ops::Range<usize>,
    pitch: usize,
    mut sum: &mut [[[f32; LANES]; 2]],
) {
    let mut first = group.start;
    while !sum.is_empty() {
        let count = sum.len().div_ceil(sum.len().div_ceil(6));
        let (block, rest) = sum.split_at_mut(count);
        match count {
            6 => add_block::<L, 6>(runs, values, first, pitch, block),
            5 => add_block::<L, 5>(runs, values, first, pitch, block),
            4 => add_block::<L, 4>(runs, values, first, pitch, block),
            3 => add_block::<L, 3>(runs, values, first, pitch, block),
            2 => add_block::<L, 2>(runs, values, first, pitch, block),
            _ => add_block::<L, 1>(runs, values, first, pitch, block),
        }
        first += count;
        sum = rest;
    }
}

#[inline(always)]
fn add_block<L: Lanes, const M: usize>(
    runs: &[Run],
    values: &[[[f32; LANES]; 2]],
    first: usize,
    pitch: usize,
    sum: &mut [[[f32; LANES]; 2]],
) {
    let mut sums: [[L; 2]; M] = std::array::from_fn(|m| sum[m].map(|lanes| L::load(&lanes)));
    let mut add = |pixel: &[f32], values: &[[f32; LANES]; 2]| {
        let values = values.map(|lanes| L::load(&lanes));
        for (sums, x) in sums.iter_mut().zip(&pixel[..M]) {
            let x = L::splat(*x);
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum = sum.fma(x, value);
            }
        }
    };
    for run in runs {
        let mut pixels = run.large[first..].chunks_exact(pitch);
        let mut values = values[run.small..].iter();
        for (pixel, values) in pixels.by_ref().zip(values.by_ref()) {
            add(pixel, values);
        }
        // The last pixel of a row has no whole pitch behind it.
        if let (true, Some(values)) = (pixels.remainder().len() >= M, values.next()) {
            add(pixels.remainder(), values);
        }
    }
    for (sum, sums) in sum.iter_mut().zip(sums) {
        for (sum, lanes) in sum.iter_mut().zip(sums) {
            lanes.store(sum);
        }
    }
}
