//! Average pooling, channels last.

use super::window::{Size, Window};
use crate::nn::autograd::{Input, Operation, Step, apply};
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
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// The mean of each `kernel` by `kernel` window of `xs` (N, H, W, C), windows `stride` apart.
///
/// The result is (N, H', W', C) with `H' = (H + 2 padding - kernel) / stride + 1`, rounded down. Padding counts as zeros, which
/// are part of the mean, as in PyTorch's default.
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let xs = Tensor::new(&[[[[1f32], [5.0]], [[3.0], [3.0]]]], &Device::Cpu).unwrap();
/// let ys = tgs_salt::nn::avg_pool2d(&xs, 2, 2, 0)?;
/// assert_eq!(ys.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [3.0]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Config`] for sizes out of range; [`Error::Shape`] when `xs` is smaller than the window.
pub fn avg_pool2d(xs: &Tensor, kernel: usize, stride: usize, padding: usize) -> Result<Tensor> {
    let window = Window { kernel, stride, padding };
    window.check("avg_pool2d", xs)?;
    apply(AvgPool(window), &[xs]).map_err(Error::tensor("avg_pool2d"))
}

/// The mean of each channel of `xs` (N, H, W, C) over all pixels: (N, 1, 1, C).
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let xs = Tensor::new(&[[[[1f32], [5.0], [6.0]]]], &Device::Cpu).unwrap();
/// let ys = tgs_salt::nn::global_avg_pool2d(&xs)?;
/// assert_eq!(ys.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [4.0]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when `xs` has no pixels or other than four dimensions.
pub fn global_avg_pool2d(xs: &Tensor) -> Result<Tensor> {
    match *xs.dims() {
        [_, height, width, channels] if height * width * channels > 0 => {
            apply(GlobalAvgPool, &[xs]).map_err(Error::tensor("global_avg_pool2d"))
        }
        ref dims => Err(Error::Shape {
            what: "input of global_avg_pool2d".into(),
            expected: "(N, H, W, C) with at least one pixel".into(),
            got: format!("{dims:?}"),
            hint: "layers take channels last: see nn::to_channels_last".into(),
        }),
    }
}

vectorized! {
    /// `scale` times the sum of some pixels of `xs` (pixels, channels).
    fn scaled_sum(xs: &[f32], places: &[usize], scale: f32, ys: &mut [MaybeUninit<f32>]) = scaled_sum_with
}

#[inline(always)]
fn scaled_sum_with<L: Lanes>(xs: &[f32], places: &[usize], scale: f32, ys: &mut [MaybeUninit<f32>]) {
    let channels = ys.len();
    for first in (0..channels).step_by(L::WIDTH) {
        let mut sum = L::splat(0.0);
        for place in places {
            sum = sum.add(L::load(&xs[place * channels + first..(place + 1) * channels]));
        }
        sum.mul(L::splat(scale)).store(&mut ys[first..]);
    }
}

/// For each pixel of a batch of `to` images: `scale` times the sum of the pixels of `from` that `rows` and `columns` name.
fn sums(
    xs: &[f32],
    (from, to): (Size, Size),
    scale: f32,
    covered: impl Fn([usize; 2]) -> Vec<usize> + Sync,
) -> Vec<f32> {
    let batch = xs.len() / from.len();
    let fill = |ys: &mut [MaybeUninit<f32>]| {
        ys.par_chunks_mut(to.width * to.channels).enumerate().for_each(|(row, ys)| {
            let xs = &xs[row / to.height * from.len()..][..from.len()];
            for (column, ys) in ys.chunks_exact_mut(to.channels).enumerate() {
                scaled_sum(xs, &covered([row % to.height, column]), scale, ys);
            }
        });
    };
    // SAFETY: each row is written whole.
    unsafe { written(batch * to.len(), fill) }
}

/// Numbers of the pixels in a rectangle of an image.
fn places(rows: std::ops::Range<usize>, columns: std::ops::Range<usize>, width: usize) -> Vec<usize> {
    rows.flat_map(|y| columns.clone().map(move |x| y * width + x)).collect()
}

