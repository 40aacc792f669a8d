//! All kinds of vectors give the same bits.

use super::lanes::{Lanes, Portable};
use std::arch::x86_64::{__m256, __m512};

const SPECIAL: [f32; 16] = [
    0.0,
    -0.0,
    1.0e-40,
    -3.5,
    f32::INFINITY,
    f32::NEG_INFINITY,
    16_777_217.0,
    0.1,
    f32::NAN,
    -87.5,
    2.5,
    -0.5,
    7.0e20,
    -1.0e-7,
    1.0,
    -20.0,
];

/// The bits of every operation on numbers of three arrays, vector by vector.
fn bits<L: Lanes>([a, b, c]: [&[f32; 16]; 3]) -> Vec<Vec<u32>> {
    let mut results = vec![vec![]; 15];
    for first in (0..16).step_by(L::WIDTH) {
        let [a, b, c] = [a, b, c].map(|values| L::load(&values[first..]));
        let all = [
            c.fma(a, b),
            a.add(b),
            a.sub(b),
            a.mul(b),
            a.div(b),
            a.sqrt(),
            a.floor_zero(),
            a.round(),
            a.where_positive(b),
            a.where_equal(b, c),
            a.larger(b),
            a.negate(),
            L::splat(0.3),
            a.larger(a.negate()).negate().exp_of_negative(),
            a.scale_by(L::splat(-3.0)),
        ];
        for (result, lanes) in results.iter_mut().zip(all) {
            let mut values = vec![0.0; L::WIDTH];
            lanes.write(&mut values);
            // Which bits "not a number" has is left open by the language.
            result.extend(values.iter().map(|v| if v.is_nan() { u32::MAX } else { v.to_bits() }));
        }
    }
    results
}

// All kernels are written in these operations, so they give the same bits on every machine.
#[test]
fn all_vectors_give_the_same_bits() {
    let mut vectors = vec![SPECIAL, [1.0 / 3.0; 16], [-7.3e-20; 16]];
    for shift in 1..16 {
        let mut rotated = SPECIAL;
        rotated.rotate_left(shift);
        vectors.push(rotated);
    }
    for at in 0..vectors.len().pow(3) {
        let [a, b, c] = [1, 18, 18 * 18].map(|step| &vectors[at / step % 18]);
        let portable = bits::<Portable>([a, b, c]);
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            assert_eq!(bits::<__m256>([a, b, c]), portable, "{a:?} {b:?} {c:?}");
        }
        if is_x86_feature_detected!("avx512f") {
            assert_eq!(bits::<__m512>([a, b, c]), portable, "{a:?} {b:?} {c:?}");
        }
    }
}

/// Rows of different numbers, transposed into a matrix with rows of 16.
fn transposed<L: Lanes>() -> Vec<f32> {
    let values: Vec<f32> = (0..L::WIDTH * L::WIDTH).map(|i| i as f32).collect();
    let mut columns = vec![0.0; values.len()];
    let from: Vec<*const f32> = values.chunks(L::WIDTH).map(|row| row.as_ptr()).collect();
    let to: Vec<*mut f32> = columns.chunks_mut(L::WIDTH).map(|row| row.as_mut_ptr()).collect();
    // SAFETY: all places are rows of `WIDTH` floats.
    unsafe { L::transpose(&from, &to) };
    columns
}

#[test]
fn a_transposed_matrix_has_rows_for_columns() {
    let expected = |width: usize| -> Vec<f32> {
        (0..width * width).map(|i| (i % width * width + i / width) as f32).collect()
    };
    assert_eq!(transposed::<Portable>(), expected(8));
    if is_x86_feature_detected!("avx2") {
        assert_eq!(transposed::<__m256>(), expected(8));
    }
    if is_x86_feature_detected!("avx512f") {
        assert_eq!(transposed::<__m512>(), expected(16));
    }
}

#[test]
fn parts_of_a_vector_are_read_and_written() {
    for len in 0..20 {
        let values: Vec<f32> = (1..=len).map(|i| i as f32).collect();
        let mut out = vec![-1.0; len];
        if is_x86_feature_detected!("avx512f") {
            let lanes = __m512::load(&values).add(__m512::splat(1.0));
            lanes.write(&mut out);
            let expected: Vec<f32> = (0..len).map(|i| if i < 16 { i as f32 + 2.0 } else { -1.0 }).collect();
            assert_eq!(out, expected);
        }
    }
}

#[test]
fn exponentials_are_right_to_two_units_in_the_last_place() {
    for i in 0..80_000 {
        let x = -(i as f32) / 1000.0;
        let mut got = [0.0; 8];
        Lanes::exp_of_negative([x; 8]).write(&mut got);
        let exact = f64::from(x).exp();
        assert!(((f64::from(got[0]) - exact) / exact).abs() < 2.4e-7, "{x}: {} instead of {exact}", got[0]);
    }
}
