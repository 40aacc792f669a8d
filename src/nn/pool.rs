//! Maximum pooling, channels last.
//!
//! candle's own backward is wrong (it divides the gradient by the window's size, and shares it among equal values), so this is
//! ours. As in PyTorch, the first maximum of a window, row by row, gets the whole gradient.

use super::conv::check_sizes;
use super::cpu::{floats, tensor_like, with_floats};
use super::lanes::{LANES, Lanes, load, vectorized};
use super::mode::apply1;
use super::reduce::copy_lanes;
use crate::{Error, Result};
use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use rayon::prelude::*;
use std::ops::Range;

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
    check_sizes(&[("kernel", kernel), ("stride", stride)])?;
    if padding > kernel / 2 {
        let (got, expected) = (padding.to_string(), format!("at most half the kernel, {}", kernel / 2));
        return Err(Error::Config { field: "padding", got, expected });
    }
    match *xs.dims() {
        [_, height, width, _] if height.min(width) + 2 * padding >= kernel => xs
            .contiguous()
            .and_then(|xs| apply1(&xs, MaxPool { kernel, stride, padding }))
            .map_err(Error::tensor("max_pool2d")),
        ref dims => Err(Error::Shape {
            what: "input of max_pool2d".into(),
            expected: format!("(N, H, W, C) with H and W of at least {kernel} after padding"),
            got: format!("{dims:?}"),
            hint: "use fewer levels or larger images".into(),
        }),
    }
}

struct MaxPool {
    kernel: usize,
    stride: usize,
    padding: usize,
}

impl MaxPool {
    fn out(&self, size: usize) -> usize {
        (size + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// The coordinates of window `at` that lie in the image.
    fn window(&self, at: usize, size: usize) -> Range<usize> {
        let start = at * self.stride;
        start.saturating_sub(self.padding)..(start + self.kernel).saturating_sub(self.padding).min(size)
    }

    fn forward(
        &self,
        xs: &[f32],
        (_, height, width, channels): (usize, usize, usize, usize),
        ys: &mut [f32],
    ) {
        let (out_height, out_width) = (self.out(height), self.out(width));
        ys.par_chunks_mut((out_width * channels).max(1)).enumerate().for_each(|(row, ys)| {
            let image = &xs[row / out_height * height * width * channels..][..height * width * channels];
            for (column, ys) in ys.chunks_exact_mut(channels).enumerate() {
                ys.fill(f32::NEG_INFINITY);
                for y in self.window(row % out_height, height) {
                    let columns = self.window(column, width);
                    let line =
                        &image[(y * width + columns.start) * channels..(y * width + columns.end) * channels];
                    for pixel in line.chunks_exact(channels) {
                        for (y, x) in ys.iter_mut().zip(pixel) {
                            *y = if *x > *y || x.is_nan() { *x } else { *y };
                        }
                    }
                }
            }
        });
    }
}

/// One image's part of a backward pass, all slices (pixels, channels).
struct Image<'a> {
    pool: &'a MaxPool,
    xs: &'a [f32],
    ys: &'a [f32],
    ys_grad: &'a [f32],
    width: usize,
    channels: usize,
}

vectorized! {
    /// Adds one image's gradient: each output's gradient goes to the first input that equals it.
    fn add_image(image: &Image, out: &mut [f32]) = add_image_with
}

#[inline(always)]
fn add_image_with<L: Lanes>(image: &Image, out: &mut [f32]) {
    let Image { pool, width, channels, .. } = *image;
    let height = image.xs.len() / (width * channels);
    let out_width = pool.out(width);
    let outputs = image.ys.chunks_exact(channels).zip(image.ys_grad.chunks_exact(channels));
    for (at, (ys, ys_grad)) in outputs.enumerate() {
        let (rows, columns) = (pool.window(at / out_width, height), pool.window(at % out_width, width));
        for block in (0..channels).step_by(LANES) {
            let (maximum, mut open) = (load::<L>(&ys[block..]), load::<L>(&ys_grad[block..]));
            for place in rows.clone().flat_map(|y| columns.clone().map(move |x| y * width + x)) {
                let place = place * channels + block..(place + 1) * channels;
                let given = open.where_equal(load(&image.xs[place.clone()]), maximum);
                open = open.sub(given);
                let slots = &mut out[place];
                copy_lanes(load::<L>(slots).add(given), slots);
            }
        }
    }
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn cpu_fwd(&self, xs: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let dims = layout.shape().dims4()?;
        let shape = (dims.0, self.out(dims.1), self.out(dims.2), dims.3);
        let mut ys = vec![0.0; shape.0 * shape.1 * shape.2 * shape.3];
        self.forward(floats(xs, layout)?, dims, &mut ys);
        Ok((CpuStorage::F32(ys), shape.into()))
    }

    fn bwd(&self, xs: &Tensor, ys: &Tensor, ys_grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let (_, height, width, channels) = xs.dims4()?;
        let image = (height * width * channels).max(1);
        let out_image = (self.out(height) * self.out(width) * channels).max(1);
        let mut xs_grad = vec![0.0; xs.elem_count()];
        with_floats(&ys_grad.contiguous()?, |ys_grad| {
            with_floats(xs, |xs| {
                with_floats(ys, |ys| {
                    xs_grad
                        .par_chunks_mut(image)
                        .zip(xs.par_chunks(image))
                        .zip(ys.par_chunks(out_image).zip(ys_grad.par_chunks(out_image)))
                        .for_each(|((out, xs), (ys, grad))| {
                            add_image(&Image { pool: self, xs, ys, ys_grad: grad, width, channels }, out);
                        });
                })
            })
        })???;
        Ok(Some(tensor_like(xs_grad, xs)?))
    }
}
