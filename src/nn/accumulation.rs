//! Gradients of several batches, added up for one step.

use super::Parameter;
use super::cpu::update::add_scaled_chunk;
use super::cpu::{floats, floats_mut};
use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor, Var};
use rayon::prelude::*;

/// Numbers of one task.
const CHUNK: usize = 16 * 1024;

/// Weighted sums, one for each parameter that had a gradient so far.
#[derive(Default)]
pub(super) struct Accumulation {
    pub(super) sums: Vec<Option<Var>>,
    /// Of all that was added.
    pub(super) weight: f64,
}

impl Accumulation {
    /// Adds `weight` times the gradients; they have their parameters' shapes.
    pub(super) fn add(
        &mut self,
        parameters: &[Parameter],
        gradients: &[Option<Tensor>],
        weight: f64,
    ) -> Result<()> {
        // What is divided by in the end is what was multiplied by.
        let weight = weight as f32;
        self.sums.resize(parameters.len(), None);
        for ((parameter, gradient), sum) in parameters.iter().zip(gradients).zip(&mut self.sums) {
            if gradient.is_some() && sum.is_none() {
                let value = &parameter.value;
                *sum = Some(Var::zeros(value.shape(), value.dtype(), value.device())?);
            }
        }
        let pairs = self.sums.iter().zip(gradients);
        let pairs: Vec<(&Var, &Tensor)> = pairs.filter_map(|(sum, g)| sum.as_ref().zip(g.as_ref())).collect();
        add_scaled(&pairs, weight)?;
        self.weight += f64::from(weight);
        Ok(())
    }
}

fn add_scaled(pairs: &[(&Var, &Tensor)], weight: f32) -> Result<()> {
    #[cfg(feature = "cuda")]
    if pairs.first().is_some_and(|(sum, _)| sum.device().is_cuda()) {
        return super::cuda::accumulate(pairs, weight);
    }
    pairs.par_iter().try_for_each(|(sum, gradient)| sum.inplace_op2(gradient, &AddScaled(weight)))
}

/// `sums += weight * gradient`.
struct AddScaled(f32);

impl InplaceOp2 for AddScaled {
    fn name(&self) -> &'static str {
        "sum of gradients"
    }

    fn cpu_fwd(
        &self,
        sums: &mut CpuStorage,
        sums_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> Result<()> {
        let sums = floats_mut(sums, sums_layout)?.par_chunks_mut(CHUNK);
        sums.zip(floats(gradient, gradient_layout)?.par_chunks(CHUNK))
            .for_each(|(sums, gradient)| add_scaled_chunk(sums, gradient, self.0));
        Ok(())
    }
}
