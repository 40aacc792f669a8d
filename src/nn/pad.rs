//! Padding with zeros, and cropping, which is its inverse and its gradient.

use super::autograd::{Input, Operation, Step, apply};
use super::cpu::{Floats, tensor_like};
#[cfg(feature = "cuda")]
use super::cuda::{self, CudaInput};
use super::order::dims;
use crate::{Error, Result};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, Shape, Tensor};
use rayon::prelude::*;

/// Zeros around `xs` (N, H, W, C) up to (N, `height`, `width`, C), as even as possible: of an odd number the smaller half is
/// above and to the left. From 101 to 112 that is 5 before and 6 after. [`crop_to`] undoes it.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use tgs_salt::nn::{crop_to, pad_to};
///
/// let xs = Tensor::ones((1, 101, 101, 1), DType::F32, &Device::Cpu).unwrap();
/// let padded = pad_to(&xs, 112, 112)?;
/// assert_eq!(padded.dims(), [1, 112, 112, 1]);
/// assert_eq!(crop_to(&padded, 101, 101)?.dims(), [1, 101, 101, 1]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when `xs` is larger than that.
pub fn pad_to(xs: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let (_, h, w, _) = dims(xs, "(N, H, W, C)")?;
    if h > height || w > width {
        return Err(size_error("pad_to", "at most", xs, height, width));
    }
    frame(xs, Frame { from: (h, w), to: (height, width) })
}

/// The middle `height` by `width` pixels of `xs` (N, H, W, C); the inverse of [`pad_to`].
///
/// # Errors
/// [`Error::Shape`] when `xs` is smaller than that.
pub fn crop_to(xs: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let (_, h, w, _) = dims(xs, "(N, H, W, C)")?;
    if h < height || w < width {
        return Err(size_error("crop_to", "at least", xs, height, width));
    }
    frame(xs, Frame { from: (h, w), to: (height, width) })
}

fn size_error(what: &str, bound: &str, xs: &Tensor, height: usize, width: usize) -> Error {
    Error::Shape {
        what: format!("input of {what}"),
        expected: format!("(N, H, W, C) with H and W {bound} {height} and {width}"),
        got: format!("{:?}", xs.dims()),
        hint: "pad_to makes images larger, crop_to smaller".into(),
    }
}

fn frame(xs: &Tensor, frame: Frame) -> Result<Tensor> {
    if frame.from == frame.to {
        return Ok(xs.clone());
    }
    apply(frame, &[xs]).map_err(Error::tensor("pad or crop"))
}

/// Centres images in a larger or smaller frame; its own adjoint with the sizes swapped.
struct Frame {
    from: (usize, usize),
    to: (usize, usize),
}

impl Frame {
    fn values(&self, channels: usize, xs: &[f32]) -> Vec<f32> {
        let (from, to) = (self.from, self.to);
        let row = |width: usize| (width * channels).max(1);
        let images = xs.len() / (from.0 * row(from.1)).max(1);
        let mut ys = vec![0.0; images * to.0 * to.1 * channels];
        let (top, left) = (from.0.abs_diff(to.0) / 2, from.1.abs_diff(to.1) / 2);
        let len = from.1.min(to.1) * channels;
        ys.par_chunks_mut(row(to.1)).enumerate().for_each(|(index, ys)| {
            let (image, y) = (index / to.0, index % to.0);
            let source = if from.0 >= to.0 { Some(y + top) } else { y.checked_sub(top) };
            let Some(source) = source.filter(|&source| source < from.0) else { return };
            let xs = &xs[(image * from.0 + source) * row(from.1)..][..row(from.1)];
            let (skip_x, skip_y) = if from.1 >= to.1 { (left * channels, 0) } else { (0, left * channels) };
            ys[skip_y..skip_y + len].copy_from_slice(&xs[skip_x..skip_x + len]);
        });
        ys
    }
}

#[cfg(feature = "cuda")]
impl Frame {
    fn cuda_values(&self, xs: CudaInput) -> candle_core::Result<CudaStorage> {
        // Where the corner of the source lies in the result.
        let corner = |from: usize, to: usize| {
            let distance = (from.abs_diff(to) / 2).cast_signed();
            if from >= to { -distance } else { distance }
        };
        let corners = [corner(self.from.0, self.to.0), corner(self.from.1, self.to.1)];
        cuda::frame(xs, [self.to.0, self.to.1], corners)
    }
}

impl Operation for Frame {
    fn name(&self) -> &'static str {
        "pad or crop"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (n, _, _, channels) = inputs[0].layout.shape().dims4()?;
        let ys = self.values(channels, inputs[0].floats()?);
        Ok((CpuStorage::F32(ys), (n, self.to.0, self.to.1, channels).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, inputs: &[CudaInput]) -> candle_core::Result<(CudaStorage, Shape)> {
        let (n, _, _, channels) = inputs[0].layout.shape().dims4()?;
        Ok((self.cuda_values(inputs[0])?, (n, self.to.0, self.to.1, channels).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let back = Frame { from: self.to, to: self.from };
        cuda::with_inputs(&[step.ys_grad], |inputs| {
            Ok(vec![cuda::gradient(back.cuda_values(inputs[0])?, step.inputs[0])])
        })
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let back = Frame { from: self.to, to: self.from };
        let grad = back.values(step.inputs[0].dims4()?.3, &Floats::of(step.ys_grad)?);
        Ok(vec![Some(tensor_like(grad, step.inputs[0])?)])
    }
}
