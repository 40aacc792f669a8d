//! Sums over pixels, per channel.
//!
//! Chunks of a fixed number of pixels are summed on any thread and added up in order, so that the number of threads does
//! not change a bit of the result.

use rayon::prelude::*;

/// Pixels of one partial sum: few enough that a chunk stays in the cache for a second pass over it.
pub(super) const CHUNK: usize = 256;

/// The sum of each channel over all pixels of `values` (pixels, channels).
pub(super) fn channel_sums(values: &[f32], channels: usize) -> Vec<f32> {
    let partial: Vec<Vec<f32>> = values
        .par_chunks(CHUNK * channels)
        .map(|chunk| {
            let mut sums = vec![0.0; channels];
            add_pixels(chunk, &mut sums);
            sums
        })
        .collect();
    add_in_order(&partial, channels).into_iter().map(|sum| sum as f32).collect()
}

/// Adds each pixel of `values` to `sums`.
pub(super) fn add_pixels(values: &[f32], sums: &mut [f32]) {
    for pixel in values.chunks_exact(sums.len()) {
        for (sum, value) in sums.iter_mut().zip(pixel) {
            *sum += value;
        }
    }
}

/// Partial sums added up in double precision.
pub(super) fn add_in_order(partial: &[Vec<f32>], channels: usize) -> Vec<f64> {
    let mut sums = vec![0.0; channels];
    for partial in partial {
        for (sum, value) in sums.iter_mut().zip(partial) {
            *sum += f64::from(*value);
        }
    }
    sums
}
