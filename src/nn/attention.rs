//! Concurrent spatial and channel squeeze and excitation (Roy, Navab and Wachinger 2018, arXiv:1803.02579).
//!
//! Two gates between 0 and 1, one per channel of an image and one per pixel, say what matters: `ys = xs (channel + pixel)`. Both
//! factors and their gradients take one pass each over the image.

use super::activation::sigmoid;
use super::autograd::{Input, Operation, Step, apply};
use super::cpu::activation::Activation;
use super::cpu::lanes::Lanes;
use super::cpu::memory::written;
use super::cpu::reduce::add_in_order;
use super::cpu::vectorized::vectorized;
use super::cpu::{Floats, tensor_like};
#[cfg(feature = "cuda")]
use super::cuda::{self, CudaInput};
use super::pool::global_avg_pool2d;
use super::{Conv2d, Conv2dConfig};
use crate::{Error, Result};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
#[cfg(feature = "cuda")]
use candle_core::bail;
use candle_core::{CpuStorage, Shape, Tensor};
use candle_nn::VarBuilder;
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// The scSE block with segmentation_models.pytorch's names: `cSE.1`, `cSE.3` and `sSE.0`.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use tgs_salt::nn::{ScSe, Weights};
///
/// let weights = Weights::new(42, &Device::Cpu);
/// let attention = ScSe::new(32, 16, weights.builder())?;
/// let xs = Tensor::ones((1, 4, 4, 32), DType::F32, &Device::Cpu).unwrap();
/// assert_eq!(attention.forward(&xs)?.dims(), [1, 4, 4, 32]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ScSe {
    squeeze: Conv2d,
    excite: Conv2d,
    pixel: Conv2d,
}

impl ScSe {
    /// A block for `channels` channels, of which the channel gate sees `channels / reduction` (16 is usual) sums.
    ///
    /// # Errors
    /// [`Error::Config`] when that leaves none; [`Error::Tensor`] when `vb` holds a name with another shape.
    pub fn new(channels: usize, reduction: usize, vb: VarBuilder) -> Result<ScSe> {
        let squeezed = channels.checked_div(reduction).filter(|&squeezed| squeezed > 0);
        let Some(squeezed) = squeezed else {
            let expected = format!("1 to {channels}, the number of channels");
            return Err(Error::Config { field: "reduction", got: reduction.to_string(), expected });
        };
        let one = Conv2dConfig::new(1);
        Ok(ScSe {
            squeeze: Conv2d::new(channels, squeezed, one, vb.pp("cSE").pp(1))?,
            excite: Conv2d::new(squeezed, channels, one, vb.pp("cSE").pp(3))?,
            pixel: Conv2d::new(channels, 1, one, vb.pp("sSE").pp(0))?,
        })
    }

    /// `xs` (N, H, W, C) times the sum of its gates.
    ///
    /// # Errors
    /// [`Error::Shape`] when `xs` has other channels.
    pub fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        let squeezed = Activation::Relu.forward(&self.squeeze.forward(&global_avg_pool2d(xs)?)?)?;
        let channel = sigmoid(&self.excite.forward(&squeezed)?)?;
        let pixel = sigmoid(&self.pixel.forward(xs)?)?;
        apply(Gate, &[xs, &channel, &pixel]).map_err(Error::tensor("scSE"))
    }
}

/// `xs` (N, H, W, C) times the sum of a gate per channel (N, 1, 1, C) and one per pixel (N, H, W, 1).
struct Gate;

/// Pixels of one task.
const PIXELS: usize = 64;

/// Sums of `xs * grad` over some pixels of an image: per channel, and per pixel.
struct Products {
    image: usize,
    channel: Vec<f32>,
    pixel: Vec<f32>,
}

fn products(dims: [usize; 4], xs: &[f32], grad: &[f32]) -> Vec<Products> {
    let [batch, height, width, channels] = dims;
    let (pixels, tasks) = (height * width, (height * width).div_ceil(PIXELS));
    let task = |task: usize| {
        let (image, first) = (task / tasks, task % tasks * PIXELS);
        let at =
            (image * pixels + first) * channels..(image * pixels + (first + PIXELS).min(pixels)) * channels;
        let mut sums = Products { image, channel: vec![0.0; channels], pixel: vec![] };
        for (xs, grad) in xs[at.clone()].chunks_exact(channels).zip(grad[at].chunks_exact(channels)) {
            let mut pixel = 0.0;
            for (sum, (x, g)) in sums.channel.iter_mut().zip(xs.iter().zip(grad)) {
                *sum += x * g;
                pixel += x * g;
            }
            sums.pixel.push(pixel);
        }
        sums
    };
    (0..batch * tasks).into_par_iter().map(task).collect()
}

