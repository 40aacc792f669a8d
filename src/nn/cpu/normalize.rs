//! The passes of batch normalization over memory, for pixels with any number of channels.

use super::activation::{Activation, activate, activation_grad};
use super::lanes::Lanes;
use super::memory::written;
use super::reduce::{add_in_order, chunk_pixels};
use super::vectorized::vectorized;
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Mean and biased variance of each channel.
pub(crate) struct Statistics {
    pub(crate) mean: Vec<f64>,
    pub(crate) variance: Vec<f64>,
}

/// Statistics of a batch: mean and squared deviations of each chunk, merged (Chan, Golub and LeVeque 1983). Differences
/// from a chunk's own mean lose no digits where the mean is large beside the deviation.
pub(crate) fn batch_statistics(xs: &[f32], channels: usize) -> Statistics {
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
    let blocks = means.chunks_mut(L::WIDTH).zip(squares.chunks_mut(L::WIDTH));
    for (first, (means, squares)) in (0..channels).step_by(L::WIDTH).zip(blocks) {
        let mut mean = L::splat(0.0);
        for pixel in chunk.chunks_exact(channels) {
            mean = mean.add(L::load(&pixel[first..]));
        }
        let mean = mean.mul(share);
        let mut square = L::splat(0.0);
        let mut rest = L::splat(0.0);
        for pixel in chunk.chunks_exact(channels) {
            let deviation = L::load(&pixel[first..]).sub(mean);
            rest = rest.add(deviation);
            square = square.fma(deviation, deviation);
        }
        // What rounding left in the mean is given back, so that the mean of many chunks is exact to the last digits.
        let rest = rest.mul(share);
        let lost = rest.mul(rest).mul(pixels);
        mean.add(rest).write(means);
        square.sub(lost).floor_zero().write(squares);
    }
}

/// `activation((xs - mean) * scale + bias + residual)` per channel.
pub(crate) struct Affine<'a> {
    pub(crate) mean: &'a [f32],
    pub(crate) scale: Vec<f32>,
    pub(crate) bias: &'a [f32],
    pub(crate) activation: Activation,
}

impl Affine<'_> {
    fn channels(&self) -> usize {
        self.mean.len()
    }

    fn chunk_len(&self) -> usize {
        chunk_pixels(self.channels()) * self.channels()
    }
}

/// The parts of an optional tensor: as many as there are chunks, each none without it.
fn chunks(
    values: Option<&[f32]>,
    len: usize,
    total: usize,
) -> impl IndexedParallelIterator<Item = Option<&[f32]>> {
    let part = move |i: usize| values.map(|values| &values[i * len..((i + 1) * len).min(total)]);
    (0..total.div_ceil(len)).into_par_iter().map(part)
}

/// The normalized values.
pub(crate) fn normalize(affine: &Affine, xs: &[f32], residual: Option<&[f32]>) -> Vec<f32> {
    let len = affine.chunk_len();
    let fill = |ys: &mut [MaybeUninit<f32>]| {
        let inputs = xs.par_chunks(len).zip(chunks(residual, len, xs.len()));
        ys.par_chunks_mut(len).zip(inputs).for_each(|(ys, (xs, residual))| {
            normalize_chunk(affine, xs, residual, ys);
        });
    };
    // SAFETY: `xs` is as long as the result, and each chunk is written whole.
    unsafe { written(xs.len(), fill) }
}

vectorized! {
    fn normalize_chunk(affine: &Affine, xs: &[f32], residual: Option<&[f32]>, ys: &mut [MaybeUninit<f32>]) = normalize_chunk_with
}

#[inline(always)]
fn normalize_chunk_with<L: Lanes>(
    affine: &Affine,
    xs: &[f32],
    residual: Option<&[f32]>,
    ys: &mut [MaybeUninit<f32>],
) {
    let channels = affine.channels();
    for first in (0..channels).step_by(L::WIDTH) {
        let channel = Channels::<L>::load(affine, first);
        for (i, (ys, xs)) in ys.chunks_exact_mut(channels).zip(xs.chunks_exact(channels)).enumerate() {
            let mut y = channel.normalized(L::load(&xs[first..]).sub(channel.mean));
            if let Some(residual) = residual {
                y = y.add(L::load(&residual[i * channels + first..(i + 1) * channels]));
            }
            activate(affine.activation, y).store(&mut ys[first..]);
        }
    }
}

