//! The vectors of AVX-512: sixteen floats.

use super::lanes::Lanes;
use half::bf16;
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

    #[inline(always)]
    fn halves(self) -> [Self; 2] {
        unsafe {
            let bits = _mm512_castps_si512(self);
            let high = _mm512_and_si512(bits, _mm512_set1_epi32(0xffff_0000u32.cast_signed()));
            [_mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits)), _mm512_castsi512_ps(high)]
        }
    }

    #[inline(always)]
    fn load_half(values: &[bf16]) -> Self {
        unsafe {
            let bits = _mm256_maskz_loadu_epi16(first_of_16(values.len()), values.as_ptr().cast());
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(bits)))
        }
    }

    #[inline(always)]
    fn store_half(self, values: &mut [MaybeUninit<bf16>]) {
        unsafe {
            let bits = _mm512_castps_si512(self);
            let even = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
            let rounded = _mm512_add_epi32(bits, _mm512_add_epi32(even, _mm512_set1_epi32(0x7fff)));
            let no_number = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self, self);
            let rounded = _mm512_mask_mov_epi32(rounded, no_number, _mm512_set1_epi32(0x7fc0_0000));
            let narrow = _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(rounded));
            _mm256_mask_storeu_epi16(values.as_mut_ptr().cast(), first_of_16(values.len()), narrow);
        }
    }

    #[inline(always)]
    fn add_pairs_hardware(self, a: Self, b: Self) -> Self {
        // SAFETY: besides, this one is only reached from functions compiled for `avx512bf16`; the types differ in name only.
        unsafe {
            _mm512_dpbf16_ps(
                self,
                std::mem::transmute::<__m512, __m512bh>(a),
                std::mem::transmute::<__m512, __m512bh>(b),
            )
        }
    }
}
