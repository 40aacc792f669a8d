//! Maximum pooling, channels last.
//!
//! candle's own backward is wrong (it divides the gradient by the window's size, and shares it among equal values), so this is
//! ours. As in PyTorch, the first maximum of a window, row by row, gets the whole gradient.

use super::window::{Size, Window};
use crate::nn::autograd::{Input, Operation, Step, apply};
use crate::nn::cpu::item::Item;
use crate::nn::cpu::lanes::Lanes;
use crate::nn::cpu::memory::written;
use crate::nn::cpu::vectorized::vectorized;
use crate::nn::cpu::{Floats, tensor_like};
#[cfg(feature = "cuda")]
use crate::nn::cuda::{self, CudaInput};
use crate::{Error, Result};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, Shape, Tensor};
use half::bf16;
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// The maximum of each `kernel` by `kernel` window of `xs` (N, H, W, C), windows `stride` apart.
///
/// The result is (N, H', W', C) with `H' = (H + 2 padding - kernel) / stride + 1`, rounded down. Padding counts as minus
/// infinity and is at most half the kernel. A value that is not a number wins its window.
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let xs = Tensor::new(&[[[[1f32], [5.0]], [[3.0], [2.0]]]], &Device::Cpu).unwrap();
/// let ys = tgs_salt::nn::max_pool2d(&xs, 2, 2, 0)?;
/// assert_eq!(ys.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [5.0]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Config`] for sizes out of range; [`Error::Shape`] when `xs` is smaller than the window.
pub fn max_pool2d(xs: &Tensor, kernel: usize, stride: usize, padding: usize) -> Result<Tensor> {
    let window = Window { kernel, stride, padding };
    window.check("max_pool2d", xs)?;
    apply(MaxPool(window), &[xs]).map_err(Error::tensor("max_pool2d"))
}

struct MaxPool(Window);

impl MaxPool {
    fn forward<T: Item>(
        &self,
        xs: &[T],
        shape: &Shape,
        pool_row: impl Fn(&Image<T>, usize, &mut [MaybeUninit<T>]) + Sync,
    ) -> candle_core::Result<(Vec<T>, Shape)> {
        let (batch, height, width, channels) = shape.dims4()?;
        let (window, size) = (self.0, Size { height, width, channels });
        let pooled = window.pooled(size);
        let fill = |ys: &mut [MaybeUninit<T>]| {
            ys.par_chunks_mut(pooled.width * channels).enumerate().for_each(|(row, ys)| {
                let xs = &xs[row / pooled.height * size.len()..][..size.len()];
                pool_row(&Image { window, size, xs }, row % pooled.height, ys);
            });
        };
        // SAFETY: each row is written whole.
        let ys = unsafe { written(batch * pooled.len(), fill) };
        Ok((ys, (batch, pooled.height, pooled.width, channels).into()))
    }
}

/// One image's part of a pass, all slices (pixels, channels).
struct Image<'a, T> {
    window: Window,
    size: Size,
    xs: &'a [T],
}

impl<T: Item> Image<'_, T> {
    /// The channels from `first` on of the pixel at a place.
    #[inline(always)]
    fn lanes<L: Lanes>(&self, place: usize, first: usize) -> L {
        T::load(&self.xs[place * self.size.channels + first..(place + 1) * self.size.channels])
    }

    /// The places of the pixels that a window covers, row by row.
    #[inline(always)]
    fn places(&self, row: usize, column: usize) -> impl Iterator<Item = usize> + Clone {
        let width = self.size.width;
        let columns = self.window.covered(column, width);
        self.window
            .covered(row, self.size.height)
            .flat_map(move |y| columns.clone().map(move |x| y * width + x))
    }
}

vectorized! {
    /// One row of maxima.
    fn pool_row(image: &Image<f32>, row: usize, ys: &mut [MaybeUninit<f32>]) = pool_row_with, f32
}

vectorized! {
    fn pool_row_half(image: &Image<bf16>, row: usize, ys: &mut [MaybeUninit<bf16>]) = pool_row_with, bf16
}

#[inline(always)]
fn pool_row_with<L: Lanes, T: Item>(image: &Image<T>, row: usize, ys: &mut [MaybeUninit<T>]) {
    let channels = image.size.channels;
    for (column, ys) in ys.chunks_exact_mut(channels).enumerate() {
        let places = image.places(row, column);
        for first in (0..channels).step_by(L::WIDTH) {
            let mut maximum = L::splat(f32::NEG_INFINITY);
            for place in places.clone() {
                maximum = image.lanes::<L>(place, first).larger(maximum);
            }
            T::store(maximum, &mut ys[first..]);
        }
    }
}

vectorized! {
    /// Adds one image's gradient: each output's gradient goes to the first input that equals it.
    fn add_image(image: &Image<f32>, ys: &[f32], ys_grad: &[f32], xs_grad: &mut [f32]) = add_image_with
}

#[inline(always)]
fn add_image_with<L: Lanes>(image: &Image<f32>, ys: &[f32], ys_grad: &[f32], xs_grad: &mut [f32]) {
    let channels = image.size.channels;
    let width = image.window.pooled(image.size).width;
    let outputs = ys.chunks_exact(channels).zip(ys_grad.chunks_exact(channels));
    for (at, (ys, ys_grad)) in outputs.enumerate() {
        let places = image.places(at / width, at % width);
        for first in (0..channels).step_by(L::WIDTH) {
            let (maximum, mut open) = (L::load(&ys[first..]), L::load(&ys_grad[first..]));
            for place in places.clone() {
                let given = open.where_equal(image.lanes(place, first), maximum);
                open = open.sub(given);
                let slots = &mut xs_grad[place * channels + first..(place + 1) * channels];
                L::load(slots).add(given).write(slots);
            }
        }
    }
}

impl Operation for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (ys, shape) = self.forward(inputs[0].floats()?, inputs[0].layout.shape(), pool_row)?;
        Ok((CpuStorage::F32(ys), shape))
    }

    fn cpu_half(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (ys, shape) = self.forward(inputs[0].halves()?, inputs[0].layout.shape(), pool_row_half)?;
        Ok((CpuStorage::BF16(ys), shape))
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, inputs: &[CudaInput]) -> candle_core::Result<(CudaStorage, Shape)> {
        self.0
            .cuda_shape(inputs[0])
            .and_then(|shape| Ok((cuda::max_pool(inputs[0], self.0.geometry())?, shape)))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        cuda::with_inputs(&[step.inputs[0], step.ys, step.ys_grad], |inputs| {
            let grad = cuda::max_pool_backward(inputs[0], inputs[1], inputs[2], self.0.geometry())?;
            Ok(vec![cuda::gradient(grad, step.inputs[0])])
        })
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (_, height, width, channels) = step.inputs[0].dims4()?;
        let (window, size) = (self.0, Size { height, width, channels });
        let pooled = window.pooled(size).len();
        let (xs, ys) = (Floats::of(step.inputs[0])?, Floats::of(step.ys)?);
        let ys_grad = Floats::of(step.ys_grad)?;
        let mut xs_grad = vec![0.0; xs.len()];
        xs_grad
            .par_chunks_mut(size.len())
            .zip(xs.par_chunks(size.len()))
            .zip(ys.par_chunks(pooled).zip(ys_grad.par_chunks(pooled)))
            .for_each(|((xs_grad, xs), (ys, ys_grad))| {
                add_image(&Image { window, size, xs }, ys, ys_grad, xs_grad);
            });
        Ok(vec![Some(tensor_like(xs_grad, step.inputs[0])?)])
    }
}
