//! Eight floats at a time: the only vector arithmetic of this crate.
//!
//! A kernel is written once, generic over [`Lanes`], and compiled twice: for AVX2 with FMA, chosen at run time, and for any
//! machine. A fused multiply-add rounds once on both, so both give the same bits.

/// Floats in one vector.
pub(super) const LANES: usize = 8;

/// A vector of [`LANES`] floats.
pub(super) trait Lanes: Copy {
    /// The same value in every lane.
    fn splat(value: f32) -> Self;
    /// Reads a vector.
    fn load(values: &[f32; LANES]) -> Self;
    /// Writes the vector.
    fn store(self, values: &mut [f32; LANES]);
    /// `self + a * b`, rounded once.
    fn fma(self, a: Self, b: Self) -> Self;
}

impl Lanes for [f32; LANES] {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        [value; LANES]
    }

    #[inline(always)]
    fn load(values: &[f32; LANES]) -> Self {
        *values
    }

    #[inline(always)]
    fn store(self, values: &mut [f32; LANES]) {
        *values = self;
    }

    #[inline(always)]
    fn fma(mut self, a: Self, b: Self) -> Self {
        for ((sum, a), b) in self.iter_mut().zip(a).zip(b) {
            *sum = a.mul_add(b, *sum);
        }
        self
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{LANES, Lanes};
    use std::arch::x86_64::{__m256, _mm256_fmadd_ps, _mm256_set1_ps};
    use std::mem::transmute;

    // Loads and stores are transmutes: the intrinsics for them carry run-time checks in builds with debug assertions,
    // which would halve the speed of a notebook's build.
    impl Lanes for __m256 {
        #[inline(always)]
        fn splat(value: f32) -> Self {
            // SAFETY: only reached from functions compiled for AVX2 and FMA (see `vectorized!`).
            unsafe { _mm256_set1_ps(value) }
        }

        #[inline(always)]
        fn load(values: &[f32; LANES]) -> Self {
            // SAFETY: both are eight floats, and every bit pattern is valid for both.
            unsafe { transmute::<[f32; LANES], __m256>(*values) }
        }

        #[inline(always)]
        fn store(self, values: &mut [f32; LANES]) {
            // SAFETY: both are eight floats, and every bit pattern is valid for both.
            *values = unsafe { transmute::<__m256, [f32; LANES]>(self) };
        }

        #[inline(always)]
        fn fma(self, a: Self, b: Self) -> Self {
            // SAFETY: only reached from functions compiled for AVX2 and FMA (see `vectorized!`).
            unsafe { _mm256_fmadd_ps(a, b, self) }
        }
    }
}

/// Defines `fn name(args)` that runs `kernel::<L>(args)` with the widest [`Lanes`] of this machine.
macro_rules! vectorized {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),* $(,)?) = $kernel:ident) => {
        $(#[$doc])*
        fn $name($($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn with_avx2($($arg: $type),*) {
                    $kernel::<std::arch::x86_64::__m256>($($arg),*);
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: the line above found both features.
                    return unsafe { with_avx2($($arg),*) };
                }
            }
            $kernel::<[f32; $crate::nn::lanes::LANES]>($($arg),*);
        }
    };
}
pub(super) use vectorized;
