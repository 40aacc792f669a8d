//! The passes of batch normalization over memory, for pixels with any number of channels.

use super::lanes::{LANES, Lanes, load, store, vectorized};
use super::memory::written;
use super::reduce::{add_in_order, chunk_pixels, copy_lanes};
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Mean and biased variance of each channel.
pub(super) struct Statistics {
    pub mean: Vec<f64>,
    pub variance: Vec<f64>,
}

/// Statistics of a batch: mean and squared deviations of each chunk, merged (Chan, Golub and LeVeque 1983). Differences
/// from a chunk's own mean lose no digits where the mean is large beside the deviation.
pub(super) fn batch_statistics(xs: &[f32], channels: usize) -> Statistics {
    let partial: Vec<(f64, Vec<f32>, Vec<f32>)> = xs
        .par_chunks(chunk_pixels(channels) * channels)
        .map(|chunk| {
            let (mut mean, mut squares) = (vec![0.0; channels], vec![0.0; channels]);
            chunk_statistics(chunk, &mut mean, &mut squares);
            ((chunk.len() / channels) as f64, mean, squares)
        })
        .collect();
    let (mut mean, mut squares, mut count) = (vec![0.0; channels], vec![0.0; channels], 0.0);
    for (pixels, chunk_mean, chunk_squares) in &partial {
        let total = count + pixels;
        let chunk = chunk_mean.iter().zip(chunk_squares);
        for ((mean, square), (chunk_mean, chunk_square)) in mean.iter_mut().zip(&mut squares).zip(chunk) {
            let delta = f64::from(*chunk_mean) - *mean;
            *square += f64::from(*chunk_square) + delta * delta * count * pixels / total;
            *mean += delta * pixels / total;
        }
        count = total;
    }
    Statistics { mean, variance: squares.into_iter().map(|square| square / count).collect() }
}

vectorized! {
    /// Mean and sum of squared deviations of a chunk of pixels.
    fn chunk_statistics(chunk: &[f32], mean: &mut [f32], squares: &mut [f32]) = chunk_statistics_with
}

#[inline(always)]
fn chunk_statistics_with<L: Lanes>(chunk: &[f32], means: &mut [f32], squares: &mut [f32]) {
    let channels = means.len();
    let pixels = L::splat((chunk.len() / channels) as f32);
    let share = L::splat(1.0 / (chunk.len() / channels) as f32);
    let blocks = means.chunks_mut(LANES).zip(squares.chunks_mut(LANES));
    for (first, (means, squares)) in (0..channels).step_by(LANES).zip(blocks) {
        let values = || chunk.chunks_exact(channels).map(|pixel| load::<L>(&pixel[first..]));
        let mean = values().fold(L::splat(0.0), L::add).mul(share);
        let mut square = L::splat(0.0);
        let mut rest = L::splat(0.0);
        for value in values() {
            let deviation = value.sub(mean);
            rest = rest.add(deviation);
            square = square.fma(deviation, deviation);
        }
        // What rounding left in the mean is given back, so that the mean of many chunks is exact to the last digits.
        let rest = rest.mul(share);
        let lost = rest.mul(rest).mul(pixels);
        copy_lanes(mean.add(rest), means);
        copy_lanes(square.sub(lost).floor_zero(), squares);
    }
}

/// `(xs - mean) * scale + bias` per channel, with a ReLU or without.
pub(super) struct Affine<'a> {
    pub mean: &'a [f32],
    pub scale: Vec<f32>,
    pub bias: &'a [f32],
    pub relu: bool,
}

impl Affine<'_> {
    fn channels(&self) -> usize {
        self.mean.len()
    }

    fn chunk_len(&self) -> usize {
        chunk_pixels(self.channels()) * self.channels()
    }
}

/// The normalized values.
pub(super) fn normalize(affine: &Affine, xs: &[f32]) -> Vec<f32> {
    let len = affine.chunk_len();
    let fill = |ys: &mut [MaybeUninit<f32>]| {
        ys.par_chunks_mut(len).zip(xs.par_chunks(len)).for_each(|(ys, xs)| normalize_chunk(affine, xs, ys));
    };
    // SAFETY: `xs` is as long as the result, and each chunk is written whole.
    unsafe { written(xs.len(), fill) }
}

vectorized! {
    fn normalize_chunk(affine: &Affine, xs: &[f32], ys: &mut [MaybeUninit<f32>]) = normalize_chunk_with
}

#[inline(always)]
fn normalize_chunk_with<L: Lanes>(affine: &Affine, xs: &[f32], ys: &mut [MaybeUninit<f32>]) {
    let channels = affine.channels();
    for first in (0..channels).step_by(LANES) {
        let channel = Channels::<L>::load(affine, first);
        for (ys, xs) in ys.chunks_exact_mut(channels).zip(xs.chunks_exact(channels)) {
            let y = channel.normalized(load::<L>(&xs[first..]).sub(channel.mean));
            store(if affine.relu { y.floor_zero() } else { y }, &mut ys[first..]);
        }
    }
}

