//! Moving values around: channels last and first, joining channels, padding and cropping.

use super::cpu::{floats, tensor_like, with_floats};
use super::memory::written;
use super::mode::{apply1, apply2};
use crate::{Error, Result};
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Shape, Tensor};
use rayon::prelude::*;
use std::mem::MaybeUninit;

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
    let join = || apply2(&a.contiguous()?, &b.contiguous()?, Join { left, right });
    join().map_err(Error::tensor("concat"))
}

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

fn dims(xs: &Tensor, expected: &str) -> Result<(usize, usize, usize, usize)> {
    xs.dims4().map_err(|_| Error::Shape {
        what: "input of a layer".into(),
        expected: expected.into(),
        got: format!("{:?}", xs.dims()),
        hint: "add the missing axes with unsqueeze".into(),
    })
}

fn size_error(what: &str, bound: &str, xs: &Tensor, height: usize, width: usize) -> Error {
    Error::Shape {
        what: format!("input of {what}"),
        expected: format!("(N, H, W, C) with H and W {bound} {height} and {width}"),
        got: format!("{:?}", xs.dims()),
        hint: "pad_to makes images larger, crop_to smaller".into(),
    }
}

fn swap(xs: &Tensor, swap: Swap) -> Result<Tensor> {
    xs.contiguous().and_then(|xs| apply1(&xs, swap)).map_err(Error::tensor("change the order of axes"))
}

fn frame(xs: &Tensor, frame: Frame) -> Result<Tensor> {
    if frame.from == frame.to {
        return Ok(xs.clone());
    }
    xs.contiguous().and_then(|xs| apply1(&xs, frame)).map_err(Error::tensor("pad or crop"))
}

/// Transposes each image as a matrix of `rows` by `columns`.
#[derive(Clone, Copy)]
struct Swap {
    rows: usize,
    columns: usize,
    axes: [usize; 4],
}

impl Swap {
    fn values(rows: usize, columns: usize, xs: &[f32]) -> Vec<f32> {
        let mut ys = vec![0.0; xs.len()];
        let image = (rows * columns).max(1);
        ys.par_chunks_mut(image).zip(xs.par_chunks(image)).for_each(|(ys, xs)| {
            // Walk along the longer axis in blocks, so that both sides stay in the cache.
            const BLOCK: usize = 64;
            for first in (0..columns).step_by(BLOCK) {
                let last = (first + BLOCK).min(columns);
                for (row, xs) in xs.chunks_exact(columns).enumerate() {
                    let slots = ys[first * rows + row..].iter_mut().step_by(rows);
                    for (slot, x) in slots.zip(&xs[first..last]) {
                        *slot = *x;
                    }
                }
            }
        });
        ys
    }
}

impl CustomOp1 for Swap {
    fn name(&self) -> &'static str {
        "channels last or first"
    }

    fn cpu_fwd(&self, xs: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let shape: Vec<usize> = self.axes.iter().map(|&axis| layout.dims()[axis]).collect();
        let ys = Swap::values(self.rows, self.columns, floats(xs, layout)?);
        Ok((CpuStorage::F32(ys), shape.into()))
    }

    fn bwd(&self, xs: &Tensor, _: &Tensor, ys_grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let grad = with_floats(&ys_grad.contiguous()?, |grad| Swap::values(self.columns, self.rows, grad))?;
        Ok(Some(tensor_like(grad, xs)?))
    }
}

/// Puts the channels of two tensors side by side.
struct Join {
    left: usize,
    right: usize,
}

/// Pixels per task of a copy.
const PIXELS: usize = 1024;

impl Join {
    /// The `channels` channels from `from` on of each pixel of the joined values.
    fn part(&self, joined: &[f32], from: usize, channels: usize) -> Vec<f32> {
        let both = self.left + self.right;
        let fill = |part: &mut [MaybeUninit<f32>]| {
            let chunks = part.par_chunks_mut(PIXELS * channels).zip(joined.par_chunks(PIXELS * both));
            chunks.for_each(|(part, joined)| {
                for (part, joined) in part.chunks_exact_mut(channels).zip(joined.chunks_exact(both)) {
                    part.write_copy_of_slice(&joined[from..from + channels]);
                }
            });
        };
        // SAFETY: the part has as many pixels as the joined values, and each is written whole.
        unsafe { written(joined.len() / both * channels, fill) }
    }
}

impl CustomOp2 for Join {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (n, height, width, _) = a_layout.shape().dims4()?;
        let (a, b, both) = (floats(a, a_layout)?, floats(b, b_layout)?, self.left + self.right);
        let fill = |ys: &mut [MaybeUninit<f32>]| {
            let sources = a.par_chunks(PIXELS * self.left).zip(b.par_chunks(PIXELS * self.right));
            ys.par_chunks_mut(PIXELS * both).zip(sources).for_each(|(ys, (a, b))| {
                let sources = a.chunks_exact(self.left).zip(b.chunks_exact(self.right));
                for (ys, (a, b)) in ys.chunks_exact_mut(both).zip(sources) {
                    let (left, right) = ys.split_at_mut(self.left);
                    left.write_copy_of_slice(a);
                    right.write_copy_of_slice(b);
                }
            });
        };
        // SAFETY: both inputs have as many pixels as the result, and each pixel is written from both.
        let ys = unsafe { written(a.len() + b.len(), fill) };
        Ok((CpuStorage::F32(ys), (n, height, width, both).into()))
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _: &Tensor,
        ys_grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let ys_grad = ys_grad.contiguous()?;
        let part = |from: usize, channels: usize, like: &Tensor| {
            let grad = with_floats(&ys_grad, |grad| self.part(grad, from, channels))?;
            tensor_like(grad, like)
        };
        Ok((Some(part(0, self.left, a)?), Some(part(self.left, self.right, b)?)))
    }
}

/// Centres images in a larger or smaller frame; its own adjoint with the sizes swapped.
#[derive(Clone, Copy)]
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

impl CustomOp1 for Frame {
    fn name(&self) -> &'static str {
        "pad or crop"
    }

    fn cpu_fwd(&self, xs: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let (n, _, _, channels) = layout.shape().dims4()?;
        let ys = self.values(channels, floats(xs, layout)?);
        Ok((CpuStorage::F32(ys), (n, self.to.0, self.to.1, channels).into()))
    }

    fn bwd(&self, xs: &Tensor, _: &Tensor, ys_grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let back = Frame { from: self.to, to: self.from };
        let grad = with_floats(&ys_grad.contiguous()?, |grad| back.values(xs.dims()[3], grad))?;
        Ok(Some(tensor_like(grad, xs)?))
    }
}
