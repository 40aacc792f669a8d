//! The optimizers against PyTorch, and what a step leaves alone.

mod bits;
#[path = "../python/mod.rs"]
mod python;
mod reference;
mod steps;

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use tgs_salt::nn::{Optimizer, Parameter, Stepper};

/// All kinds, some with other numbers than the usual ones.
pub fn each() -> [Optimizer; 10] {
    [
        Optimizer::adam(),
        Optimizer::adamw(),
        Optimizer::Sgd { momentum: 0.0, nesterov: false },
        Optimizer::sgd(),
        Optimizer::Sgd { momentum: 0.8, nesterov: true },
        Optimizer::rmsprop(),
        Optimizer::RmsProp { alpha: 0.9, eps: 1e-6, momentum: 0.9 },
        Optimizer::nadam(),
        Optimizer::normalized_sgd(),
        Optimizer::NormalizedSgd { momentum: 0.8, nesterov: true, eps: 1e-3 },
    ]
}

/// Numbers in -1..1, others for each seed.
pub fn values(len: usize, seed: usize) -> Tensor {
    let value = |i: usize| ((i * 7919 + seed * 104_729) % 10_007) as f32 / 5003.0 - 1.0;
    Tensor::from_vec((0..len).map(value).collect::<Vec<f32>>(), len, &Device::Cpu).unwrap()
}

/// Of a few, several chunks, and what fits no vector.
pub const LENGTHS: [usize; 4] = [5, 40_001, 1, 333];

/// Parameters of those lengths with their own rates and decays.
pub fn parameters() -> Vec<Parameter> {
    let parameter = |(i, len): (usize, &usize)| Parameter {
        name: format!("p{i}"),
        value: Var::from_tensor(&values(*len, i)).unwrap(),
        learning_rate: [1.0, 0.1][i % 2],
        weight_decay: [0.01, 0.0, 0.02, 0.03][i],
    };
    LENGTHS.iter().enumerate().map(parameter).collect()
}

/// Gradients of all parameters but the last.
pub fn gradients(parameters: &[Parameter], seed: usize) -> GradStore {
    let mut gradients = GradStore::default();
    for (i, parameter) in parameters.iter().enumerate().take(parameters.len() - 1) {
        gradients.insert(&parameter.value, values(parameter.value.elem_count(), 100 * seed + i + 7));
    }
    gradients
}

/// Takes the steps with these numbers.
pub fn take(stepper: &mut Stepper, parameters: &[Parameter], steps: std::ops::Range<usize>) {
    for step in steps {
        stepper.step(&gradients(parameters, step), 0.01 / (step + 1) as f64).unwrap();
    }
}

/// The bits of all parameters.
pub fn bits(parameters: &[Parameter]) -> Vec<Vec<u32>> {
    let bits = |parameter: &Parameter| {
        parameter.value.to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
    };
    parameters.iter().map(bits).collect()
}
