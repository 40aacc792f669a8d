//! Bilinear upsampling to any size.
//!
//! Along each axis a destination pixel is a weighted mean of two source pixels. The backward pass is the same sum with the table
//! of weights turned around, so that each gradient is gathered by one thread in a fixed order.

use super::autograd::{Input, Operation, Step, apply};
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

/// `xs` (N, H, W, C) at another size, (N, `height`, `width`, C), interpolated linearly along both axes as by PyTorch's
/// `interpolate(mode="bilinear")`. With `align_corners` the corner pixels' centres keep their place, without it their corners.
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let xs = Tensor::new(&[[[[0f32], [4.0]]]], &Device::Cpu).unwrap();
/// let row = |align| tgs_salt::nn::upsample_bilinear2d(&xs, 1, 4, align).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
/// assert_eq!(row(false), [0.0, 1.0, 3.0, 4.0]);
/// assert_eq!(row(true)[0..2], [0.0, 4.0 / 3.0]);
/// ```
///
/// # Errors
/// [`Error::Shape`] when `xs` has other than four dimensions, or either image has no pixels.
pub fn upsample_bilinear2d(xs: &Tensor, height: usize, width: usize, align_corners: bool) -> Result<Tensor> {
    let (n, h, w, c) = dims(xs, "(N, H, W, C)")?;
    if h * w * c * height * width == 0 {
        return Err(Error::Shape {
            what: "input of upsample_bilinear2d".into(),
            expected: "(N, H, W, C) with pixels and channels, and a size above 0".into(),
            got: format!("{:?} to ({height}, {width})", xs.dims()),
            hint: "layers take channels last: see nn::to_channels_last".into(),
        });
    }
    let axis = |from, to| Axis::new(from, to, align_corners);
    let operation = Bilinear {
        rows: axis(h, height),
        columns: axis(w, width),
        channels: c,
        batch: n,
        #[cfg(feature = "cuda")]
        align_corners,
    };
    apply(operation, &[xs]).map_err(Error::tensor("upsample_bilinear2d"))
}

/// For each place along one axis: which places of the other side it is the sum of, each with its weight.
struct Axis {
    forward: Vec<Vec<(usize, f32)>>,
    backward: Vec<Vec<(usize, f32)>>,
}

impl Axis {
    fn new(from: usize, to: usize, align_corners: bool) -> Axis {
        let scale = match align_corners {
            true if to > 1 => (from - 1) as f32 / (to - 1) as f32,
            true => 0.0,
            false => from as f32 / to as f32,
        };
        let forward: Vec<Vec<(usize, f32)>> = (0..to)
            .map(|at| {
                let place = match align_corners {
                    true => at as f32 * scale,
                    false => ((at as f32 + 0.5) * scale - 0.5).max(0.0),
                };
                let first = (place as usize).min(from - 1);
                let share = place - first as f32;
                match first + 1 < from {
                    true => vec![(first, 1.0 - share), (first + 1, share)],
                    false => vec![(first, 1.0)],
                }
            })
            .collect();
        let mut backward = vec![vec![]; from];
        for (at, sources) in forward.iter().enumerate() {
            for &(source, weight) in sources {
                backward[source].push((at, weight));
            }
        }
        Axis { forward, backward }
    }
}

struct Bilinear {
    rows: Axis,
    columns: Axis,
    channels: usize,
    batch: usize,
    #[cfg(feature = "cuda")]
    align_corners: bool,
}

/// A weighted sum along both axes.
struct Sum<'a> {
    rows: &'a [Vec<(usize, f32)>],
    columns: &'a [Vec<(usize, f32)>],
    /// Height and width of the source.
    from: [usize; 2],
    channels: usize,
}

impl Sum<'_> {
    fn values(&self, batch: usize, xs: &[f32]) -> Vec<f32> {
        let row = self.columns.len() * self.channels;
        let image = self.from[0] * self.from[1] * self.channels;
        let fill = |ys: &mut [MaybeUninit<f32>]| {
            ys.par_chunks_mut(row).enumerate().for_each(|(at, ys)| {
                let xs = &xs[at / self.rows.len() * image..][..image];
                sum_row(self, xs, &self.rows[at % self.rows.len()], ys);
            });
        };
        // SAFETY: each row is written whole.
        unsafe { written(batch * self.rows.len() * row, fill) }
    }
}

vectorized! {
    fn sum_row(sum: &Sum, xs: &[f32], rows: &[(usize, f32)], ys: &mut [MaybeUninit<f32>]) = sum_row_with
}

#[inline(always)]
fn sum_row_with<L: Lanes>(sum: &Sum, xs: &[f32], rows: &[(usize, f32)], ys: &mut [MaybeUninit<f32>]) {
    let channels = sum.channels;
    for (columns, ys) in sum.columns.iter().zip(ys.chunks_exact_mut(channels)) {
        for first in (0..channels).step_by(L::WIDTH) {
            let mut total = L::splat(0.0);
            for &(row, row_weight) in rows {
                for &(column, weight) in columns {
                    let pixel = (row * sum.from[1] + column) * channels;
                    let values = L::load(&xs[pixel + first..pixel + channels]);
                    total = total.fma(values, L::splat(row_weight * weight));
                }
            }
            total.store(&mut ys[first..]);
        }
    }
}

impl Operation for Bilinear {
    fn name(&self) -> &'static str {
        "upsample_bilinear2d"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (rows, columns) = (&self.rows.forward, &self.columns.forward);
        let from = [self.rows.backward.len(), self.columns.backward.len()];
        let ys = Sum { rows, columns, from, channels: self.channels }.values(self.batch, inputs[0].floats()?);
        Ok((CpuStorage::F32(ys), (self.batch, rows.len(), columns.len(), self.channels).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, inputs: &[CudaInput]) -> candle_core::Result<(CudaStorage, Shape)> {
        let size = [self.rows.forward.len(), self.columns.forward.len()];
        let ys = cuda::bilinear(inputs[0], size, self.align_corners)?;
        Ok((ys, (self.batch, size[0], size[1], self.channels).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (n, height, width, channels) = step.inputs[0].dims4()?;
        cuda::with_inputs(&[step.ys_grad], |inputs| {
            let grad = cuda::bilinear_backward(inputs[0], [n, height, width, channels], self.align_corners)?;
            Ok(vec![cuda::gradient(grad, step.inputs[0])])
        })
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (rows, columns) = (&self.rows.backward, &self.columns.backward);
        let from = [self.rows.forward.len(), self.columns.forward.len()];
        let sum = Sum { rows, columns, from, channels: self.channels };
        let grad = sum.values(self.batch, &Floats::of(step.ys_grad)?);
        Ok(vec![Some(tensor_like(grad, step.inputs[0])?)])
    }
}
