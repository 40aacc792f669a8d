//! Compares an operation and its gradients with a reference in double precision.

use candle_core::{Device, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Random numbers in -1..1.
pub fn random(shape: &[usize], seed: u64) -> Tensor {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| random.random::<f32>() * 2.0 - 1.0).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

pub fn floats(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

pub fn doubles(tensor: &Tensor) -> Vec<f64> {
    floats(tensor).into_iter().map(f64::from).collect()
}

/// Each number within `tolerance` of the largest expected one.
pub fn assert_close(what: &str, got: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}: other length");
    let largest = expected.iter().fold(1e-3f64, |largest, e| largest.max(e.abs()));
    for (i, (&got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (f64::from(got) - expected).abs();
        assert!(error <= tolerance * largest, "{what} at {i}: {got} instead of {expected}");
    }
}

/// Checks the result of `op`, and the gradient of `sum(random * op)` for each variable, against `reference`.
///
/// The reference takes the variables' values and is differentiated by central differences of 1e-5 in double precision, whose own
/// error is about 1e-10.
pub fn check(what: &str, vars: &[Var], op: impl Fn() -> Tensor, reference: impl Fn(&[Vec<f64>]) -> Vec<f64>) {
    let mut values: Vec<Vec<f64>> = vars.iter().map(|var| doubles(var)).collect();
    let ys = op();
    assert_close(&format!("{what}: result"), &floats(&ys), &reference(&values), 1e-5);
    let weights = random(ys.dims(), 99);
    let grads = (&ys * &weights).unwrap().sum_all().unwrap().backward().unwrap();
    let weights = doubles(&weights);
    for (v, var) in vars.iter().enumerate() {
        let grad = grads.get(var).unwrap_or_else(|| panic!("{what}: no gradient for variable {v}"));
        let mut expected = Vec::new();
        for i in 0..var.elem_count() {
            let at = values[v][i];
            let mut loss = |x: f64| {
                values[v][i] = x;
                reference(&values).iter().zip(&weights).map(|(y, w)| y * w).sum::<f64>()
            };
            let slope = (loss(at + 1e-5) - loss(at - 1e-5)) / 2e-5;
            values[v][i] = at;
            expected.push(slope);
        }
        assert_close(&format!("{what}: gradient {v}"), &floats(grad), &expected, 2e-5);
    }
}
