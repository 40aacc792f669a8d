//! What an optimizer remembers of a parameter, where the parameter is.

use super::cpu::tensor;
use candle_core::{Result, Tensor, Var, bail};

/// Numbers as many as the parameter's, some of each.
#[derive(Debug)]
pub(super) enum Memories {
    Cpu(Vec<Vec<f32>>),
    /// Made at the first step with a gradient.
    #[cfg(feature = "cuda")]
    Gpu(Vec<Var>),
}

impl Memories {
    /// `count` times zeros.
    pub(super) fn zeros(value: &Var, count: usize) -> Memories {
        #[cfg(feature = "cuda")]
        if value.device().is_cuda() {
            return Memories::Gpu(vec![]);
        }
        Memories::Cpu(vec![vec![0.0; value.elem_count()]; count])
    }

    pub(super) fn new(values: Vec<Vec<f32>>, value: &Var) -> Result<Memories> {
        #[cfg(feature = "cuda")]
        if value.device().is_cuda() {
            let var = |values| Var::from_vec(values, value.shape(), value.device());
            return values.into_iter().map(var).collect::<Result<_>>().map(Memories::Gpu);
        }
        if !value.device().is_cpu() {
            bail!("an optimizer takes parameters on the CPU or on a CUDA GPU")
        }
        Ok(Memories::Cpu(values))
    }

    /// Copies with the parameter's shape, `count` of them.
    pub(super) fn to_tensors(&self, value: &Var, count: usize) -> Result<Vec<Tensor>> {
        match self {
            Memories::Cpu(memories) => {
                let memories = memories.iter().take(count);
                memories.map(|memory| tensor(memory.clone(), value.shape())).collect()
            }
            #[cfg(feature = "cuda")]
            Memories::Gpu(memories) => {
                let copy = |at: usize| match memories.get(at) {
                    Some(memory) => memory.as_detached_tensor().copy(),
                    None => Tensor::zeros(value.shape(), value.dtype(), value.device()),
                };
                (0..count).map(copy).collect()
            }
        }
    }

    pub(super) fn on_cpu(&mut self) -> Result<&mut [Vec<f32>]> {
        match self {
            Memories::Cpu(memories) => Ok(memories),
            #[cfg(feature = "cuda")]
            Memories::Gpu(_) => bail!("a parameter on the CPU is remembered on the GPU"),
        }
    }

    /// Those of a parameter on a GPU, made where they are not there yet.
    #[cfg(feature = "cuda")]
    pub(super) fn on_gpu(&mut self, value: &Var, count: usize) -> Result<&[Var]> {
        let Memories::Gpu(memories) = self else { bail!("a parameter on the GPU is remembered on the CPU") };
        while memories.len() < count {
            memories.push(Var::zeros(value.shape(), value.dtype(), value.device())?);
        }
        Ok(memories)
    }
}
