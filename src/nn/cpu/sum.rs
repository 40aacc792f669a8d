//! The sum of two tensors, on all cores.

use super::lanes::Lanes;
use super::memory::written;
use super::storage::{Floats, tensor_like};
use super::vectorized::vectorized;
use candle_core::{DType, Result, Tensor};
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Values of one task.
const CHUNK: usize = 16 * 1024;

/// `a + b` of one shape, not recorded.
pub(crate) fn sum(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if a.device().is_cuda() {
        let (x, y) = (a.contiguous()?, b.contiguous()?);
        let sum =
            crate::nn::cuda::with_inputs(&[&x, &y], |inputs| crate::nn::cuda::add(inputs[0], inputs[1]))?;
        return Ok(crate::nn::cuda::tensor(sum, a.shape()));
    }
    if !a.device().is_cpu() || a.dtype() != DType::F32 {
        return a.add(b);
    }
    let (a_values, b) = (a.contiguous()?, b.contiguous()?);
    let (a_values, b) = (Floats::of(&a_values)?, Floats::of(&b)?);
    let fill = |ys: &mut [MaybeUninit<f32>]| {
        let inputs = a_values.par_chunks(CHUNK).zip(b.par_chunks(CHUNK));
        ys.par_chunks_mut(CHUNK).zip(inputs).for_each(|(ys, (a, b))| sum_chunk(a, b, ys));
    };
    // SAFETY: both are as long as the result, and each chunk is written whole.
    tensor_like(unsafe { written(b.len(), fill) }, a)
}

vectorized! {
    fn sum_chunk(a: &[f32], b: &[f32], ys: &mut [MaybeUninit<f32>]) = sum_chunk_with
}

#[inline(always)]
fn sum_chunk_with<L: Lanes>(a: &[f32], b: &[f32], ys: &mut [MaybeUninit<f32>]) {
    for ((a, b), ys) in a.chunks(L::WIDTH).zip(b.chunks(L::WIDTH)).zip(ys.chunks_mut(L::WIDTH)) {
        L::load(a).add(L::load(b)).store(ys);
    }
}