/// The constants of a vector of channels.
struct Channels<L> {
    mean: L,
    scale: L,
    bias: L,
    activation: Activation,
}

impl<L: Lanes> Channels<L> {
    #[inline(always)]
    fn load(affine: &Affine, first: usize) -> Channels<L> {
        let load = |values: &[f32]| L::load(&values[first..]);
        let (mean, scale, bias) = (load(affine.mean), load(&affine.scale), load(affine.bias));
        Channels { mean, scale, bias, activation: affine.activation }
    }

    #[inline(always)]
    fn normalized(&self, deviation: L) -> L {
        self.bias.fma(deviation, self.scale)
    }

    /// The gradient before the activation. What lies behind it is computed again: cheaper than to read the result.
    #[inline(always)]
    fn before_activation(&self, deviation: L, grad: L) -> L {
        match self.activation {
            Activation::None => grad,
            activation => activation_grad(activation, activate(activation, self.normalized(deviation)), grad),
        }
    }
}

/// The gradient before the activation, from the result: what a residual gets.
pub(crate) fn gradient_before(activation: Activation, ys: &[f32], ys_grad: &[f32]) -> Vec<f32> {
    const CHUNK: usize = 16 * 1024;
    let fill = |grad: &mut [MaybeUninit<f32>]| {
        let inputs = ys.par_chunks(CHUNK).zip(ys_grad.par_chunks(CHUNK));
        grad.par_chunks_mut(CHUNK).zip(inputs).for_each(|(grad, (ys, ys_grad))| {
            before_chunk(activation, ys, ys_grad, grad);
        });
    };
    // SAFETY: both inputs are as long as the result, and each chunk is written whole.
    unsafe { written(ys.len(), fill) }
}

vectorized! {
    fn before_chunk(activation: Activation, ys: &[f32], ys_grad: &[f32], grad: &mut [MaybeUninit<f32>]) = before_chunk_with
}

#[inline(always)]
fn before_chunk_with<L: Lanes>(
    activation: Activation,
    ys: &[f32],
    ys_grad: &[f32],
    grad: &mut [MaybeUninit<f32>],
) {
    let inputs = ys.chunks(L::WIDTH).zip(ys_grad.chunks(L::WIDTH));
    for (grad, (ys, ys_grad)) in grad.chunks_mut(L::WIDTH).zip(inputs) {
        activation_grad(activation, L::load(ys), L::load(ys_grad)).store(grad);
    }
}

/// Per channel, sums over pixels of the gradient before the activation and of its product with `xs - mean`.
pub(crate) fn gradient_sums(affine: &Affine, xs: &[f32], ys_grad: &[f32]) -> (Vec<f64>, Vec<f64>) {
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
    let blocks = sums.chunks_mut(L::WIDTH).zip(products.chunks_mut(L::WIDTH));
    for (first, (sums, products)) in (0..channels).step_by(L::WIDTH).zip(blocks) {
        let channel = Channels::<L>::load(affine, first);
        let (mut sum, mut product) = (L::splat(0.0), L::splat(0.0));
        for (grad, xs) in ys_grad.chunks_exact(channels).zip(xs.chunks_exact(channels)) {
            let deviation = L::load(&xs[first..]).sub(channel.mean);
            let grad = channel.before_activation(deviation, L::load(&grad[first..]));
            sum = sum.add(grad);
            product = product.fma(grad, deviation);
        }
        sum.write(sums);
        product.write(products);
    }
}

/// What the batch's own statistics add to the gradient of a value: `(xs - mean) * slope + offset`.
pub(crate) struct Correction {
    pub(crate) slope: Vec<f32>,
    pub(crate) offset: Vec<f32>,
}

/// The gradient of `xs`.
pub(crate) fn input_gradient(
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
    for first in (0..channels).step_by(L::WIDTH) {
        let channel = Channels::<L>::load(affine, first);
        let (slope, offset) = (L::load(&correction.slope[first..]), L::load(&correction.offset[first..]));
        let inputs = xs.chunks_exact(channels).zip(ys_grad.chunks_exact(channels));
        for (xs_grad, (xs, grad)) in xs_grad.chunks_exact_mut(channels).zip(inputs) {
            let deviation = L::load(&xs[first..]).sub(channel.mean);
            let grad = channel.before_activation(deviation, L::load(&grad[first..]));
            offset.fma(deviation, slope).fma(grad, channel.scale).store(&mut xs_grad[first..]);
        }
    }
}
