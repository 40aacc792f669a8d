//! A step of an optimizer on the CPU: one pass over memory for all parameters at once, in place.
//!
//! Composed of candle's operations, a step of Adam takes a dozen passes and as many new tensors. Norms of gradients, where they
//! are asked for, are another pass over these.

use super::Parameter;
use super::cpu::update::{
    Factors, adam_chunk, momentum_chunk, nadam_chunk, rms_chunk, rms_momentum_chunk, sgd_chunk, square_sum,
};
use super::cpu::{Floats, floats, floats_mut};
use super::memories::Memories;
use super::step_numbers::{Rule, StepNumbers};
use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor, bail};
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// Numbers of one task.
const CHUNK: usize = 16 * 1024;

/// Moves each parameter that has a gradient.
pub(super) fn descend(
    numbers: &StepNumbers,
    parameters: &[Parameter],
    memories: &[Mutex<Memories>],
    gradients: &[Option<Tensor>],
) -> Result<()> {
    let scales = scales(numbers, gradients)?;
    let all = parameters.par_iter().zip(memories).zip(gradients).zip(scales);
    all.try_for_each(|(((parameter, memories), gradient), scale)| {
        let Some(gradient) = gradient else { return Ok(()) };
        let factors = Factors::new(numbers, [parameter.learning_rate, parameter.weight_decay], scale);
        parameter.value.inplace_op2(gradient, &Move { rule: numbers.rule, factors, memories })
    })
}

/// What each gradient is multiplied by. Sums are those of chunks of a fixed size, in order.
fn scales(numbers: &StepNumbers, gradients: &[Option<Tensor>]) -> Result<Vec<f64>> {
    if !numbers.needs_norms() {
        return Ok(vec![numbers.share; gradients.len()]);
    }
    let square = |gradient: &Option<Tensor>| -> Result<f64> {
        let Some(gradient) = gradient else { return Ok(0.0) };
        let values = Floats::of(gradient)?;
        let chunks: Vec<f64> = values.par_chunks(CHUNK).map(square_sum).collect();
        Ok(chunks.iter().sum())
    };
    Ok(numbers.scales(&gradients.par_iter().map(square).collect::<Result<Vec<f64>>>()?))
}

/// A step of one parameter.
struct Move<'a> {
    rule: Rule,
    factors: Factors,
    memories: &'a Mutex<Memories>,
}

impl InplaceOp2 for Move<'_> {
    fn name(&self) -> &'static str {
        "optimizer step"
    }

    fn cpu_fwd(
        &self,
        values: &mut CpuStorage,
        values_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> Result<()> {
        let values = floats_mut(values, values_layout)?;
        let gradient = floats(gradient, gradient_layout)?;
        // A poisoned lock is used on: a step writes numbers only.
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        match (self.rule, memories.on_cpu()?) {
            (Rule::Adam | Rule::AdamW, [first, second]) => {
                self.three(adam_chunk, gradient, [values, first, second]);
            }
            (Rule::Nadam, [first, second]) => self.three(nadam_chunk, gradient, [values, first, second]),
            (Rule::RmsProp, [second]) => self.two(rms_chunk, gradient, [values, second]),
            (Rule::RmsProp, [second, buffer]) => {
                self.three(rms_momentum_chunk, gradient, [values, second, buffer]);
            }
            (Rule::Sgd, []) => {
                let chunks = values.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
                chunks.for_each(|(values, gradient)| sgd_chunk(self.factors, gradient, [values]));
            }
            (Rule::Sgd | Rule::Nesterov, [buffer]) => self.two(momentum_chunk, gradient, [values, buffer]),
            _ => bail!("the optimizer and what it remembers do not fit"),
        }
        Ok(())
    }
}

impl Move<'_> {
    /// Runs a kernel over values and what is remembered of them.
    fn two(
        &self,
        kernel: fn(Factors, &[f32], [&mut [f32]; 2]),
        gradient: &[f32],
        [values, memory]: [&mut [f32]; 2],
    ) {
        let inputs = values.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
        let all = inputs.zip(memory.par_chunks_mut(CHUNK));
        all.for_each(|((values, gradient), memory)| kernel(self.factors, gradient, [values, memory]));
    }

    /// The same with two memories.
    fn three(
        &self,
        kernel: fn(Factors, &[f32], [&mut [f32]; 3]),
        gradient: &[f32],
        [values, a, b]: [&mut [f32]; 3],
    ) {
        let inputs = values.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
        let memories = a.par_chunks_mut(CHUNK).zip(b.par_chunks_mut(CHUNK));
        inputs.zip(memories).for_each(|((values, gradient), (a, b))| {
            kernel(self.factors, gradient, [values, a, b]);
        });
    }
}
