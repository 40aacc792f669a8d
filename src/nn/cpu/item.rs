//! Numbers of images: f32, or bf16 that is read and written as f32.

use super::lanes::Lanes;
use super::memory::written;
use super::vectorized::vectorized;
use half::bf16;
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// A kind of number in images.
pub(crate) trait Item: Copy + Default + Send + Sync {
    /// [`Lanes::load`].
    fn load<L: Lanes>(values: &[Self]) -> L;

    /// [`Lanes::store`].
    fn store<L: Lanes>(lanes: L, values: &mut [MaybeUninit<Self>]);
}

impl Item for f32 {
    #[inline(always)]
    fn load<L: Lanes>(values: &[f32]) -> L {
        L::load(values)
    }

    #[inline(always)]
    fn store<L: Lanes>(lanes: L, values: &mut [MaybeUninit<f32>]) {
        lanes.store(values);
    }
}

impl Item for bf16 {
    #[inline(always)]
    fn load<L: Lanes>(values: &[bf16]) -> L {
        L::load_half(values)
    }

    #[inline(always)]
    fn store<L: Lanes>(lanes: L, values: &mut [MaybeUninit<bf16>]) {
        lanes.store_half(values);
    }
}

/// Values of one task.
const CHUNK: usize = 16 * 1024;

/// bf16 as f32.
pub(crate) fn widened(values: &[bf16]) -> Vec<f32> {
    let fill = |wide: &mut [MaybeUninit<f32>]| {
        wide.par_chunks_mut(CHUNK)
            .zip(values.par_chunks(CHUNK))
            .for_each(|(wide, values)| widen(values, wide));
    };
    // SAFETY: there are as many values, and each chunk is written whole.
    unsafe { written(values.len(), fill) }
}

/// f32 rounded to the nearest bf16, halves to even.
pub(crate) fn narrowed(values: &[f32]) -> Vec<bf16> {
    let fill = |narrow: &mut [MaybeUninit<bf16>]| {
        let chunks = narrow.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK));
        chunks.for_each(|(narrow, values)| self::narrow(values, narrow));
    };
    // SAFETY: there are as many values, and each chunk is written whole.
    unsafe { written(values.len(), fill) }
}

vectorized! {
    fn widen(values: &[bf16], wide: &mut [MaybeUninit<f32>]) = widen_with
}

#[inline(always)]
fn widen_with<L: Lanes>(values: &[bf16], wide: &mut [MaybeUninit<f32>]) {
    for (values, wide) in values.chunks(L::WIDTH).zip(wide.chunks_mut(L::WIDTH)) {
        L::load_half(values).store(wide);
    }
}

vectorized! {
    fn narrow(values: &[f32], narrow: &mut [MaybeUninit<bf16>]) = narrow_with
}

#[inline(always)]
fn narrow_with<L: Lanes>(values: &[f32], narrow: &mut [MaybeUninit<bf16>]) {
    for (values, narrow) in values.chunks(L::WIDTH).zip(narrow.chunks_mut(L::WIDTH)) {
        L::load(values).store_half(narrow);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bf16_is_rounded_as_the_crate_half_does() {
        let special = [0.0, -0.0, 1.0, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 1e-40, 3.389_531_4e38];
        let values: Vec<f32> =
            special.into_iter().chain((0..1000).map(|i| (i as f32 - 500.0) * 0.0137)).collect();
        let expected: Vec<bf16> = values.iter().map(|&value| bf16::from_f32(value)).collect();
        assert_eq!(narrowed(&values), expected);
        let back: Vec<f32> = expected.iter().map(|value| value.to_f32()).collect();
        assert_eq!(widened(&expected), back);
        assert!(narrowed(&[f32::NAN])[0].is_nan());
    }
}
