//! Several floats at a time: the only vector arithmetic of this crate.
//!
//! A kernel is written once, generic over [`Lanes`], and compiled for AVX-512, for AVX2 with FMA and for any machine; which one
//! runs is decided at run time. Each lane computes one number of the result in an order that does not depend on the width, and a
//! fused multiply-add rounds once on all three, so all give the same bits.

use half::bf16;
use std::mem::MaybeUninit;

/// A vector of [`Lanes::WIDTH`] floats.
pub(crate) trait Lanes: Copy {
    /// Floats in one vector.
    const WIDTH: usize;
    /// The same value in every lane.
    fn splat(value: f32) -> Self;
    /// Reads the first values of a slice; where it is shorter than a vector, the last lanes are zero.
    fn load(values: &[f32]) -> Self;
    /// Writes the lanes that fit into a slice.
    fn store(self, values: &mut [MaybeUninit<f32>]);
    /// Reads a whole vector.
    ///
    /// # Safety
    /// `values` points to that many floats.
    unsafe fn load_at(values: *const f32) -> Self;
    /// `self + a * b`, rounded once.
    fn fma(self, a: Self, b: Self) -> Self;
    /// `self + other`.
    fn add(self, other: Self) -> Self;
    /// `self - other`.
    fn sub(self, other: Self) -> Self;
    /// `self * other`.
    fn mul(self, other: Self) -> Self;
    /// `self / other`.
    fn div(self, other: Self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// Zero where negative; what is not a number stays so.
    fn floor_zero(self) -> Self;
    /// The nearest whole number, halves to even.
    fn round(self) -> Self;
    /// `self * 2^power` for whole powers in -126..=127.
    fn scale_by(self, power: Self) -> Self;
    /// `self` where `other` is above zero, else zero.
    fn where_positive(self, other: Self) -> Self;
    /// `self` where `a` equals `b`, else zero.
    fn where_equal(self, a: Self, b: Self) -> Self;
    /// `self` where it is larger than `other` or not a number, else `other`.
    fn larger(self, other: Self) -> Self;

    /// Reads a vector from each place of `from` and writes the matrix of them column by column: lane `k` of all to `to[k]`.
    ///
    /// # Safety
    /// `from` are [`Lanes::WIDTH`] places with as many floats; `to`, at most as many, are places for that many floats, which nothing
    /// else reads or writes meanwhile.
    unsafe fn transpose(from: &[*const f32], to: &[*mut f32]);

    /// [`Lanes::load`] of bf16 values.
    #[inline(always)]
    fn load_half(values: &[bf16]) -> Self {
        let mut wide = [0.0; 16];
        for (wide, value) in wide.iter_mut().zip(values) {
            *wide = f32::from_bits(u32::from(value.to_bits()) << 16);
        }
        Self::load(&wide)
    }

    /// [`Lanes::store`] as bf16, rounded to the nearest, halves to even.
    #[inline(always)]
    fn store_half(self, values: &mut [MaybeUninit<bf16>]) {
        let mut wide = [0.0; 16];
        self.write(&mut wide[..Self::WIDTH]);
        for (value, wide) in values.iter_mut().zip(&wide[..Self::WIDTH]) {
            value.write(bf16::from_f32(*wide));
        }
    }

    /// Each lane as the two bf16 values that it holds, the lower one first.
    fn halves(self) -> [Self; 2];

    /// `self` plus the product of the two bf16 values in each lane of `a` and `b`.
    #[inline(always)]
    fn add_pairs(self, a: Self, b: Self) -> Self {
        let ([a_low, a_high], [b_low, b_high]) = (a.halves(), b.halves());
        self.fma(a_low, b_low).fma(a_high, b_high)
    }

    /// The same by the processor's own instruction, which rounds in its own way.
    #[inline(always)]
    fn add_pairs_hardware(self, a: Self, b: Self) -> Self {
        self.add_pairs(a, b)
    }

    /// [`Lanes::store`] into memory that holds values already.
    #[inline(always)]
    fn write(self, values: &mut [f32]) {
        // SAFETY: only initialized floats are written.
        self.store(unsafe { &mut *(std::ptr::from_mut(values) as *mut [MaybeUninit<f32>]) });
    }

    /// `-self`.
    #[inline(always)]
    fn negate(self) -> Self {
        Self::splat(0.0).sub(self)
    }

    /// `e^self` for values up to 0, within two units in the last place; below -87 it is about 1e-38 instead of less.
    #[inline(always)]
    fn exp_of_negative(self) -> Self {
        // Cody and Waite's reduction to |r| <= ln 2 / 2, then a polynomial.
        let xs = self.larger(Self::splat(-87.0));
        let power = xs.mul(Self::splat(std::f32::consts::LOG2_E)).round();
        let rest = xs.fma(power, Self::splat(-0.693_359_4)).fma(power, Self::splat(2.121_944_4e-4));
        let mut sum = Self::splat(1.987_569_1e-4);
        for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
            sum = Self::splat(coefficient).fma(sum, rest);
        }
        Self::splat(1.0).add(rest).fma(sum, rest.mul(rest)).scale_by(power)
    }
}

