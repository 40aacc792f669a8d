//! Steps on the device beside those on the CPU, which `tests/optimizers` compares with PyTorch.

use super::layers::floats;
use super::{device, random};
use crate::nn::{Optimizer, Parameter, Stepper};
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};

/// More than one launch takes, the last one of several blocks.
const LENGTHS: [usize; 90] = {
    let mut lengths = [0; 90];
    let mut i = 0;
    while i < 90 {
        lengths[i] = if i == 89 { 9000 } else { i + 1 };
        i += 1;
    }
    lengths
};

const OPTIMIZERS: [Optimizer; 10] = [
    Optimizer::adam(),
    Optimizer::adamw(),
    Optimizer::Sgd { momentum: 0.0, nesterov: false },
    Optimizer::sgd(),
    Optimizer::Sgd { momentum: 0.8, nesterov: true },
    Optimizer::rmsprop(),
    Optimizer::RmsProp { alpha: 0.9, eps: 1e-3, momentum: 0.9 },
    Optimizer::nadam(),
    Optimizer::normalized_sgd(),
    Optimizer::NormalizedSgd { momentum: 0.0, nesterov: false, eps: 1e-3 },
];

/// Parameters of two groups from these values.
fn stepper(optimizer: Optimizer, starts: &[Vec<f32>], device: &Device) -> Stepper {
    let parameter = |(i, start): (usize, &Vec<f32>)| Parameter {
        name: i.to_string(),
        value: Var::from_slice(start, start.len(), device).unwrap(),
        learning_rate: if i % 3 == 0 { 0.1 } else { 1.0 },
        weight_decay: if i % 3 == 0 { 0.0 } else { 0.01 },
    };
    Stepper::new(optimizer, starts.iter().enumerate().map(parameter).collect())
}

/// Gradients of all but the second parameter.
fn gradients(stepper: &Stepper, values: &[Vec<f32>]) -> GradStore {
    let mut gradients = GradStore::default();
    for (i, (parameter, values)) in stepper.parameters.iter().zip(values).enumerate() {
        if i != 1 {
            let gradient = Tensor::from_slice(values, values.len(), parameter.value.device()).unwrap();
            gradients.insert(&parameter.value, gradient);
        }
    }
    gradients
}

/// Two steps, and one along two gradients; then all values and memories.
fn run(
    optimizer: Optimizer,
    max_norm: Option<f64>,
    values: &[Vec<Vec<f32>>],
    device: &Device,
) -> Vec<Vec<f32>> {
    let mut stepper = stepper(optimizer, &values[0], device).clip_norm(max_norm);
    for values in &values[1..3] {
        stepper.step(&gradients(&stepper, values), 0.01).unwrap();
    }
    for (values, weight) in values[3..].iter().zip([3.0, 5.0]) {
        stepper.accumulate(&gradients(&stepper, values), weight).unwrap();
    }
    stepper.step_accumulated(0.02).unwrap();
    let values = stepper.parameters.iter().map(|parameter| floats(&parameter.value));
    values.chain(stepper.to_tensors().unwrap().values().map(floats)).collect()
}

#[test]
fn optimizers_agree_with_the_cpu() {
    let Some(device) = device() else { return };
    let normal = |len: &usize| {
        random(&[*len], DType::F32, &Device::Cpu).host.into_iter().map(|value| value as f32).collect()
    };
    let values: Vec<Vec<Vec<f32>>> = (0..5).map(|_| LENGTHS.iter().map(normal).collect()).collect();
    for optimizer in OPTIMIZERS {
        // Gradients have a norm of about 60.
        for max_norm in [None, Some(3.0), Some(1e6)] {
            let here = run(optimizer, max_norm, &values, &Device::Cpu);
            let there = run(optimizer, max_norm, &values, device);
            assert_eq!(here.len(), there.len());
            assert_eq!(there[1], values[0][1], "{optimizer}: moved without a gradient");
            for (i, (here, there)) in here.iter().zip(&there).enumerate() {
                let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-5 * (1.0 + a.abs());
                assert!(here.iter().zip(there).all(near), "{optimizer}, {max_norm:?}: tensor {i} is off");
            }
        }
    }
}