fn four(xs: &Shape) -> candle_core::Result<[usize; 4]> {
    let (n, h, w, c) = xs.dims4()?;
    Ok([n, h, w, c])
}

/// `values` times the gates: the result, or the gradient of the image.
fn gated(dims: [usize; 4], values: &[f32], channel: &[f32], pixel: &[f32]) -> Vec<f32> {
    let channels = dims[3];
    let rows = dims[1] * dims[2];
    let fill = |ys: &mut [MaybeUninit<f32>]| {
        ys.par_chunks_mut(channels).zip(values.par_chunks(channels)).enumerate().for_each(
            |(at, (ys, xs))| {
                let channel = &channel[at / rows * channels..][..channels];
                gate_pixel(xs, channel, pixel[at], ys);
            },
        );
    };
    // SAFETY: `values` has as many pixels as the result, and each is written whole.
    unsafe { written(values.len(), fill) }
}

vectorized! {
    fn gate_pixel(xs: &[f32], channel: &[f32], pixel: f32, ys: &mut [MaybeUninit<f32>]) = gate_pixel_with
}

#[inline(always)]
fn gate_pixel_with<L: Lanes>(xs: &[f32], channel: &[f32], pixel: f32, ys: &mut [MaybeUninit<f32>]) {
    for ((xs, channel), ys) in xs.chunks(L::WIDTH).zip(channel.chunks(L::WIDTH)).zip(ys.chunks_mut(L::WIDTH))
    {
        L::load(xs).mul(L::load(channel).add(L::splat(pixel))).store(ys);
    }
}

/// The sum of two storages of one shape.
#[cfg(feature = "cuda")]
fn add(a: CudaStorage, b: CudaStorage, shape: &Shape) -> candle_core::Result<CudaStorage> {
    let layout = &candle_core::Layout::contiguous(shape);
    cuda::add(CudaInput { storage: &a, layout }, CudaInput { storage: &b, layout })
}

impl Operation for Gate {
    fn name(&self) -> &'static str {
        "scSE"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let shape = inputs[0].layout.shape();
        let ys = gated(four(shape)?, inputs[0].floats()?, inputs[1].floats()?, inputs[2].floats()?);
        Ok((CpuStorage::F32(ys), shape.clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, inputs: &[CudaInput]) -> candle_core::Result<(CudaStorage, Shape)> {
        let (shape, by_channel, by_pixel) = (
            inputs[0].layout.shape(),
            cuda::gate_channels(inputs[0], inputs[1])?,
            cuda::gate_pixels(inputs[0], inputs[2])?,
        );
        Ok((add(by_channel, by_pixel, shape)?, shape.clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        cuda::with_inputs(&[step.inputs[0], step.inputs[1], step.inputs[2], step.ys_grad], |inputs| {
            let [xs, channel, pixel, grad] = *inputs else { bail!("scSE has an image and two gates") };
            let (by_channel, channel_grad) = cuda::gate_channels_backward(xs, channel, grad)?;
            let (by_pixel, pixel_grad) = cuda::gate_pixels_backward(xs, pixel, grad)?;
            let xs_grad = add(by_channel, by_pixel, step.inputs[0].shape())?;
            let grads = [xs_grad, channel_grad, pixel_grad];
            Ok(grads.into_iter().zip(step.inputs).map(|(grad, input)| cuda::gradient(grad, input)).collect())
        })
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (dims, channels) = (four(step.inputs[0].shape())?, step.inputs[0].dims4()?.3);
        let (xs, grad) = (Floats::of(step.inputs[0])?, Floats::of(step.ys_grad)?);
        let (channel, pixel) = (Floats::of(step.inputs[1])?, Floats::of(step.inputs[2])?);
        let products = products(dims, &xs, &grad);
        let of_image =
            |image: usize| products.iter().filter(move |p| p.image == image).map(|p| p.channel.as_slice());
        let channel_grad = (0..dims[0]).flat_map(|image| add_in_order(of_image(image), channels));
        let channel_grad = channel_grad.map(|sum| sum as f32).collect();
        let pixel_grad = products.iter().flat_map(|p| p.pixel.iter().copied()).collect();
        Ok(vec![
            Some(tensor_like(gated(dims, &grad, &channel, &pixel), step.inputs[0])?),
            Some(tensor_like(channel_grad, step.inputs[1])?),
            Some(tensor_like(pixel_grad, step.inputs[2])?),
        ])
    }
}
