//! Transposed 2-d convolution, channels last: the adjoint of [`Conv2d`](super::Conv2d), which makes images larger.
//!
//! `ys[n, y s + u - p, x s + v - p, o] += xs[n, y, x, i] weight[i, o, u, v]`, plus the bias (PyTorch's `ConvTranspose2d`).
//! Kernel 3, stride 2, padding 1 and output padding 1 double height and width exactly.

use super::conv::check_sizes;
use super::cpu::{floats, tensor_like, with_floats};
use super::gather::{into_large, into_small};
use super::geometry::{Geometry, Plane};
use super::init;
use super::mode::{apply2, apply3};
use super::reduce::channel_sums;
use super::weight_gradient::weight_gradient;
use crate::{Error, Result};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Shape, Tensor};
use candle_nn::VarBuilder;

/// The settings of a [`ConvTranspose2d`]. The defaults double height and width.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `kernel` | 3 | height and width of the window | 1.. |
/// | `stride` | 2 | how many output pixels an input pixel moves the window by | 1.. |
/// | `padding` | 1 | rows and columns cut from each side | 0.. |
/// | `output_padding` | 1 | rows added at the bottom and columns at the right | 0..stride |
/// | `bias` | true | whether a constant is added per output channel | |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTranspose2dConfig {
    /// Height and width of the window.
    pub kernel: usize,
    /// How many output pixels the window moves by from one input pixel to the next.
    pub stride: usize,
    /// Rows and columns cut from each side.
    pub padding: usize,
    /// Rows added at the bottom and columns at the right; below `stride`.
    pub output_padding: usize,
    /// Whether a constant is added per output channel.
    pub bias: bool,
}

impl Default for ConvTranspose2dConfig {
    fn default() -> ConvTranspose2dConfig {
        ConvTranspose2dConfig { kernel: 3, stride: 2, padding: 1, output_padding: 1, bias: true }
    }
}

/// A transposed convolution layer with He-normal weights, named `weight` (I, O, k, k) and `bias` (O).
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use tgs_salt::nn::{ConvTranspose2d, ConvTranspose2dConfig, Weights};
///
/// let weights = Weights::new(42, &Device::Cpu);
/// let up = ConvTranspose2d::new(32, 16, ConvTranspose2dConfig::default(), weights.builder().pp("up"))?;
/// let ys = up.forward(&Tensor::zeros((2, 7, 9, 32), DType::F32, &Device::Cpu).unwrap())?;
/// assert_eq!(ys.dims(), [2, 14, 18, 16]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConvTranspose2d {
    weight: Tensor,
    bias: Option<Tensor>,
    config: ConvTranspose2dConfig,
}

impl ConvTranspose2d {
    /// A layer from `in_channels` to `out_channels` whose weights come from `vb`.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting out of range; [`Error::Tensor`] when `vb` holds the name with another shape.
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        config: ConvTranspose2dConfig,
        vb: VarBuilder,
    ) -> Result<ConvTranspose2d> {
        let ConvTranspose2dConfig { kernel, stride, output_padding, .. } = config;
        check_sizes(&[
            ("in_channels", in_channels),
            ("out_channels", out_channels),
            ("kernel", kernel),
            ("stride", stride),
        ])?;
        if output_padding >= stride {
            let (got, expected) = (output_padding.to_string(), format!("less than the stride, {stride}"));
            return Err(Error::Config { field: "output_padding", got, expected });
        }
        let shape = (in_channels, out_channels, kernel, kernel);
        let start = init::he_normal_transposed(in_channels, kernel, stride);
        let weight =
            vb.get_with_hints(shape, "weight", start).map_err(Error::tensor("conv_transpose2d weight"))?;
        let bias = config.bias.then(|| vb.get_with_hints(out_channels, "bias", init::ZEROS)).transpose();
        Ok(ConvTranspose2d { weight, bias: bias.map_err(Error::tensor("conv_transpose2d bias"))?, config })
    }

    /// Takes `xs` (N, H, W, I) to (N, H', W', O), where `H' = (H - 1) stride - 2 padding + kernel + output_padding`.
    ///
    /// # Errors
    /// [`Error::Shape`] when `xs` has other channels or is too small for the padding.
    pub fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        let geometry = self.geometry(xs)?;
        let xs = xs.contiguous().map_err(Error::tensor("conv_transpose2d"))?;
        let ys = match &self.bias {
            Some(bias) => apply3(&xs, &self.weight, bias, Transposed(geometry)),
            None => apply2(&xs, &self.weight, Transposed(geometry)),
        };
        ys.map_err(Error::tensor("conv_transpose2d"))
    }

    fn geometry(&self, xs: &Tensor) -> Result<Geometry> {
        let (in_channels, out_channels, ..) =
            self.weight.dims4().map_err(Error::tensor("conv_transpose2d weight"))?;
        let ConvTranspose2dConfig { kernel, stride, padding, output_padding, .. } = self.config;
        let out = |size: usize| {
            (size.checked_sub(1)? * stride + kernel + output_padding)
                .checked_sub(2 * padding)
                .filter(|&s| s > 0)
        };
        let sizes = match *xs.dims() {
            [batch, height, width, channels] if channels == in_channels => {
                out(height).zip(out(width)).map(|outs| (batch, height, width, outs))
            }
            _ => None,
        };
        let Some((batch, height, width, (out_height, out_width))) = sizes else {
            return Err(Error::Shape {
                what: "input of conv_transpose2d".into(),
                expected: format!("(N, H, W, {in_channels}) that leaves pixels after a padding of {padding}"),
                got: format!("{:?}", xs.dims()),
                hint: "layers take channels last: see nn::to_channels_last".into(),
            });
        };
        let large = Plane { height: out_height, width: out_width, channels: out_channels };
        let small = Plane { height, width, channels: in_channels };
        Ok(Geometry { batch, large, small, kernel, stride, padding })
    }
}

/// The differentiable operation: its input is the small plane, its output the large one.
struct Transposed(Geometry);

impl Transposed {
    fn forward(&self, xs: &[f32], weight: &[f32], bias: Option<&[f32]>) -> (CpuStorage, Shape) {
        let Geometry { batch, large, .. } = self.0;
        let ys = into_large(&self.0, xs, weight, bias);
        (CpuStorage::F32(ys), (batch, large.height, large.width, large.channels).into())
    }

    fn backward(
        &self,
        xs: &Tensor,
        weight: &Tensor,
        ys_grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let weight_grad =
            with_floats(ys_grad, |ys_grad| with_floats(xs, |xs| weight_gradient(&self.0, ys_grad, xs)))??;
        let weight_grad = tensor_like(weight_grad, weight)?;
        if !xs.track_op() {
            return Ok((None, Some(weight_grad)));
        }
        let xs_grad = with_floats(ys_grad, |ys_grad| {
            with_floats(weight, |weight| into_small(&self.0, ys_grad, weight, None))
        })??;
        Ok((Some(tensor_like(xs_grad, xs)?), Some(weight_grad)))
    }
}

impl CustomOp2 for Transposed {
    fn name(&self) -> &'static str {
        "conv_transpose2d"
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

impl CustomOp3 for Transposed {
    fn name(&self) -> &'static str {
        "conv_transpose2d"
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
        let bias_grad = with_floats(&ys_grad, |grad| channel_sums(grad, self.0.large.channels))?;
        Ok((xs_grad, weight_grad, Some(tensor_like(bias_grad, bias)?)))
    }
}