/// Floats in one portable vector.
const PORTABLE: usize = 8;
/// The vectors of a machine without AVX.
pub(crate) type Portable = [f32; PORTABLE];

impl Lanes for Portable {
    const WIDTH: usize = PORTABLE;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        [value; PORTABLE]
    }

    #[inline(always)]
    fn load(values: &[f32]) -> Self {
        match values.first_chunk() {
            Some(values) => *values,
            None => std::array::from_fn(|i| values.get(i).copied().unwrap_or(0.0)),
        }
    }

    #[inline(always)]
    fn store(self, values: &mut [MaybeUninit<f32>]) {
        for (value, lane) in values.iter_mut().zip(self) {
            value.write(lane);
        }
    }

    #[inline(always)]
    unsafe fn load_at(values: *const f32) -> Self {
        // SAFETY: the caller's.
        unsafe { values.cast::<Self>().read() }
    }

    #[inline(always)]
    unsafe fn transpose(from: &[*const f32], to: &[*mut f32]) {
        for (lane, to) in to.iter().enumerate() {
            for (row, from) in from.iter().enumerate() {
                // SAFETY: the caller's.
                unsafe { *to.add(row) = *from.add(lane) };
            }
        }
    }

    #[inline(always)]
    fn fma(self, a: Self, b: Self) -> Self {
        std::array::from_fn(|i| a[i].mul_add(b[i], self[i]))
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
    fn div(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] / other[i])
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.map(f32::sqrt)
    }

    #[inline(always)]
    fn floor_zero(self) -> Self {
        self.map(|x| if x < 0.0 { 0.0 } else { x })
    }

    #[inline(always)]
    fn round(self) -> Self {
        self.map(f32::round_ties_even)
    }

    #[inline(always)]
    fn scale_by(self, power: Self) -> Self {
        std::array::from_fn(|i| self[i] * f32::from_bits((power[i] as i32 + 127).cast_unsigned() << 23))
    }

    #[inline(always)]
    fn where_positive(self, other: Self) -> Self {
        std::array::from_fn(|i| if other[i] > 0.0 { self[i] } else { 0.0 })
    }

    #[inline(always)]
    fn where_equal(self, a: Self, b: Self) -> Self {
        std::array::from_fn(|i| if a[i] == b[i] { self[i] } else { 0.0 })
    }

    #[inline(always)]
    fn halves(self) -> [Self; 2] {
        let bits = self.map(f32::to_bits);
        [bits.map(|bits| f32::from_bits(bits << 16)), bits.map(|bits| f32::from_bits(bits & 0xffff_0000))]
    }

    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        std::array::from_fn(|i| if self[i] > other[i] || self[i].is_nan() { self[i] } else { other[i] })
    }
}

/// What a machine's vectors are, widest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// 16 floats.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 8 floats.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 8 floats, as the compiler sees fit.
    Portable,
}

impl Width {
    /// Floats in one vector.
    pub(crate) fn floats(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Width::Avx512 => 16,
            #[cfg(target_arch = "x86_64")]
            Width::Avx2 => 8,
            Width::Portable => PORTABLE,
        }
    }
}

/// The variable `TGS_SALT_SIMD`: `amx`, `avx512`, `avx2` or `portable` is the most that kernels use; without it, all there is.
#[cfg(target_arch = "x86_64")]
pub(crate) fn limit() -> String {
    std::env::var("TGS_SALT_SIMD").unwrap_or_default()
}

/// The widest vectors that this machine has and `TGS_SALT_SIMD` allows.
pub(crate) fn width() -> Width {
    static WIDTH: std::sync::OnceLock<Width> = std::sync::OnceLock::new();
    *WIDTH.get_or_init(|| {
        #[cfg(target_arch = "x86_64")]
        {
            let limit = limit();
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if avx512 && !["avx2", "portable"].contains(&limit.as_str()) {
                return Width::Avx512;
            }
            if avx2 && limit != "portable" {
                return Width::Avx2;
            }
        }
        Width::Portable
    })
}
