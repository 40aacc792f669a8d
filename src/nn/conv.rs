//! 2-d convolution, channels last.
//!
//! `ys[n, y, x, o] = bias[o] + sum over i, u, v of xs[n, y s + u - p, x s + v - p, i] weight[o, i, u, v]`, with stride `s`,
//! padding `p` and zeros outside the image (PyTorch's `Conv2d`).

use super::cpu::{floats, tensor_like, with_floats};
use super::gather::{into_large, into_small};
use super::geometry::{Geometry, Plane};
use super::init;
use super::mode::{apply2, apply3};
use super::reduce::channel_sums;
use super::weight_gradient::weight_gradient;
use crate::{Error, Result};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Shape, Tensor, bail};
use candle_nn::VarBuilder;

/// The settings of a [`Conv2d`].
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `kernel` | 3 | height and width of the window | 1.. |
/// | `stride` | 1 | pixels from one window to the next | 1.. |
/// | `padding` | 1 | zeros added on each side | 0.. |
/// | `bias` | true | whether a constant is added per output channel | |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dConfig {
    /// Height and width of the window.
    pub kernel: usize,
    /// Pixels from one window to the next.
    pub stride: usize,
    /// Zeros added on each side of the image.
    pub padding: usize,
    /// Whether a constant is added per output channel.
    pub bias: bool,
}

impl Default for Conv2dConfig {
    fn default() -> Conv2dConfig {
        Conv2dConfig { kernel: 3, stride: 1, padding: 1, bias: true }
    }
}

/// A convolution layer with He-normal weights, named `weight` (O, I, k, k) and `bias` (O).
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use tgs_salt::nn::{Conv2d, Conv2dConfig, Weights};
///
/// let weights = Weights::new(42, &Device::Cpu);
/// let conv = Conv2d::new(1, 16, Conv2dConfig::default(), weights.builder().pp("stem"))?;
/// let ys = conv.forward(&Tensor::zeros((2, 101, 101, 1), DType::F32, &Device::Cpu).unwrap())?;
/// assert_eq!(ys.dims(), [2, 101, 101, 16]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Conv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    config: Conv2dConfig,
}

impl Conv2d {
    /// A layer from `in_channels` to `out_channels` whose weights come from `vb`.
    ///
    /// # Errors
    /// [`Error::Config`] for a size of zero; [`Error::Tensor`] when `vb` holds the name with another shape.
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        config: Conv2dConfig,
        vb: VarBuilder,
    ) -> Result<Conv2d> {
        check_sizes(&[
            ("in_channels", in_channels),
            ("out_channels", out_channels),
            ("kernel", config.kernel),
            ("stride", config.stride),
        ])?;
        let shape = (out_channels, in_channels, config.kernel, config.kernel);
        let weight =
            vb.get_with_hints(shape, "weight", init::HE_NORMAL).map_err(Error::tensor("conv2d weight"))?;
        let bias = config.bias.then(|| vb.get_with_hints(out_channels, "bias", init::ZEROS)).transpose();
        Ok(Conv2d { weight, bias: bias.map_err(Error::tensor("conv2d bias"))?, config })
    }

    /// Convolves `xs` (N, H, W, I) to (N, H', W', O), where `H' = (H + 2 padding - kernel) / stride + 1`.
    ///
    /// # Errors
    /// [`Error::Shape`] when `xs` has other channels or is smaller than the window.
    pub fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        let geometry = self.geometry(xs)?;
        let xs = xs.contiguous().map_err(Error::tensor("conv2d"))?;
        let ys = match &self.bias {
            Some(bias) => apply3(&xs, &self.weight, bias, Convolution(geometry)),
            None => apply2(&xs, &self.weight, Convolution(geometry)),
        };
        ys.map_err(Error::tensor("conv2d"))
    }

    fn geometry(&self, xs: &Tensor) -> Result<Geometry> {
        let (out_channels, in_channels, ..) = self.weight.dims4().map_err(Error::tensor("conv2d weight"))?;
        let Conv2dConfig { kernel, stride, padding, .. } = self.config;
        match *xs.dims() {
            [batch, height, width, channels]
                if channels == in_channels
                    && height + 2 * padding >= kernel
                    && width + 2 * padding >= kernel =>
            {
                let out = |size: usize| (size + 2 * padding - kernel) / stride + 1;
                let large = Plane { height, width, channels };
                let small = Plane { height: out(height), width: out(width), channels: out_channels };
                Ok(Geometry { batch, large, small, kernel, stride, padding })
            }
            ref dims => Err(Error::Shape {
                what: "input of conv2d".into(),
                expected: format!("(N, H, W, {in_channels}) with H and W of at least {kernel} after padding"),
                got: format!("{dims:?}"),
                hint: "layers take channels last: see nn::to_channels_last".into(),
            }),
        }
    }
}

/// An [`Error::Config`] for the first size that is zero.
pub(super) fn check_sizes(sizes: &[(&'static str, usize)]) -> Result<()> {
    match sizes.iter().find(|(_, size)| *size == 0) {
        Some((field, _)) => Err(Error::Config { field, got: "0".into(), expected: "1 or more".into() }),
        None => Ok(()),
    }
}

/// The differentiable operation: without bias with two arguments, with bias with three.
struct Convolution(Geometry);

impl Convolution {
    fn forward(&self, xs: &[f32], weight: &[f32], bias: Option<&[f32]>) -> (CpuStorage, Shape) {
        let Geometry { batch, small, .. } = self.0;
        let ys = into_small(&self.0, xs, weight, bias);
        (CpuStorage::F32(ys), (batch, small.height, small.width, small.channels).into())
    }

    /// Gradients of input and weight; the network's own input, which nothing depends on, gets none.
    fn backward(
        &self,
        xs: &Tensor,
        weight: &Tensor,
        ys_grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        if xs.elem_count() == 0 {
            bail!("the gradient of a convolution needs a batch that is not empty")
        }
        let weight_grad =
            with_floats(ys_grad, |ys_grad| with_floats(xs, |xs| weight_gradient(&self.0, xs, ys_grad)))??;
        let weight_grad = tensor_like(weight_grad, weight)?;
        if !xs.track_op() {
            return Ok((None, Some(weight_grad)));
        }
        let xs_grad = with_floats(ys_grad, |ys_grad| {
            with_floats(weight, |weight| into_large(&self.0, ys_grad, weight, None))
        })??;
        Ok((Some(tensor_like(xs_grad, xs)?), Some(weight_grad)))
    }
}

impl CustomOp2 for Convolution {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(
        &self,
        xs: &CpuStorage,
        xs_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        Ok(self.forward(floats(xs, xs_layout)?, floats(weight, weight_layout)?, None))
    }

    fn bwd(
        &self,
        xs: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        ys_grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        self.backward(xs, weight, &ys_grad.contiguous()?)
    }
}

impl CustomOp3 for Convolution {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(
        &self,
        xs: &CpuStorage,
        xs_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let bias = floats(bias, bias_layout)?;
        Ok(self.forward(floats(xs, xs_layout)?, floats(weight, weight_layout)?, Some(bias)))
    }

    fn bwd(
        &self,
        xs: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        ys_grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let ys_grad = ys_grad.contiguous()?;
        let (xs_grad, weight_grad) = self.backward(xs, weight, &ys_grad)?;
        let bias_grad = with_floats(&ys_grad, |grad| channel_sums(grad, self.0.small.channels))?;
        Ok((xs_grad, weight_grad, Some(tensor_like(bias_grad, bias)?)))
    }
}
