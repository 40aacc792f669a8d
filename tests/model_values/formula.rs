//! The numbers of `tests/fixtures/models/formula.py`.

use candle_core::{Device, Tensor};
use rayon::prelude::*;

fn fnv1a(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |key, byte| (key ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// Draw `at` of splitmix64 that starts at `key`, in 0..1.
fn draw(key: u64, at: u64) -> f64 {
    let mut z = key.wrapping_add((at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 40) as f64 / (1 << 24) as f64
}

pub fn uniform(name: &str, shape: &[usize], seed: u64, [low, high]: [f64; 2]) -> Tensor {
    let (key, count) = (fnv1a(name) ^ seed, shape.iter().product::<usize>() as u64);
    let values: Vec<f32> =
        (0..count).into_par_iter().map(|at| (low + (high - low) * draw(key, at)) as f32).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// The value of a weight or of running statistics.
pub fn weight(name: &str, shape: &[usize], seed: u64) -> Tensor {
    uniform(name, shape, seed, bounds(name, shape))
}

fn bounds(name: &str, shape: &[usize]) -> [f64; 2] {
    let [outputs, inputs, window @ ..] = shape else {
        let positive = name.ends_with("running_var") || name.ends_with("weight");
        return if positive { [0.5, 1.5] } else { [-0.2, 0.2] };
    };
    let (taps, transposed) = (window.iter().product::<usize>() as f64, name.ends_with(".up.weight"));
    let fan = if transposed { *outputs as f64 * taps / 4.0 } else { *inputs as f64 * taps };
    let gain = if transposed || *inputs == 1 { 1.0 } else { 2.0 };
    let bound = (3.0 * gain / fan).sqrt();
    [-bound, bound]
}

/// 0 or 1.
pub fn labels(name: &str, shape: &[usize], seed: u64) -> Tensor {
    let half = uniform(name, shape, seed, [0.0, 1.0]).gt(0.5).unwrap();
    half.to_dtype(candle_core::DType::F32).unwrap()
}
