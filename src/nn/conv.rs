//! 2-d convolution, channels last.
//!
//! `ys[n, y, x, o] = bias[o] + sum over i, u, v of xs[n, y s + u - p, x s + v - p, i] weight[o, i, u, v]`, with stride `s`,
//! padding `p` and zeros outside the image (PyTorch's `Conv2d`).

use super::convolution::{ConvolutionOp, convolve};
use super::geometry::{Geometry, Plane};
use super::init;
use crate::{Error, Result};
use candle_core::Tensor;
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
        convolve(&xs, &self.weight, self.bias.as_ref(), ConvolutionOp { geometry, transposed: false })
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
