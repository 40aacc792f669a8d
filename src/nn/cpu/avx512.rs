//! The vectors of AVX-512: sixteen floats.

use super::lanes::Lanes;
use std::arch::x86_64::*;
use std::mem::MaybeUninit;

// SAFETY, for all calls of intrinsics below: these methods are only reached from functions compiled for the features that they
// need (see `vectorized!`). Partial loads and stores touch only the memory of the slice: masked-out lanes are not accessed.

/// Mask of the first `count` of sixteen lanes.
#[inline(always)]
fn first_of_16(count: usize) -> __mmask16 {
    ((1u32 << count.min(16)) - 1) as __mmask16
}

impl Lanes for __m512 {
    const WIDTH: usize = 16;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load(values: &[f32]) -> Self {
        match values.len() {
            16.. => unsafe { _mm512_loadu_ps(values.as_ptr()) },
            count => unsafe { _mm512_maskz_loadu_ps(first_of_16(count), values.as_ptr()) },
        }
    }

    #[inline(always)]
    fn store(self, values: &mut [MaybeUninit<f32>]) {
        let start = values.as_mut_ptr().cast();
        match values.len() {
            16.. => unsafe { _mm512_storeu_ps(start, self) },
            count => unsafe { _mm512_mask_storeu_ps(start, first_of_16(count), self) },
        }
    }

    #[inline(always)]
    unsafe fn load_at(values: *const f32) -> Self {
        unsafe { _mm512_loadu_ps(values) }
    }

    #[inline(always)]
    unsafe fn transpose(from: &[*const f32], to: &[*mut f32]) {
        unsafe {
            let mut rows = [_mm512_setzero_ps(); 16];
            for (row, from) in rows.iter_mut().zip(from) {
                *row = _mm512_loadu_ps(*from);
            }
            let mut pairs = rows;
            for i in 0..8 {
                pairs[2 * i] = _mm512_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
                pairs[2 * i + 1] = _mm512_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
            }
            // Now two rows are side by side in pairs of floats, then four, then all.
            for i in [0, 4, 8, 12] {
                rows[i] = _mm512_shuffle_ps::<0x44>(pairs[i], pairs[i + 2]);
                rows[i + 1] = _mm512_shuffle_ps::<0xee>(pairs[i], pairs[i + 2]);
                rows[i + 2] = _mm512_shuffle_ps::<0x44>(pairs[i + 1], pairs[i + 3]);
                rows[i + 3] = _mm512_shuffle_ps::<0xee>(pairs[i + 1], pairs[i + 3]);
            }
            let mut columns = rows;
            for i in 0..4 {
                let even = [
                    _mm512_shuffle_f32x4::<0x88>(rows[i], rows[i + 4]),
                    _mm512_shuffle_f32x4::<0x88>(rows[i + 8], rows[i + 12]),
                ];
                let odd = [
                    _mm512_shuffle_f32x4::<0xdd>(rows[i], rows[i + 4]),
                    _mm512_shuffle_f32x4::<0xdd>(rows[i + 8], rows[i + 12]),
                ];
                columns[i] = _mm512_shuffle_f32x4::<0x88>(even[0], even[1]);
                columns[i + 8] = _mm512_shuffle_f32x4::<0xdd>(even[0], even[1]);
                columns[i + 4] = _mm512_shuffle_f32x4::<0x88>(odd[0], odd[1]);
                columns[i + 12] = _mm512_shuffle_f32x4::<0xdd>(odd[0], odd[1]);
            }
            for (column, to) in columns.iter().zip(to) {
                _mm512_storeu_ps(*to, *column);
            }
        }
    }

    #[inline(always)]
    fn fma(self, a: Self, b: Self) -> Self {
        unsafe { _mm512_fmadd_ps(a, b, self) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        unsafe { _mm512_add_ps(self, other) }
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        unsafe { _mm512_sub_ps(self, other) }
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        unsafe { _mm512_mul_ps(self, other) }
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        unsafe { _mm512_div_ps(self, other) }
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        unsafe { _mm512_sqrt_ps(self) }
    }

    #[inline(always)]
    fn floor_zero(self) -> Self {
        unsafe { _mm512_max_ps(_mm512_setzero_ps(), self) }
    }

    #[inline(always)]
    fn round(self) -> Self {
        unsafe { _mm512_roundscale_ps::<_MM_FROUND_TO_NEAREST_INT>(self) }
    }

    #[inline(always)]
    fn scale_by(self, power: Self) -> Self {
        unsafe {
            let bits = _mm512_add_epi32(_mm512_cvttps_epi32(power), _mm512_set1_epi32(127));
            _mm512_mul_ps(self, _mm512_castsi512_ps(_mm512_slli_epi32::<23>(bits)))
        }
    }

    #[inline(always)]
    fn where_positive(self, other: Self) -> Self {
        unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(other, _mm512_setzero_ps()), self) }
    }

    #[inline(always)]
    fn where_equal(self, a: Self, b: Self) -> Self {
        unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b), self) }
    }

    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        unsafe {
            let larger = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self, other);
            let no_number = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self, self);
            _mm512_mask_mov_ps(other, larger | no_number, self)
        }
    }
}
