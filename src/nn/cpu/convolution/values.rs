//! What a convolution's images are made of: f32, or bf16 whose products are summed in f32.

use super::super::lanes::Lanes;
use super::super::vectorized::vectorized;
use super::gather::{Sum, sum_panels};
use half::bf16;
use std::ops::Range;

/// A kind of number in images.
pub(super) trait Values: Sized {
    /// One number of an image.
    type Item: super::super::item::Item;

    /// Computes some panels of a chunk of pixels with the widest vectors of this machine.
    fn sum_panels(sum: &Sum<Self>, panels: Range<usize>);
}

/// One that vectors multiply.
pub(super) trait Multiply: Values {
    /// How many neighbouring channels one multiplication takes.
    const TOGETHER: usize;

    /// That many channels of a pixel, in every lane.
    ///
    /// # Safety
    /// `channels` points to that many.
    unsafe fn broadcast<L: Lanes>(channels: *const Self::Item) -> L;

    /// `sum` plus the products with packed weights.
    fn add_products<L: Lanes>(sum: L, pixel: L, weight: L) -> L;
}

/// f32.
pub(super) struct Single;

impl Values for Single {
    type Item = f32;

    fn sum_panels(sum: &Sum<Single>, panels: Range<usize>) {
        sum_single(sum, panels);
    }
}

impl Multiply for Single {
    const TOGETHER: usize = 1;

    #[inline(always)]
    unsafe fn broadcast<L: Lanes>(channel: *const f32) -> L {
        // SAFETY: the caller's.
        L::splat(unsafe { *channel })
    }

    #[inline(always)]
    fn add_products<L: Lanes>(sum: L, pixel: L, weight: L) -> L {
        sum.fma(pixel, weight)
    }
}

/// bf16, multiplied as f32.
pub(super) struct Half;

/// bf16, multiplied by the processor's own instruction for pairs, which has to be there.
pub(super) struct HalfPairs;

macro_rules! half_values {
    ($type:ty, $sum_panels:ident, $add_products:ident) => {
        impl Values for $type {
            type Item = bf16;

            fn sum_panels(sum: &Sum<$type>, panels: Range<usize>) {
                $sum_panels(sum, panels);
            }
        }

        impl Multiply for $type {
            const TOGETHER: usize = 2;

            #[inline(always)]
            unsafe fn broadcast<L: Lanes>(channels: *const bf16) -> L {
                // SAFETY: the caller's.
                L::splat(f32::from_bits(unsafe { channels.cast::<u32>().read_unaligned() }))
            }

            #[inline(always)]
            fn add_products<L: Lanes>(sum: L, pixel: L, weight: L) -> L {
                sum.$add_products(pixel, weight)
            }
        }
    };
}

half_values!(Half, sum_half, add_pairs);
half_values!(HalfPairs, sum_pairs, add_pairs_hardware);

vectorized! {
    fn sum_single(sum: &Sum<Single>, panels: Range<usize>) = sum_panels, Single
}

vectorized! {
    fn sum_half(sum: &Sum<Half>, panels: Range<usize>) = sum_panels, Half
}

fn sum_pairs(sum: &Sum<HalfPairs>, panels: Range<usize>) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
        fn with_pairs(sum: &Sum<HalfPairs>, panels: Range<usize>) {
            sum_panels::<std::arch::x86_64::__m512, HalfPairs>(sum, panels);
        }
        // SAFETY: whoever chose `HalfPairs` found these features.
        unsafe { with_pairs(sum, panels) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    sum_panels::<super::super::lanes::Portable, HalfPairs>(sum, panels);
}
