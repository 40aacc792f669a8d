//! Adam over all parameters of a model (Kingma & Ba 2014, <https://arxiv.org/abs/1412.6980>), PyTorch's formula.

use crate::nn::{AdamStep, Weights, adam_step};
use crate::{Error, Result};
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use std::collections::BTreeMap;

/// The optimiser's state: two moments per parameter.
pub(crate) struct Adam {
    parameters: Vec<Parameter>,
    steps: usize,
}

struct Parameter {
    name: String,
    value: Var,
    first_moment: Var,
    second_moment: Var,
}

impl Adam {
    pub(crate) fn new(weights: &Weights) -> Result<Adam> {
        let zeros = |var: &Var| Var::from_tensor(&var.zeros_like()?);
        let parameter = |(name, value): (String, Var)| {
            let moments = zeros(&value).and_then(|first| Ok((first, zeros(&value)?)));
            let (first_moment, second_moment) = moments.map_err(Error::tensor("Adam"))?;
            Ok(Parameter { name, value, first_moment, second_moment })
        };
        Ok(Adam {
            parameters: weights.trainable().into_iter().map(parameter).collect::<Result<_>>()?,
            steps: 0,
        })
    }

    /// One step down the gradients, in place. Parameters without a gradient stay.
    pub(crate) fn step(&mut self, gradients: &GradStore, learning_rate: f64) -> Result<()> {
        self.steps += 1;
        let step = AdamStep { learning_rate, beta1: 0.9, beta2: 0.999, eps: 1e-8, step: self.steps };
        for parameter in &self.parameters {
            if let Some(gradient) = gradients.get(&parameter.value) {
                adam_step(
                    &parameter.value,
                    gradient,
                    &parameter.first_moment,
                    &parameter.second_moment,
                    step,
                )?;
            }
        }
        Ok(())
    }

    pub(crate) fn steps(&self) -> usize {
        self.steps
    }

    /// The state under the names `adam.first.…` and `adam.second.…`.
    pub(crate) fn to_tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        let copy = |var: &Var| var.as_detached_tensor().copy().map_err(Error::tensor("Adam"));
        let mut tensors = BTreeMap::new();
        for parameter in &self.parameters {
            tensors.insert(first(&parameter.name), copy(&parameter.first_moment)?);
            tensors.insert(second(&parameter.name), copy(&parameter.second_moment)?);
        }
        Ok(tensors)
    }

    /// The state that [`Adam::to_tensors`] gave; what is missing or has another shape is an error.
    pub(crate) fn set_tensors(&mut self, tensors: &BTreeMap<String, Tensor>, steps: usize) -> Result<()> {
        for parameter in &self.parameters {
            for (name, var) in [
                (first(&parameter.name), &parameter.first_moment),
                (second(&parameter.name), &parameter.second_moment),
            ] {
                let missing = || Error::Weights {
                    path: "".into(),
                    why: "the optimiser's state is incomplete".into(),
                    missing: vec![name.clone()],
                    unexpected: vec![],
                };
                var.set(tensors.get(&name).ok_or_else(missing)?).map_err(Error::tensor("Adam"))?;
            }
        }
        self.steps = steps;
        Ok(())
    }
}

fn first(name: &str) -> String {
    format!("adam.first.{name}")
}

fn second(name: &str) -> String {
    format!("adam.second.{name}")
}
