//! Nearest upsampling to any size, with a skip's channels behind it: what a U-Net's decoder does at each level.
//!
//! Fused, the upsampled image is never in memory by itself, and in the backward pass neither is its gradient.

use super::autograd::{Input, Operation, Step, apply};
use super::cpu::item::Item;
use super::cpu::lanes::Lanes;
use super::cpu::memory::written;
use super::cpu::vectorized::vectorized;
use super::cpu::{Floats, tensor_like};
#[cfg(feature = "cuda")]
use super::cuda::{self, CudaInput};
use super::order::dims;
use crate::{Error, Result};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, Shape, Tensor};
use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::Range;

/// `xs` (N, H, W, C) at another size, (N, `height`, `width`, C): each pixel is the nearest one above and to the left, as in
/// PyTorch's `interpolate(mode="nearest")`.
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let xs = Tensor::new(&[[[[1f32], [2.0]]]], &Device::Cpu).unwrap();
/// let ys = tgs_salt::nn::upsample_nearest2d(&xs, 1, 5)?;
/// assert_eq!(ys.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [1.0, 1.0, 1.0, 2.0, 2.0]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when `xs` has other than four dimensions, or either image has no pixels.
pub fn upsample_nearest2d(xs: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let (n, h, w, c) = dims(xs, "(N, H, W, C)")?;
    if h * w * c * height * width == 0 {
        return Err(no_pixels("upsample_nearest2d", xs));
    }
    let grid = Grid { from: [h, w], to: [height, width], channels: [c, 0], batch: n };
    apply(Nearest(grid), &[xs]).map_err(Error::tensor("upsample_nearest2d"))
}

/// `xs` (N, H, W, C) upsampled as by [`upsample_nearest2d`] to the size of `skip` (N, H', W', S), with its channels behind:
/// (N, H', W', C + S).
///
/// ```
/// use candle_core::{DType, Device, Tensor};
///
/// let small = Tensor::zeros((1, 4, 4, 8), DType::F32, &Device::Cpu).unwrap();
/// let skip = Tensor::zeros((1, 8, 8, 3), DType::F32, &Device::Cpu).unwrap();
/// assert_eq!(tgs_salt::nn::upsample_concat(&small, &skip)?.dims(), [1, 8, 8, 11]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when the two have other than four dimensions, another batch, or no pixels.
pub fn upsample_concat(xs: &Tensor, skip: &Tensor) -> Result<Tensor> {
    let (n, h, w, c) = dims(xs, "(N, H, W, C)")?;
    let (skip_n, height, width, s) = dims(skip, "(N, H, W, C)")?;
    if skip_n != n {
        return Err(Error::Shape {
            what: "skip of upsample_concat".into(),
            expected: format!("({n}, H, W, C)"),
            got: format!("{:?}", skip.dims()),
            hint: "both have to come from the same batch".into(),
        });
    }
    if h * w * c * height * width * s == 0 {
        return Err(no_pixels("upsample_concat", xs));
    }
    let grid = Grid { from: [h, w], to: [height, width], channels: [c, s], batch: n };
    apply(Nearest(grid), &[xs, skip]).map_err(Error::tensor("upsample_concat"))
}

/// Joins `a` (N, H, W, A) and `b` (N, H, W, B) to (N, H, W, A + B).
///
/// # Errors
/// [`Error::Shape`] when they differ in anything but channels, or one has none.
pub fn concat(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (n, height, width, left) = dims(a, "(N, H, W, C)")?;
    let (other_n, other_height, other_width, right) = dims(b, "(N, H, W, C)")?;
    if (n, height, width) != (other_n, other_height, other_width) || left == 0 || right == 0 {
        return Err(Error::Shape {
            what: "second input of concat".into(),
            expected: format!("({n}, {height}, {width}, C) with channels in both"),
            got: format!("{:?}", b.dims()),
            hint: "pad images so that each level halves and doubles exactly: see nn::pad_to".into(),
        });
    }
    upsample_concat(a, b)
}

