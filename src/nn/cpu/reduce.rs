//! Sums over pixels, per channel.
//!
//! Chunks of a fixed number of pixels are summed on any thread and added up in order, so that the number of threads does
//! not change a bit of the result.

use super::lanes::Lanes;
use super::vectorized::vectorized;
use rayon::prelude::*;

/// Pixels of one partial sum: few enough that a chunk of several tensors stays in the cache for a second pass over it.
pub(crate) fn chunk_pixels(channels: usize) -> usize {
    (4096 / channels).clamp(16, 256)
}

/// The sum of each channel over all pixels of `values` (pixels, channels).
pub(crate) fn channel_sums(values: &[f32], channels: usize) -> Vec<f32> {
    let partial: Vec<Vec<f32>> = values
        .par_chunks(chunk_pixels(channels) * channels)
        .map(|chunk| {
            let mut sums = vec![0.0; channels];
            sum_pixels(chunk, &mut sums);
            sums
        })
        .collect();
    add_in_order(partial.iter().map(Vec::as_slice), channels).into_iter().map(|sum| sum as f32).collect()
}

vectorized! {
    /// The sum of a chunk's pixels.
    fn sum_pixels(chunk: &[f32], sums: &mut [f32]) = sum_pixels_with
}

#[inline(always)]
fn sum_pixels_with<L: Lanes>(chunk: &[f32], sums: &mut [f32]) {
    let channels = sums.len();
    for (block, sums) in sums.chunks_mut(L::WIDTH).enumerate() {
        let mut sum = L::splat(0.0);
        for pixel in chunk.chunks_exact(channels) {
            sum = sum.add(L::load(&pixel[block * L::WIDTH..]));
        }
        sum.write(sums);
    }
}

/// Partial sums added up in double precision.
pub(crate) fn add_in_order<'a>(partial: impl Iterator<Item = &'a [f32]>, channels: usize) -> Vec<f64> {
    let mut sums = vec![0.0; channels];
    for partial in partial {
        for (sum, value) in sums.iter_mut().zip(partial) {
            *sum += f64::from(*value);
        }
    }
    sums
}