/// The constants of eight channels.
struct Channels<L> {
    mean: L,
    scale: L,
    bias: L,
}

impl<L: Lanes> Channels<L> {
    #[inline(always)]
    fn load(affine: &Affine, first: usize) -> Channels<L> {
        let load = |values: &[f32]| load(&values[first..]);
        Channels { mean: load(affine.mean), scale: load(&affine.scale), bias: load(affine.bias) }
    }

    #[inline(always)]
    fn normalized(&self, deviation: L) -> L {
        self.bias.fma(deviation, self.scale)
    }

    /// The gradient behind the ReLU. Whether that was open is computed again: cheaper than to read the result.
    #[inline(always)]
    fn behind_relu(&self, relu: bool, deviation: L, grad: L) -> L {
        if relu { grad.where_positive(self.normalized(deviation)) } else { grad }
    }
}

/// Per channel, sums over pixels of the gradient behind the ReLU and of its product with `xs - mean`.
pub(super) fn gradient_sums(affine: &Affine, xs: &[f32], ys_grad: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let (channels, len) = (affine.channels(), affine.chunk_len());
    let partial: Vec<Vec<f32>> = ys_grad
        .par_chunks(len)
        .zip(xs.par_chunks(len))
        .map(|(ys_grad, xs)| {
            let mut sums = vec![0.0; 2 * channels];
            chunk_gradient_sums(affine, xs, ys_grad, &mut sums);
            sums
        })
        .collect();
    let sums = |range: std::ops::Range<usize>| {
        add_in_order(partial.iter().map(|sums| &sums[range.clone()]), channels)
    };
    (sums(0..channels), sums(channels..2 * channels))
}

vectorized! {
    fn chunk_gradient_sums(affine: &Affine, xs: &[f32], ys_grad: &[f32], sums: &mut [f32]) = chunk_gradient_sums_with
}

#[inline(always)]
fn chunk_gradient_sums_with<L: Lanes>(affine: &Affine, xs: &[f32], ys_grad: &[f32], sums: &mut [f32]) {
    let channels = affine.channels();
    let (sums, products) = sums.split_at_mut(channels);
    let blocks = sums.chunks_mut(LANES).zip(products.chunks_mut(LANES));
    for (first, (sums, products)) in (0..channels).step_by(LANES).zip(blocks) {
        let channel = Channels::<L>::load(affine, first);
        let (mut sum, mut product) = (L::splat(0.0), L::splat(0.0));
        for (grad, xs) in ys_grad.chunks_exact(channels).zip(xs.chunks_exact(channels)) {
            let deviation = load::<L>(&xs[first..]).sub(channel.mean);
            let grad = channel.behind_relu(affine.relu, deviation, load(&grad[first..]));
            sum = sum.add(grad);
            product = product.fma(grad, deviation);
        }
        copy_lanes(sum, sums);
        copy_lanes(product, products);
    }
}

/// What the batch's own statistics add to the gradient of a value: `(xs - mean) * slope + offset`.
pub(super) struct Correction {
    pub slope: Vec<f32>,
    pub offset: Vec<f32>,
}

/// The gradient of `xs`.
pub(super) fn input_gradient(
    affine: &Affine,
    correction: &Correction,
    xs: &[f32],
    ys_grad: &[f32],
) -> Vec<f32> {
    let len = affine.chunk_len();
    let fill = |xs_grad: &mut [MaybeUninit<f32>]| {
        let inputs = xs.par_chunks(len).zip(ys_grad.par_chunks(len));
        xs_grad.par_chunks_mut(len).zip(inputs).for_each(|(xs_grad, (xs, ys_grad))| {
            chunk_input_gradient(affine, correction, [xs, ys_grad], xs_grad);
        });
    };
    // SAFETY: `xs` and `ys_grad` are as long as the result, and each chunk is written whole.
    unsafe { written(xs.len(), fill) }
}

vectorized! {
    fn chunk_input_gradient(
        affine: &Affine,
        correction: &Correction,
        inputs: [&[f32]; 2],
        xs_grad: &mut [MaybeUninit<f32>],
    ) = chunk_input_gradient_with
}

#[inline(always)]
fn chunk_input_gradient_with<L: Lanes>(
    affine: &Affine,
    correction: &Correction,
    [xs, ys_grad]: [&[f32]; 2],
    xs_grad: &mut [MaybeUninit<f32>],
) {
    let channels = affine.channels();
    for first in (0..channels).step_by(LANES) {
        let channel = Channels::<L>::load(affine, first);
        let (slope, offset) = (load::<L>(&correction.slope[first..]), load::<L>(&correction.offset[first..]));
        let inputs = xs.chunks_exact(channels).zip(ys_grad.chunks_exact(channels));
        for (xs_grad, (xs, grad)) in xs_grad.chunks_exact_mut(channels).zip(inputs) {
            let deviation = load::<L>(&xs[first..]).sub(channel.mean);
            let grad = channel.behind_relu(affine.relu, deviation, load(&grad[first..]));
            store(offset.fma(deviation, slope).fma(grad, channel.scale), &mut xs_grad[first..]);
        }
    }
}
