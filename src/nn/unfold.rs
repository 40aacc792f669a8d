//! The patch matrix, for images of one to three channels only.
//!
//! A sum over one channel per tap would leave the kernels waiting for pointers, so a thin image is unfolded to one pixel of
//! `channels * taps` values per window: the convolution is then one of kernel 1, with the very same weight.

use super::geometry::{Geometry, Plane, Tap};
use rayon::prelude::*;

/// Below this many channels an image is unfolded.
const THIN: usize = 4;

/// The unfolded image and its convolution of kernel 1, or nothing where unfolding does not pay.
pub(super) fn unfolded(geometry: &Geometry, large: &[f32]) -> Option<(Geometry, Vec<f32>)> {
    let (from, small, taps) = (geometry.large, geometry.small, geometry.kernel * geometry.kernel);
    if from.channels >= THIN || taps == 1 {
        return None;
    }
    let plane = Plane { channels: from.channels * taps, ..small };
    let mut patches = vec![0.0; geometry.batch * plane.len()];
    let family = &geometry.families_into_small()[0];
    patches.par_chunks_mut((small.width * plane.channels).max(1)).enumerate().for_each(|(row, patches)| {
        let (image, row) = (row / small.height, row % small.height);
        for tap in &family.taps {
            let large_row = (row * family.source_step).cast_signed() + tap.row;
            if (0..from.height.cast_signed()).contains(&large_row) {
                let start = (image * from.height + large_row.cast_unsigned()) * from.width * from.channels;
                let line = &large[start..start + from.width * from.channels];
                unfold_row(line, family.source_step, *tap, patches, (from.channels, taps));
            }
        }
    });
    Some((Geometry { large: plane, kernel: 1, stride: 1, padding: 0, ..*geometry }, patches))
}

/// Copies what a tap meets of a row of pixels to its place in each patch; where it meets nothing, zeros stay.
fn unfold_row(line: &[f32], step: usize, tap: Tap, patches: &mut [f32], (channels, taps): (usize, usize)) {
    let skipped = (-tap.column).max(0).cast_unsigned().div_ceil(step);
    let first = (skipped * step).cast_signed() + tap.column;
    for channel in 0..channels {
        let source = line.get(first.cast_unsigned() * channels + channel..).unwrap_or(&[]);
        let slots =
            patches.get_mut(skipped * channels * taps + channel * taps + tap.index..).unwrap_or(&mut []);
        let values = source.iter().step_by(step * channels);
        for (slot, value) in slots.iter_mut().step_by(channels * taps).zip(values) {
            *slot = *value;
        }
    }
}