/// Joins several images of one size as [`concat`] does two.
///
/// # Errors
/// [`Error::Shape`] when they differ in anything but channels, one has none, or there are none.
pub(crate) fn concat_all(parts: &[Tensor]) -> Result<Tensor> {
    match parts {
        [] => Err(Error::Shape {
            what: "input of concat".into(),
            expected: "at least one image".into(),
            got: "none".into(),
            hint: "give the maps that are to be joined".into(),
        }),
        [one] => Ok(one.clone()),
        // Halves: each part is copied as often as the number of parts can be halved.
        parts => {
            let (left, right) = parts.split_at(parts.len() / 2);
            concat(&concat_all(left)?, &concat_all(right)?)
        }
    }
}

fn no_pixels(what: &str, xs: &Tensor) -> Error {
    Error::Shape {
        what: format!("input of {what}"),
        expected: "(N, H, W, C) with pixels and channels on both sides".into(),
        got: format!("{:?}", xs.dims()),
        hint: "layers take channels last: see nn::to_channels_last".into(),
    }
}

#[derive(Clone, Copy)]
struct Grid {
    from: [usize; 2],
    to: [usize; 2],
    /// Of the upsampled image and of the skip.
    channels: [usize; 2],
    batch: usize,
}

struct Nearest(Grid);

impl Grid {
    /// Along an axis, the source of each destination coordinate: in single precision, as PyTorch computes it.
    fn sources(&self, axis: usize) -> Vec<usize> {
        let (from, to) = (self.from[axis], self.to[axis]);
        let scale = from as f32 / to as f32;
        (0..to).map(|at| ((at as f32 * scale) as usize).min(from - 1)).collect()
    }

    /// Along an axis, the destinations of each source coordinate.
    fn destinations(&self, axis: usize) -> Vec<Range<usize>> {
        let sources = self.sources(axis);
        let first = |at: usize| sources.partition_point(|&source| source < at);
        (0..self.from[axis]).map(|at| first(at)..first(at + 1)).collect()
    }

    fn shape(&self) -> Shape {
        (self.batch, self.to[0], self.to[1], self.all_channels()).into()
    }

    fn all_channels(&self) -> usize {
        self.channels[0] + self.channels[1]
    }

    fn forward<T: Item>(&self, xs: &[T], skip: &[T]) -> Vec<T> {
        let ([height, width], [c, s], all) = (self.to, self.channels, self.all_channels());
        let (rows, columns) = (self.sources(0), self.sources(1));
        let fill = |ys: &mut [MaybeUninit<T>]| {
            ys.par_chunks_mut(width * all).enumerate().for_each(|(row, ys)| {
                let source = (row / height * self.from[0] + rows[row % height]) * self.from[1];
                for (column, ys) in ys.chunks_exact_mut(all).enumerate() {
                    let at = (source + columns[column]) * c;
                    let (left, right) = ys.split_at_mut(c);
                    left.write_copy_of_slice(&xs[at..at + c]);
                    let at = (row * width + column) * s;
                    right.write_copy_of_slice(&skip[at..at + s]);
                }
            });
        };
        // SAFETY: each pixel of each row is written whole.
        unsafe { written(self.batch * height * width * all, fill) }
    }

    /// The gradient of the upsampled image: each pixel's is the sum over its copies.
    fn image_grad(&self, ys_grad: &[f32]) -> Vec<f32> {
        let ([from_height, from_width], [c, _]) = (self.from, self.channels);
        let (rows, columns) = (self.destinations(0), self.destinations(1));
        let fill = |grad: &mut [MaybeUninit<f32>]| {
            grad.par_chunks_mut(from_width * c).enumerate().for_each(|(row, grad)| {
                let first = row / from_height * self.to[0];
                let rows = rows[row % from_height].start + first..rows[row % from_height].end + first;
                sum_copies(self, ys_grad, rows, &columns, grad);
            });
        };
        // SAFETY: each row is written whole.
        unsafe { written(self.batch * from_height * from_width * c, fill) }
    }

