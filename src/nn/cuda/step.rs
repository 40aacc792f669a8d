//! A step of an optimizer whose parameters lie on a GPU. Not yet run on a GPU.

use super::input::CudaInput;
use super::optimizer::{NUMBERS, OptimizerTensor, Rule, optimizer_step, set_step};
use super::tensors::with_inputs;
use crate::nn::{Optimizer, UpdateRule};
use candle_core::backprop::GradStore;
use candle_core::{DType, Result, Tensor, bail};

fn parameter<'a>(part: &[CudaInput<'a>]) -> OptimizerTensor<'a> {
    OptimizerTensor {
        parameter: part[0],
        gradient: part[1],
        first: part.get(2).copied(),
        second: part.get(3).copied(),
    }
}

impl Optimizer {
    /// Brings the numbers of the next step to the device.
    pub(in crate::nn) fn prepare_on_gpu(&mut self) -> Result<()> {
        let (rule, weight_decay) = self.rule_on_gpu();
        let numbers = match &self.numbers {
            Some(numbers) => numbers.clone(),
            None => {
                let Some(parameter) = self.parameters.first() else { return Ok(()) };
                Tensor::zeros(NUMBERS, DType::F32, parameter.value.device())?
            }
        };
        let learning_rate = self.learning_rate;
        let numbers = self.numbers.insert(numbers);
        with_inputs(&[numbers], |inputs| set_step(inputs[0], rule, learning_rate, weight_decay))
    }

    /// One step by the numbers that were brought last.
    pub(in crate::nn) fn move_on_gpu(&self, gradients: &GradStore) -> Result<()> {
        let Some(numbers) = &self.numbers else { bail!("a step on a GPU has to be prepared") };
        // Per parameter with a gradient: itself, the gradient, what is remembered.
        let mut tensors: Vec<Tensor> = vec![numbers.clone()];
        let count = self.rule.memories().len();
        for parameter in &self.parameters {
            let Some(gradient) = gradients.get(&parameter.value) else { continue };
            tensors.push(parameter.value.as_tensor().clone());
            tensors.push(gradient.contiguous()?);
            let mut memories = parameter.memories();
            let memories = memories.on_gpu(&parameter.value, count)?;
            tensors.extend(memories.iter().map(|memory| memory.as_tensor().clone()));
        }
        let (rule, _) = self.rule_on_gpu();
        with_inputs(&tensors.iter().collect::<Vec<_>>(), |inputs| {
            let all: Vec<OptimizerTensor> = inputs[1..].chunks_exact(2 + count).map(parameter).collect();
            optimizer_step(&all, rule, inputs[0])
        })
    }

    fn rule_on_gpu(&self) -> (Rule, f64) {
        let step = self.steps;
        match self.rule {
            UpdateRule::Adam { beta1, beta2, eps, weight_decay } => {
                (Rule::Adam { beta1, beta2, eps, step, decoupled: false }, weight_decay)
            }
            UpdateRule::AdamW { beta1, beta2, eps, weight_decay } => {
                (Rule::Adam { beta1, beta2, eps, step, decoupled: true }, weight_decay)
            }
            UpdateRule::Sgd { momentum, nesterov, weight_decay } => {
                (Rule::Sgd { momentum, nesterov }, weight_decay)
            }
        }
    }
}
