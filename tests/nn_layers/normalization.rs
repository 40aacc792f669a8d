//! Batch normalization against a plain loop.

use crate::gradients::{assert_close, check, doubles, floats, random};
use candle_core::{Device, Tensor, Var};
use tgs_salt::nn::{Activation, BatchNorm, BatchNormConfig, Mode, Weights, without_gradients};

const CHANNELS: usize = 5;

fn layer(activation: Activation) -> (BatchNorm, Vec<Var>, Weights) {
    let weights = Weights::new(3, &Device::Cpu);
    let config = BatchNormConfig { activation, ..BatchNormConfig::default() };
    let norm = BatchNorm::new(CHANNELS, config, weights.builder()).unwrap();
    let set = |name: &str, values: Tensor| {
        let (_, var) = weights.vars().into_iter().find(|(n, _)| n == name).unwrap();
        var.set(&values).unwrap();
        var
    };
    let weight = set("weight", (random(&[CHANNELS], 4) + 1.5).unwrap());
    let bias = set("bias", random(&[CHANNELS], 5));
    set("running_mean", random(&[CHANNELS], 6));
    set("running_var", (random(&[CHANNELS], 7) + 2.0).unwrap());
    let xs = Var::from_tensor(&(random(&[3, 4, 5, CHANNELS], 1) + 0.5).unwrap()).unwrap();
    (norm, vec![xs, weight, bias], weights)
}

fn statistics(xs: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let pixels = (xs.len() / CHANNELS) as f64;
    let sum = |f: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
        (0..CHANNELS)
            .map(|c| xs.iter().skip(c).step_by(CHANNELS).map(|&x| f(c, x)).sum::<f64>() / pixels)
            .collect()
    };
    let mean = sum(&|_, x| x);
    let variance = sum(&|c, x| (x - mean[c]).powi(2));
    (mean, variance)
}

fn normalize(v: &[Vec<f64>], mean: &[f64], variance: &[f64], relu: bool) -> Vec<f64> {
    let one = |(i, x): (usize, &f64)| {
        let c = i % CHANNELS;
        let y = (x - mean[c]) / (variance[c] + 1e-5).sqrt() * v[1][c] + v[2][c];
        if relu { y.max(0.0) } else { y }
    };
    v[0].iter().enumerate().map(one).collect()
}

#[test]
fn training_equals_a_plain_loop_with_its_gradients() {
    for activation in [Activation::None, Activation::Relu] {
        let (norm, vars, _) = layer(activation);
        check(
            &format!("{activation:?}"),
            &vars,
            || norm.forward(&vars[0], Mode::Train).unwrap(),
            |v| {
                let (mean, variance) = statistics(&v[0]);
                normalize(v, &mean, &variance, activation == Activation::Relu)
            },
        );
    }
}

#[test]
fn prediction_uses_and_keeps_the_running_statistics() {
    let (norm, vars, weights) = layer(Activation::Relu);
    let running = |name: &str| weights.to_tensors().unwrap()[name].clone();
    let (mean, variance) = (doubles(&running("running_mean")), doubles(&running("running_var")));
    check(
        "eval",
        &vars,
        || norm.forward(&vars[0], Mode::Eval).unwrap(),
        |v| normalize(v, &mean, &variance, true),
    );
    assert_eq!(doubles(&running("running_mean")), mean);
    assert_eq!(doubles(&running("running_var")), variance);
}

#[test]
fn running_statistics_move_towards_the_batch() {
    let (norm, vars, weights) = layer(Activation::None);
    let before = weights.to_tensors().unwrap();
    norm.forward(&vars[0], Mode::Train).unwrap();
    let after = weights.to_tensors().unwrap();
    let (mean, variance) = statistics(&doubles(&vars[0]));
    let moved = |name: &str, batch: Vec<f64>| -> Vec<f64> {
        doubles(&before[name]).iter().zip(batch).map(|(old, new)| 0.9 * old + 0.1 * new).collect()
    };
    assert_close("mean", &floats(&after["running_mean"]), &moved("running_mean", mean), 1e-6);
    // The running variance is the unbiased one: of 60 values per channel, 60/59 times the other.
    let unbiased = variance.iter().map(|v| v * 60.0 / 59.0).collect();
    assert_close("variance", &floats(&after["running_var"]), &moved("running_var", unbiased), 1e-6);
}

#[test]
fn a_mean_far_from_zero_loses_no_digits() {
    let (norm, _, weights) = layer(Activation::None);
    for (name, var) in weights.vars() {
        let value = if name == "weight" || name == "running_var" { 1.0 } else { 0.0 };
        var.set(&Tensor::full(value as f32, CHANNELS, &Device::Cpu).unwrap()).unwrap();
    }
    // Deviations around 1000 of a size that a sum of squares in single precision does not see.
    let deviations = random(&[4, 16, 16, CHANNELS], 9);
    let xs = (deviations + 1000.0).unwrap();
    let ys = norm.forward(&xs, Mode::Train).unwrap();
    let values = doubles(&xs);
    let (mean, variance) = statistics(&values);
    let expected = normalize(&[values, vec![1.0; CHANNELS], vec![0.0; CHANNELS]], &mean, &variance, false);
    assert_close("far from zero", &floats(&ys), &expected, 1e-4);
}

#[test]
fn one_value_per_channel_cannot_be_normalized_in_training() {
    let (norm, ..) = layer(Activation::None);
    let xs = random(&[1, 1, 1, CHANNELS], 1);
    assert!(norm.forward(&xs, Mode::Eval).is_ok());
    let error = norm.forward(&xs, Mode::Train).unwrap_err().to_string();
    assert!(error.contains("two values or more") && error.contains("batch_size"), "{error}");
}

#[test]
fn without_gradients_gives_the_same_and_records_nothing() {
    let (norm, vars, _) = layer(Activation::Relu);
    let forward = || norm.forward(&vars[0], Mode::Eval).unwrap();
    let (recorded, bare) = (forward(), without_gradients(forward));
    assert_eq!(floats(&recorded), floats(&bare));
    assert!(recorded.track_op() && !bare.track_op());
    let panicked = std::panic::catch_unwind(|| without_gradients(|| panic!("in a layer")));
    assert!(panicked.is_err() && forward().track_op(), "recording goes on after a panic");
}

#[test]
fn the_slope_of_the_relu_at_zero_is_zero() {
    let weights = Weights::new(3, &Device::Cpu);
    let norm = BatchNorm::new(1, BatchNormConfig::default(), weights.builder()).unwrap();
    let xs = Var::zeros((1, 1, 3, 1), candle_core::DType::F32, &Device::Cpu).unwrap();
    let grads = norm.forward(&xs, Mode::Eval).unwrap().sum_all().unwrap().backward().unwrap();
    assert_eq!(floats(grads.get(&xs).unwrap()), [0.0; 3]);
}
