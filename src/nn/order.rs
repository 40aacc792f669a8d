//! The order of axes: channels last inside of `nn` and `models`, first at a model's surface.

use super::autograd::{Input, Operation, Step, apply};
use super::cpu::memory::{Shared, written};
use super::cpu::{Floats, tensor_like};
#[cfg(feature = "cuda")]
use super::cuda::{self, CudaInput};
use crate::{Error, Result};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, Shape, Tensor};
use rayon::prelude::*;

/// (N, C, H, W) to (N, H, W, C), the order inside `nn` and `models`.
///
/// # Errors
/// [`Error::Shape`] when `xs` has other than four dimensions.
pub fn to_channels_last(xs: &Tensor) -> Result<Tensor> {
    let (_, channels, height, width) = dims(xs, "(N, C, H, W)")?;
    swap(xs, Swap { rows: channels, columns: height * width, axes: [0, 2, 3, 1] })
}

/// (N, H, W, C) to (N, C, H, W), the order of a model's input and output.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use tgs_salt::nn::{to_channels_first, to_channels_last};
///
/// let xs = Tensor::zeros((2, 3, 5, 7), DType::F32, &Device::Cpu).unwrap();
/// let ys = to_channels_last(&xs)?;
/// assert_eq!(ys.dims(), [2, 5, 7, 3]);
/// assert_eq!(to_channels_first(&ys)?.dims(), [2, 3, 5, 7]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when `xs` has other than four dimensions.
pub fn to_channels_first(xs: &Tensor) -> Result<Tensor> {
    let (_, height, width, channels) = dims(xs, "(N, H, W, C)")?;
    swap(xs, Swap { rows: height * width, columns: channels, axes: [0, 3, 1, 2] })
}

/// The four sizes of an input.
pub(super) fn dims(xs: &Tensor, expected: &str) -> Result<(usize, usize, usize, usize)> {
    xs.dims4().map_err(|_| Error::Shape {
        what: "input of a layer".into(),
        expected: expected.into(),
        got: format!("{:?}", xs.dims()),
        hint: "add the missing axes with unsqueeze".into(),
    })
}

fn swap(xs: &Tensor, swap: Swap) -> Result<Tensor> {
    apply(swap, &[xs]).map_err(Error::tensor("change the order of axes"))
}

/// Transposes each image as a matrix of `rows` by `columns`.
struct Swap {
    rows: usize,
    columns: usize,
    axes: [usize; 4],
}

/// Columns of a task: with them both sides stay in the cache.
const BLOCK: usize = 64;

fn transposed(rows: usize, columns: usize, xs: &[f32]) -> Vec<f32> {
    let image = (rows * columns).max(1);
    let blocks = columns.div_ceil(BLOCK);
    let fill = |ys: &mut [std::mem::MaybeUninit<f32>]| {
        let ys = Shared::new(ys);
        (0..xs.len() / image * blocks).into_par_iter().for_each(|task| {
            let (start, first) = (task / blocks * image, task % blocks * BLOCK);
            for row in 0..rows {
                for column in first..(first + BLOCK).min(columns) {
                    // SAFETY: each value of an image has one place in the result, inside of that image.
                    unsafe { *ys.at(start + column * rows + row) = xs[start + row * columns + column] };
                }
            }
        });
    };
    // SAFETY: every row and column of every image is written.
    unsafe { written(xs.len(), fill) }
}

impl Operation for Swap {
    fn name(&self) -> &'static str {
        "channels last or first"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let layout = inputs[0].layout;
        let shape: Vec<usize> = self.axes.iter().map(|&axis| layout.dims()[axis]).collect();
        let ys = transposed(self.rows, self.columns, inputs[0].floats()?);
        Ok((CpuStorage::F32(ys), shape.into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, inputs: &[CudaInput]) -> candle_core::Result<(CudaStorage, Shape)> {
        let dims = inputs[0].layout.dims();
        let shape: Vec<usize> = self.axes.iter().map(|&axis| dims[axis]).collect();
        Ok((cuda::transpose(inputs[0], dims[0], self.rows, self.columns)?, shape.into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        cuda::with_inputs(&[step.ys_grad], |inputs| {
            let grad = cuda::transpose(inputs[0], step.inputs[0].dim(0)?, self.columns, self.rows)?;
            Ok(vec![cuda::gradient(grad, step.inputs[0])])
        })
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let grad = transposed(self.columns, self.rows, &Floats::of(step.ys_grad)?);
        Ok(vec![Some(tensor_like(grad, step.inputs[0])?)])
    }
}
