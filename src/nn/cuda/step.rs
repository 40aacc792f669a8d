//! A step of an optimizer whose parameters lie on a GPU. Not yet run on a GPU.

use super::input::CudaInput;
use super::optimizer::{NUMBERS, OptimizerTensor, add_scaled, optimizer_step, set_step};
use super::tensors::with_inputs;
use crate::nn::step_numbers::StepNumbers;
use crate::nn::{Parameter, Stepper};
use candle_core::{DType, Result, Tensor, Var, bail};
use std::sync::PoisonError;

impl Stepper {
    /// Brings the numbers of the next step to the device.
    pub(in crate::nn) fn prepare_on_gpu(&mut self) -> Result<()> {
        let on_device = match &self.numbers_on_gpu {
            Some(numbers) => numbers.clone(),
            None => {
                let Some(parameter) = self.parameters.first() else { return Ok(()) };
                Tensor::zeros(NUMBERS, DType::F32, parameter.value.device())?
            }
        };
        let Some(numbers) = &self.numbers else { return Ok(()) };
        let on_device = self.numbers_on_gpu.insert(on_device);
        with_inputs(&[on_device], |inputs| set_step(inputs[0], numbers))
    }

    /// One step by the numbers that were brought last.
    pub(in crate::nn) fn move_on_gpu(
        &self,
        numbers: &StepNumbers,
        gradients: &[Option<Tensor>],
    ) -> Result<()> {
        let Some(on_device) = &self.numbers_on_gpu else { bail!("a step on a GPU has to be prepared") };
        let names = self.optimizer.memories();
        // Per parameter with a gradient: itself, the gradient, what is remembered.
        let (mut tensors, mut moved) = (vec![on_device.clone()], vec![]);
        for ((parameter, memories), gradient) in self.parameters.iter().zip(&self.memories).zip(gradients) {
            let Some(gradient) = gradient else { continue };
            moved.push(parameter);
            tensors.extend([parameter.value.as_tensor().clone(), gradient.clone()]);
            let mut memories = memories.lock().unwrap_or_else(PoisonError::into_inner);
            let memories = memories.on_gpu(&parameter.value, names.len())?;
            tensors.extend(memories.iter().map(|memory| memory.as_tensor().clone()));
        }
        with_inputs(&tensors.iter().collect::<Vec<_>>(), |inputs| {
            let parts = inputs[1..].chunks_exact(2 + names.len()).zip(moved);
            let all: Vec<OptimizerTensor> = parts.map(|(part, of)| one(part, names, of)).collect();
            optimizer_step(&all, numbers, inputs[0])
        })
    }
}

/// A parameter and its gradient.
fn bare<'a>(part: &[CudaInput<'a>]) -> OptimizerTensor<'a> {
    OptimizerTensor {
        parameter: part[0],
        gradient: part[1],
        first: None,
        second: None,
        rate: 1.0,
        decay: 0.0,
    }
}

/// A parameter, its gradient and the memories with these names.
fn one<'a>(part: &[CudaInput<'a>], names: &[&str], parameter: &Parameter) -> OptimizerTensor<'a> {
    let second = names.iter().position(|name| *name == "second");
    let first = names.iter().position(|name| *name != "second");
    OptimizerTensor {
        first: first.map(|at| part[2 + at]),
        second: second.map(|at| part[2 + at]),
        rate: parameter.learning_rate,
        decay: parameter.weight_decay,
        ..bare(part)
    }
}

/// Adds `weight` times the gradients to sums of them.
pub(crate) fn accumulate(pairs: &[(&Var, &Tensor)], weight: f32) -> Result<()> {
    let tensors: Vec<&Tensor> =
        pairs.iter().flat_map(|(sum, gradient)| [sum.as_tensor(), *gradient]).collect();
    with_inputs(&tensors, |inputs| {
        let tensors: Vec<OptimizerTensor> = inputs.chunks_exact(2).map(|pair| bare(pair)).collect();
        add_scaled(&tensors, weight)
    })
}
