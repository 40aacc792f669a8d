//! Eight floats at a time: the only vector arithmetic of this crate.
//!
//! A kernel is written once, generic over [`Lanes`], and compiled twice: for AVX2 with FMA, chosen at run time, and for any
//! machine. A fused multiply-add rounds once on both, so both give the same bits.

use std::mem::MaybeUninit;

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
    /// `self + other`.
    fn add(self, other: Self) -> Self;
    /// `self - other`.
    fn sub(self, other: Self) -> Self;
    /// `self * other`.
    fn mul(self, other: Self) -> Self;
    /// Zero where negative; what is not a number stays so.
    fn floor_zero(self) -> Self;
    /// `self` where `other` is above zero, else zero.
    fn where_positive(self, other: Self) -> Self;
    /// `self` where `a` equals `b`, else zero.
    fn where_equal(self, a: Self, b: Self) -> Self;
}

/// Reads the first values of a slice; where it is shorter than a vector, the last lanes are zero.
#[inline(always)]
pub(super) fn load<L: Lanes>(values: &[f32]) -> L {
    match values.first_chunk() {
        Some(values) => L::load(values),
        None => {
            let mut padded = [0.0; LANES];
            padded[..values.len()].copy_from_slice(values);
            L::load(&padded)
        }
    }
}

/// Writes the lanes that fit into a slice.
#[inline(always)]
pub(super) fn store<L: Lanes>(lanes: L, values: &mut [MaybeUninit<f32>]) {
    let mut array = [0.0; LANES];
    lanes.store(&mut array);
    match values.first_chunk_mut::<LANES>() {
        Some(values) => *values = array.map(MaybeUninit::new),
        None => {
            for (value, lane) in values.iter_mut().zip(array) {
                value.write(lane);
            }
        }
    }
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

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] + other[i])
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] - other[i])
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] * other[i])
    }

    #[inline(always)]
    fn floor_zero(self) -> Self {
        self.map(|x| if x < 0.0 { 0.0 } else { x })
    }

    #[inline(always)]
    fn where_positive(self, other: Self) -> Self {
        std::array::from_fn(|i| if other[i] > 0.0 { self[i] } else { 0.0 })
    }

    #[inline(always)]
    fn where_equal(self, a: Self, b: Self) -> Self {
        std::array::from_fn(|i| if a[i] == b[i] { self[i] } else { 0.0 })
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{LANES, Lanes};
    use std::arch::x86_64::*;
    use std::mem::transmute;

    // A load is a transmute: its intrinsic carries a run-time check in builds with debug assertions, which would halve the
    // speed of a notebook's build.
    // SAFETY, for all calls of intrinsics below: these methods are only reached from functions compiled for AVX2 and FMA
    // (see `vectorized!`).
    impl Lanes for __m256 {
        #[inline(always)]
        fn splat(value: f32) -> Self {
            unsafe { _mm256_set1_ps(value) }
        }

        #[inline(always)]
        fn load(values: &[f32; LANES]) -> Self {
            // SAFETY: both are eight floats, and every bit pattern is valid for both.
            unsafe { transmute::<[f32; LANES], __m256>(*values) }
        }

        #[inline(always)]
        fn store(self, values: &mut [f32; LANES]) {
            // SAFETY: the pointer is to eight floats.
            unsafe { _mm256_storeu_ps(values.as_mut_ptr(), self) };
        }

        #[inline(always)]
        fn fma(self, a: Self, b: Self) -> Self {
            unsafe { _mm256_fmadd_ps(a, b, self) }
        }

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            unsafe { _mm256_add_ps(self, other) }
        }

        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            unsafe { _mm256_sub_ps(self, other) }
        }

        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            unsafe { _mm256_mul_ps(self, other) }
        }

        #[inline(always)]
        fn floor_zero(self) -> Self {
            // Of two equal numbers, or with one that is not a number, the instruction returns the second.
            unsafe { _mm256_max_ps(_mm256_setzero_ps(), self) }
        }

        #[inline(always)]
        fn where_positive(self, other: Self) -> Self {
            unsafe { _mm256_and_ps(self, _mm256_cmp_ps::<_CMP_GT_OQ>(other, _mm256_setzero_ps())) }
        }

        #[inline(always)]
        fn where_equal(self, a: Self, b: Self) -> Self {
            unsafe { _mm256_and_ps(self, _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b)) }
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

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::{LANES, Lanes};
    use std::arch::x86_64::__m256;

    const SPECIAL: [f32; LANES] =
        [0.0, -0.0, 1.0e-40, -3.5, f32::INFINITY, f32::NEG_INFINITY, 16_777_217.0, 0.1];

    /// The bits of every operation on three vectors.
    fn bits<L: Lanes>([a, b, c]: [&[f32; LANES]; 3]) -> Vec<u32> {
        let (a, b, c) = (L::load(a), L::load(b), L::load(c));
        let results = [
            c.fma(a, b),
            a.add(b),
            a.sub(b),
            a.mul(b),
            a.floor_zero(),
            a.where_positive(b),
            a.where_equal(b, c),
            L::splat(0.3),
        ];
        let mut bits = Vec::new();
        for result in results {
            let mut values = [0.0; LANES];
            result.store(&mut values);
            // Which bits "not a number" has is left open by the language.
            bits.extend(values.map(|v| if v.is_nan() { u32::MAX } else { v.to_bits() }));
        }
        bits
    }

    // All kernels are written in these operations, so they give the same bits on every machine.
    #[test]
    fn both_kinds_of_vectors_give_the_same_bits() {
        if !(is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")) {
            return;
        }
        let mut vectors = vec![SPECIAL, [f32::NAN; LANES], [1.0 / 3.0; LANES], [-7.3e-20; LANES]];
        for shift in 1..LANES {
            let mut rotated = SPECIAL;
            rotated.rotate_left(shift);
            vectors.push(rotated);
        }
        for a in &vectors {
            for b in &vectors {
                for c in &vectors {
                    assert_eq!(
                        bits::<__m256>([a, b, c]),
                        bits::<[f32; LANES]>([a, b, c]),
                        "{a:?} {b:?} {c:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        let mut values = [0.0; LANES];
        Lanes::floor_zero([f32::NAN; LANES]).store(&mut values);
        assert!(values.iter().all(|v| v.is_nan()));
    }
}