struct AvgPool(Window);

impl AvgPool {
    fn scale(&self) -> f32 {
        1.0 / (self.0.kernel * self.0.kernel) as f32
    }
}

impl Operation for AvgPool {
    fn name(&self) -> &'static str {
        "avg_pool2d"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = inputs[0].layout.shape().dims4()?;
        let size = Size { height, width, channels };
        let pooled = self.0.pooled(size);
        let xs = inputs[0].floats()?;
        let ys = sums(xs, (size, pooled), self.scale(), |[row, column]| {
            places(self.0.covered(row, height), self.0.covered(column, width), width)
        });
        Ok((CpuStorage::F32(ys), (batch, pooled.height, pooled.width, channels).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, inputs: &[CudaInput]) -> candle_core::Result<(CudaStorage, Shape)> {
        self.0
            .cuda_shape(inputs[0])
            .and_then(|shape| Ok((cuda::average_pool(inputs[0], self.0.geometry(), true)?, shape)))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (n, height, width, channels) = step.inputs[0].dims4()?;
        cuda::with_inputs(&[step.ys_grad], |inputs| {
            let dims = [n, height, width, channels];
            let grad = cuda::average_pool_backward(inputs[0], dims, self.0.geometry(), true)?;
            Ok(vec![cuda::gradient(grad, step.inputs[0])])
        })
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (_, height, width, channels) = step.inputs[0].dims4()?;
        let size = Size { height, width, channels };
        let pooled = self.0.pooled(size);
        let grad = Floats::of(step.ys_grad)?;
        let xs_grad = sums(&grad, (pooled, size), self.scale(), |[row, column]| {
            let (rows, columns) =
                (self.0.covering(row, pooled.height), self.0.covering(column, pooled.width));
            places(rows, columns, pooled.width)
        });
        Ok(vec![Some(tensor_like(xs_grad, step.inputs[0])?)])
    }
}

struct GlobalAvgPool;

impl Operation for GlobalAvgPool {
    fn name(&self) -> &'static str {
        "global_avg_pool2d"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = inputs[0].layout.shape().dims4()?;
        let image = height * width * channels;
        let xs = inputs[0].floats()?;
        let all: Vec<usize> = (0..height * width).collect();
        let fill = |ys: &mut [MaybeUninit<f32>]| {
            ys.par_chunks_mut(channels).zip(xs.par_chunks(image)).for_each(|(ys, xs)| {
                scaled_sum(xs, &all, 1.0 / (height * width) as f32, ys);
            });
        };
        // SAFETY: there is an image for each row of the result, and it is written whole.
        let ys = unsafe { written(batch * channels, fill) };
        Ok((CpuStorage::F32(ys), (batch, 1, 1, channels).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, inputs: &[CudaInput]) -> candle_core::Result<(CudaStorage, Shape)> {
        let (batch, _, _, channels) = inputs[0].layout.shape().dims4()?;
        Ok((cuda::global_average(inputs[0])?, (batch, 1, 1, channels).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (n, height, width, channels) = step.inputs[0].dims4()?;
        cuda::with_inputs(&[step.ys_grad], |inputs| {
            let grad = cuda::global_average_backward(inputs[0], [n, height, width, channels])?;
            Ok(vec![cuda::gradient(grad, step.inputs[0])])
        })
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (_, height, width, channels) = step.inputs[0].dims4()?;
        let scale = 1.0 / (height * width) as f32;
        let grad = Floats::of(step.ys_grad)?;
        let mut xs_grad = vec![0.0; step.inputs[0].elem_count()];
        let images = xs_grad.par_chunks_mut(height * width * channels).zip(grad.par_chunks(channels));
        images.for_each(|(xs_grad, grad)| {
            for pixel in xs_grad.chunks_exact_mut(channels) {
                pixel.iter_mut().zip(grad).for_each(|(value, grad)| *value = grad * scale);
            }
        });
        Ok(vec![Some(tensor_like(xs_grad, step.inputs[0])?)])
    }
}
