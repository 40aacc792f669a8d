//! The vectors of AVX2 with FMA: eight floats.

use super::lanes::Lanes;
use std::arch::x86_64::*;
use std::mem::MaybeUninit;

// SAFETY, for all calls of intrinsics below: these methods are only reached from functions compiled for the features that they
// need (see `vectorized!`). Partial loads and stores touch only the memory of the slice: masked-out lanes are not accessed.

/// Mask of the first `count` of eight lanes.
#[inline(always)]
fn first_of_8(count: usize) -> __m256i {
    unsafe {
        let place = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        _mm256_cmpgt_epi32(_mm256_set1_epi32(count.min(8) as i32), place)
    }
}

impl Lanes for __m256 {
    const WIDTH: usize = 8;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    fn load(values: &[f32]) -> Self {
        match values.len() {
            8.. => unsafe { _mm256_loadu_ps(values.as_ptr()) },
            count => unsafe { _mm256_maskload_ps(values.as_ptr(), first_of_8(count)) },
        }
    }

    #[inline(always)]
    fn store(self, values: &mut [MaybeUninit<f32>]) {
        let start = values.as_mut_ptr().cast();
        match values.len() {
            8.. => unsafe { _mm256_storeu_ps(start, self) },
            count => unsafe { _mm256_maskstore_ps(start, first_of_8(count), self) },
        }
    }

    #[inline(always)]
    unsafe fn load_at(values: *const f32) -> Self {
        unsafe { _mm256_loadu_ps(values) }
    }

    #[inline(always)]
    unsafe fn transpose(from: &[*const f32], to: &[*mut f32]) {
        unsafe {
            let mut rows = [_mm256_setzero_ps(); 8];
            for (row, from) in rows.iter_mut().zip(from) {
                *row = _mm256_loadu_ps(*from);
            }
            let mut columns = rows;
            for i in 0..4 {
                columns[2 * i] = _mm256_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
                columns[2 * i + 1] = _mm256_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
            }
            // Now two rows are side by side in pairs of floats, then four, then eight.
            for i in [0, 4] {
                rows[i] = _mm256_shuffle_ps::<0x44>(columns[i], columns[i + 2]);
                rows[i + 1] = _mm256_shuffle_ps::<0xee>(columns[i], columns[i + 2]);
                rows[i + 2] = _mm256_shuffle_ps::<0x44>(columns[i + 1], columns[i + 3]);
                rows[i + 3] = _mm256_shuffle_ps::<0xee>(columns[i + 1], columns[i + 3]);
            }
            for i in 0..4 {
                columns[i] = _mm256_permute2f128_ps::<0x20>(rows[i], rows[i + 4]);
                columns[i + 4] = _mm256_permute2f128_ps::<0x31>(rows[i], rows[i + 4]);
            }
            for (column, to) in columns.iter().zip(to) {
                _mm256_storeu_ps(*to, *column);
            }
        }
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
    fn div(self, other: Self) -> Self {
        unsafe { _mm256_div_ps(self, other) }
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        unsafe { _mm256_sqrt_ps(self) }
    }

    #[inline(always)]
    fn floor_zero(self) -> Self {
        // Of two equal numbers, or with one that is not a number, the instruction returns the second.
        unsafe { _mm256_max_ps(_mm256_setzero_ps(), self) }
    }

    #[inline(always)]
    fn round(self) -> Self {
        unsafe { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self) }
    }

    #[inline(always)]
    fn scale_by(self, power: Self) -> Self {
        unsafe {
            let bits = _mm256_add_epi32(_mm256_cvttps_epi32(power), _mm256_set1_epi32(127));
            _mm256_mul_ps(self, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(bits)))
        }
    }

    #[inline(always)]
    fn where_positive(self, other: Self) -> Self {
        unsafe { _mm256_and_ps(self, _mm256_cmp_ps::<_CMP_GT_OQ>(other, _mm256_setzero_ps())) }
    }

    #[inline(always)]
    fn where_equal(self, a: Self, b: Self) -> Self {
        unsafe { _mm256_and_ps(self, _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b)) }
    }

    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        unsafe {
            let larger = _mm256_cmp_ps::<_CMP_GT_OQ>(self, other);
            let no_number = _mm256_cmp_ps::<_CMP_UNORD_Q>(self, self);
            _mm256_blendv_ps(other, self, _mm256_or_ps(larger, no_number))
        }
    }

    #[inline(always)]
    fn halves(self) -> [Self; 2] {
        unsafe {
            let bits = _mm256_castps_si256(self);
            let high = _mm256_and_si256(bits, _mm256_set1_epi32(0xffff_0000u32.cast_signed()));
            [_mm256_castsi256_ps(_mm256_slli_epi32::<16>(bits)), _mm256_castsi256_ps(high)]
        }
    }
}