    fn skip_grad(&self, ys_grad: &[f32]) -> Vec<f32> {
        let ([_, width], [c, s], all) = (self.to, self.channels, self.all_channels());
        let fill = |grad: &mut [MaybeUninit<f32>]| {
            let rows = grad.par_chunks_mut(width * s).zip(ys_grad.par_chunks(width * all));
            rows.for_each(|(grad, ys_grad)| {
                for (grad, ys_grad) in grad.chunks_exact_mut(s).zip(ys_grad.chunks_exact(all)) {
                    grad.write_copy_of_slice(&ys_grad[c..]);
                }
            });
        };
        // SAFETY: each row is written whole.
        unsafe { written(ys_grad.len() / all * s, fill) }
    }
}

vectorized! {
    /// One row of the image's gradient.
    fn sum_copies(
        grid: &Grid,
        ys_grad: &[f32],
        rows: Range<usize>,
        columns: &[Range<usize>],
        grad: &mut [MaybeUninit<f32>],
    ) = sum_copies_with
}

#[inline(always)]
fn sum_copies_with<L: Lanes>(
    grid: &Grid,
    ys_grad: &[f32],
    rows: Range<usize>,
    columns: &[Range<usize>],
    grad: &mut [MaybeUninit<f32>],
) {
    let (c, all, width) = (grid.channels[0], grid.all_channels(), grid.to[1]);
    for (columns, grad) in columns.iter().zip(grad.chunks_exact_mut(c)) {
        for first in (0..c).step_by(L::WIDTH) {
            let mut sum = L::splat(0.0);
            for row in rows.clone() {
                for column in columns.clone() {
                    let at = (row * width + column) * all;
                    sum = sum.add(L::load(&ys_grad[at + first..at + c]));
                }
            }
            sum.store(&mut grad[first..]);
        }
    }
}

impl Operation for Nearest {
    fn name(&self) -> &'static str {
        "upsample_nearest2d"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let xs = inputs[0].floats()?;
        let skip = inputs.get(1).map(Input::floats).transpose()?;
        let ys = self.0.forward(xs, skip.unwrap_or(&[]));
        Ok((CpuStorage::F32(ys), self.0.shape()))
    }

    fn cpu_half(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let skip = inputs.get(1).map(Input::halves).transpose()?;
        let ys = self.0.forward(inputs[0].halves()?, skip.unwrap_or(&[]));
        Ok((CpuStorage::BF16(ys), self.0.shape()))
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, inputs: &[CudaInput]) -> candle_core::Result<(CudaStorage, Shape)> {
        Ok((cuda::nearest_concat(inputs[0], inputs.get(1).copied(), self.0.to)?, self.0.shape()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (n, height, width, channels) = step.inputs[0].dims4()?;
        cuda::with_inputs(&[step.ys_grad], |inputs| {
            let mut grads = vec![None; step.inputs.len()];
            if step.wanted(0) {
                let grad = cuda::nearest_backward(inputs[0], [n, height, width, channels])?;
                grads[0] = cuda::gradient(grad, step.inputs[0]);
            }
            if let Some(skip) = step.inputs.get(1).filter(|skip| skip.track_op()) {
                grads[1] = cuda::gradient(cuda::slice_channels(inputs[0], channels, skip.dim(3)?)?, skip);
            }
            Ok(grads)
        })
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let grad = Floats::of(step.ys_grad)?;
        let image = || tensor_like(self.0.image_grad(&grad), step.inputs[0]);
        let mut grads = vec![step.wanted(0).then(image).transpose()?];
        if let Some(skip) = step.inputs.get(1).filter(|skip| skip.track_op()) {
            grads.push(Some(tensor_like(self.0.skip_grad(&grad), skip)?));
        }
        Ok(grads)
    }
}
