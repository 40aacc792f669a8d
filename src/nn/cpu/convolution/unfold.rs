//! The patch matrix, for images of one to three channels only.
//!
//! A sum over one channel per tap would leave the kernels waiting for pointers, so a thin image is unfolded to one pixel of
//! `taps * channels` values per window: the convolution is then one of kernel 1, with the packed weight of the other.

use super::super::memory::written;
use crate::nn::geometry::{Family, Geometry, Plane, Window};
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Below this many channels an image is unfolded.
const THIN: usize = 4;

/// The convolution of kernel 1 over the unfolded image, or nothing where unfolding does not pay.
pub(super) fn unfolded(geometry: &Geometry) -> Option<Geometry> {
    let taps = geometry.window.taps();
    if geometry.large.channels >= THIN || taps == 1 || geometry.groups > 1 {
        return None;
    }
    let large = Plane { channels: geometry.large.channels * taps, ..geometry.small };
    let window = Window { kernel: [1, 1], stride: [1, 1], padding: [0, 0], dilation: [1, 1] };
    Some(Geometry { large, window, ..*geometry })
}

/// The unfolded image; each patch has `channels` values, of which those beyond the window's are zero.
pub(super) fn patches<T: Copy + Default + Send + Sync>(
    geometry: &Geometry,
    large: &[T],
    channels: usize,
) -> Vec<T> {
    let (from, small) = (geometry.large, geometry.small);
    let family = geometry.family_into_small();
    let fill = |patches: &mut [MaybeUninit<T>]| {
        patches.par_chunks_mut((small.width * channels).max(1)).enumerate().for_each(|(row, patches)| {
            let image = &large[row / small.height * from.len()..][..from.len()];
            for (column, patch) in patches.chunks_exact_mut(channels).enumerate() {
                unfold_patch(image, from, &family, [row % small.height, column], patch);
            }
        });
    };
    // SAFETY: each patch is written whole.
    unsafe { written(geometry.batch * small.pixels() * channels, fill) }
}

/// One window's values in the order of a packed weight, (tap, channel), with zeros outside of the image.
fn unfold_patch<T: Copy + Default>(
    image: &[T],
    from: Plane,
    family: &Family,
    at: [usize; 2],
    patch: &mut [MaybeUninit<T>],
) {
    let (patch, beyond) = patch.split_at_mut(from.channels * family.taps.len());
    beyond.fill(MaybeUninit::new(T::default()));
    let start = [at[0] * family.source_step[0], at[1] * family.source_step[1]].map(usize::cast_signed);
    for (tap, slots) in family.taps.iter().zip(patch.chunks_exact_mut(from.channels)) {
        let (row, column) = (start[0] + tap.offset[0], start[1] + tap.offset[1]);
        let inside =
            (0..from.height.cast_signed()).contains(&row) && (0..from.width.cast_signed()).contains(&column);
        let pixel = (row.wrapping_mul(from.width.cast_signed()) + column) * from.channels.cast_signed();
        for (channel, slot) in slots.iter_mut().enumerate() {
            slot.write(if inside { image[pixel.cast_unsigned() + channel] } else { T::default() });
        }
    }
}
