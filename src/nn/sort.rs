//! Sorting and running sums along the last axis, for losses that rank pixels.
//!
//! candle's CUDA sort takes rows of up to 8,192 values, and its running sum multiplies by a matrix as large as the row's square.

use super::autograd::{Input, Operation, Step, apply};
use super::cpu::{Floats, tensor_like};
#[cfg(feature = "cuda")]
use super::cuda::{self, CudaInput};
use crate::{Error, Result};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, Device, Shape, Tensor};
use rayon::prelude::*;

/// For each row of `xs` (…, columns) the places of its values, largest first, as u32. Equal values keep their order; what is
/// not a number comes first where its sign is plus, else last.
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let xs = Tensor::new(&[[1f32, 3.0, 2.0], [5.0, 5.0, 7.0]], &Device::Cpu).unwrap();
/// let order = tgs_salt::nn::argsort_descending(&xs)?;
/// assert_eq!(order.to_vec2::<u32>().unwrap(), [[1, 2, 0], [2, 0, 1]]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Tensor`] when `xs` is a scalar, not f32, or has rows of 2^32 values and more.
pub fn argsort_descending(xs: &Tensor) -> Result<Tensor> {
    let run = || {
        let columns = xs.dim(candle_core::D::Minus1)?;
        let xs = xs.contiguous()?;
        #[cfg(feature = "cuda")]
        if xs.device().is_cuda() {
            let sorted = cuda::with_inputs(&[&xs], |inputs| cuda::argsort_descending(inputs[0]))?;
            return Ok(cuda::tensor(sorted.1, xs.shape()));
        }
        let values = Floats::of(&xs)?;
        let mut order = vec![0; values.len()];
        order
            .par_chunks_mut(columns.max(1))
            .zip(values.par_chunks(columns.max(1)))
            .for_each(|(order, row)| sort_row(row, order));
        Tensor::from_vec(order, xs.shape(), &Device::Cpu)
    };
    run().map_err(Error::tensor("argsort_descending"))
}

/// The places of a row's values, largest first, as [`argsort_descending`] has them.
//
// Sorts one number per value: its rank among all floats upside down, then its place.
pub(crate) fn sort_row(row: &[f32], order: &mut [u32]) {
    let key = |value: f32| {
        let bits = value.to_bits();
        // Ascending over all floats, as `f32::total_cmp` orders them.
        let ascending = if bits >> 31 == 1 { !bits } else { bits | 0x8000_0000 };
        u64::from(!ascending) << 32
    };
    let mut keys: Vec<u64> = row.iter().zip(0..).map(|(&value, place)| key(value) | place).collect();
    keys.sort_unstable();
    for (place, key) in order.iter_mut().zip(keys) {
        *place = key as u32;
    }
}

/// The running sums of each row of `xs` (…, columns): of the first value, of the first two, ….
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let xs = Tensor::new(&[[1f32, 2.0, 4.0], [1.0, 0.0, 1.0]], &Device::Cpu).unwrap();
/// assert_eq!(tgs_salt::nn::cumsum(&xs)?.to_vec2::<f32>().unwrap(), [[1.0, 3.0, 7.0], [1.0, 1.0, 2.0]]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Tensor`] when `xs` is a scalar or not f32.
pub fn cumsum(xs: &Tensor) -> Result<Tensor> {
    let run = || apply(Cumsum { columns: xs.dim(candle_core::D::Minus1)?.max(1) }, &[xs]);
    run().map_err(Error::tensor("cumsum"))
}

struct Cumsum {
    columns: usize,
}

impl Operation for Cumsum {
    fn name(&self) -> &'static str {
        "cumsum"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let mut ys = inputs[0].floats()?.to_vec();
        ys.par_chunks_mut(self.columns).for_each(|row| {
            let mut sum = 0.0;
            for value in row {
                sum += f64::from(*value);
                *value = sum as f32;
            }
        });
        Ok((CpuStorage::F32(ys), inputs[0].layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, inputs: &[CudaInput]) -> candle_core::Result<(CudaStorage, Shape)> {
        Ok((cuda::running_sums(inputs[0])?, inputs[0].layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        // From the end: the sum of all plus the value less the running sum.
        let grad = step.ys_grad;
        let running = cuda::with_inputs(&[grad], |inputs| {
            Ok(cuda::tensor(cuda::running_sums(inputs[0])?, grad.shape()))
        })?;
        let all = running.narrow(candle_core::D::Minus1, self.columns - 1, 1)?;
        Ok(vec![Some(all.broadcast_sub(&running)?.add(grad)?)])
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let mut grad = Floats::of(step.ys_grad)?.to_vec();
        grad.par_chunks_mut(self.columns).for_each(|row| {
            let mut sum = 0.0;
            for value in row.iter_mut().rev() {
                sum += f64::from(*value);
                *value = sum as f32;
            }
        });
        Ok(vec![Some(tensor_like(grad, step.inputs[0])?)])
    }
}
