//! The layers against values of PyTorch, written by `tests/fixtures/nn/generate.py`.
//!
//! Tolerance: 1e-5 of the largest number of each tensor.

use crate::gradients::{assert_close, doubles, floats};
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use std::collections::HashMap;
use tgs_salt::nn::{
    BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, Mode,
    Optimizer, Stepper, Weights, max_pool2d, to_channels_first, to_channels_last,
};

fn expected() -> HashMap<String, Tensor> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/nn/expected.safetensors");
    candle_core::safetensors::load(path, &Device::Cpu).unwrap()
}

/// Gives the layer PyTorch's weights and input, and compares its result, gradients and buffers with PyTorch's.
/// `prefix` is what PyTorch calls the layer inside the recorded module.
fn compare(name: &str, prefix: &str, weights: &Weights, layer: impl Fn(&Tensor) -> Tensor) {
    let expected = expected();
    let key = |what: &str, weight: &str| format!("{name}{what}{prefix}{weight}");
    for (weight, var) in weights.vars() {
        var.set(&expected[&key(".", &weight)]).unwrap();
    }
    let xs = Var::from_tensor(&expected[&format!("{name}:xs")]).unwrap();
    let ys = to_channels_first(&layer(&to_channels_last(&xs).unwrap())).unwrap();
    let close = |what: &str, got: &Tensor| {
        let expected = &expected[&format!("{name}:{what}")];
        assert_eq!(got.dims(), expected.dims(), "{name} {what}");
        assert_close(&format!("{name} {what}"), &floats(got), &doubles(expected), 1e-5);
    };
    close("ys", &ys);
    let loss = (ys * &expected[&format!("{name}:cotangent")]).unwrap().sum_all().unwrap();
    let grads = loss.backward().unwrap();
    close("grad.xs", grads.get(&xs).unwrap());
    for (weight, var) in weights.trainable() {
        close(&format!("grad.{prefix}{weight}"), grads.get(&var).unwrap());
    }
    for (weight, var) in weights.vars() {
        if weight.starts_with("running") {
            close(&format!("after.{prefix}{weight}"), &var);
        }
    }
}

fn empty() -> Weights {
    Weights::new(0, &Device::Cpu)
}

#[test]
fn convolution() {
    let weights = empty();
    let conv = Conv2d::new(5, 9, Conv2dConfig::default(), weights.builder()).unwrap();
    compare("conv", "", &weights, |xs| conv.forward(xs).unwrap());
    let weights = empty();
    let config = Conv2dConfig::new(3).stride(2);
    let conv = Conv2d::new(3, 4, config, weights.builder()).unwrap();
    compare("conv_strided", "", &weights, |xs| conv.forward(xs).unwrap());
}

#[test]
fn transposed_convolution() {
    let weights = empty();
    let up = ConvTranspose2d::new(6, 5, ConvTranspose2dConfig::default(), weights.builder()).unwrap();
    compare("up", "", &weights, |xs| up.forward(xs).unwrap());
}

// The inputs are small integers, so that most windows hold equal values.
#[test]
fn pooling() {
    compare("pool", "", &empty(), |xs| max_pool2d(xs, 2, 2, 0).unwrap());
    compare("pool3", "", &empty(), |xs| max_pool2d(xs, 3, 2, 1).unwrap());
}

#[test]
fn batch_norm_and_relu() {
    let weights = empty();
    let norm = BatchNorm::new(4, BatchNormConfig::default(), weights.builder()).unwrap();
    compare("norm", "0.", &weights, |xs| norm.forward(xs, Mode::Train).unwrap());
}

#[test]
fn adam() {
    let expected = expected();
    let param = Var::from_tensor(&expected["adam:start"]).unwrap();
    let mut adam = Stepper::new(Optimizer::adam(), vec![("param".into(), param.clone()).into()]);
    for step in 0..20 {
        let mut grads = GradStore::default();
        grads.insert(&param, expected["adam:grads"].get(step).unwrap());
        adam.step(&grads, 3e-3).unwrap();
    }
    assert_close("param", &floats(&param), &doubles(&expected["adam:end"]), 1e-6);
}

#[test]
fn a_gradient_of_another_shape_is_refused() {
    let param = Var::zeros(3, candle_core::DType::F32, &Device::Cpu).unwrap();
    let mut adam = Stepper::new(Optimizer::adam(), vec![("param".into(), param.clone()).into()]);
    let mut grads = GradStore::default();
    grads.insert(&param, Tensor::zeros(4, candle_core::DType::F32, &Device::Cpu).unwrap());
    let error = adam.step(&grads, 1e-3).unwrap_err().to_string();
    assert!(error.contains("param") && error.contains("[4]"), "{error}");
}
