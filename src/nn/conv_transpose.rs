//! Transposed 2-d convolution, channels last: the adjoint of [`Conv2d`](super::Conv2d), which makes images larger.
//!
//! `ys[n, y s + u - p, x s + v - p, o] += xs[n, y, x, i] weight[i, o, u, v]`, plus the bias (PyTorch's `ConvTranspose2d`).
//! Kernel 3, stride 2, padding 1 and output padding 1 double height and width exactly.

use super::conv::{check_groups, check_sizes, check_window};
use super::convolution::convolve_transposed;
use super::geometry::{Geometry, Plane, Window};
use super::init::{self, Start};
use crate::{Error, Result};
use candle_core::Tensor;
use candle_nn::VarBuilder;

/// The settings of a [`ConvTranspose2d`]; pairs are (vertical, horizontal). The defaults double height and width.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `kernel` | 3 | height and width of the window | 1.. |
/// | `stride` | 2 | how many output pixels an input pixel moves the window by | 1.. |
/// | `padding` | 1 | rows and columns cut from each side | 0.. |
/// | `output_padding` | 1 | rows added at the bottom and columns at the right | 0..stride |
/// | `dilation` | 1 | pixels from one element of the window to the next | 1.. |
/// | `groups` | 1 | parts of the channels that do not meet | divides both channels |
/// | `bias` | true | whether a constant is added per output channel | |
/// | `init` | He-normal | what the weight starts from; biases start at 0 | [`Start`] |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTranspose2dConfig {
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// How many output pixels the window moves by from one input pixel to the next.
    pub stride: [usize; 2],
    /// Rows and columns cut from each side.
    pub padding: [usize; 2],
    /// Rows added at the bottom and columns at the right; below `stride`.
    pub output_padding: [usize; 2],
    /// Pixels from one element of the window to the next.
    pub dilation: [usize; 2],
    /// Parts of the channels that do not meet.
    pub groups: usize,
    /// Whether a constant is added per output channel.
    pub bias: bool,
    /// What the weight starts from. Each number of the result meets `kernel / stride` pixels of each input channel, both ways.
    pub init: Start,
}

impl Default for ConvTranspose2dConfig {
    fn default() -> ConvTranspose2dConfig {
        ConvTranspose2dConfig {
            kernel: [3; 2],
            stride: [2; 2],
            padding: [1; 2],
            output_padding: [1; 2],
            dilation: [1; 2],
            groups: 1,
            bias: true,
            init: Start::HeNormal,
        }
    }
}

impl ConvTranspose2dConfig {
    fn window(&self) -> Window {
        let ConvTranspose2dConfig { kernel, stride, padding, dilation, .. } = *self;
        Window { kernel, stride, padding, dilation }
    }
}

/// A transposed convolution layer, its parameters named `weight` (I, O, k, k) and `bias` (O).
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
        let ConvTranspose2dConfig { kernel, stride, output_padding, groups, .. } = config;
        check_sizes(&[("in_channels", in_channels), ("out_channels", out_channels)])?;
        check_window(&config.window())?;
        check_groups(groups, &[in_channels, out_channels])?;
        if output_padding[0] >= stride[0] || output_padding[1] >= stride[1] {
            let (got, expected) =
                (format!("{output_padding:?}"), format!("less than the stride, {stride:?}"));
            return Err(Error::Config { field: "output_padding", got, expected });
        }
        let shape = (in_channels, out_channels / groups, kernel[0], kernel[1]);
        let meets = config.window().taps() as f64 / (stride[0] * stride[1]) as f64;
        let start = config
            .init
            .with_fans((in_channels / groups) as f64 * meets, (out_channels / groups) as f64 * meets);
        let weight =
            vb.get_with_hints(shape, "weight", start).map_err(Error::tensor("conv_transpose2d weight"))?;
        let bias = config.bias.then(|| vb.get_with_hints(out_channels, "bias", init::ZEROS)).transpose();
        Ok(ConvTranspose2d { weight, bias: bias.map_err(Error::tensor("conv_transpose2d bias"))?, config })
    }

    /// Takes `xs` (N, H, W, I) to (N, H', W', O), where
    /// `H' = (H - 1) stride - 2 padding + dilation (kernel - 1) + 1 + output_padding`.
    ///
    /// # Errors
    /// [`Error::Shape`] when `xs` has other channels or is too small for the padding.
    pub fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        convolve_transposed(xs, &self.weight, self.bias.as_ref(), self.geometry(xs)?)
    }

    fn geometry(&self, xs: &Tensor) -> Result<Geometry> {
        let (in_channels, group_channels, ..) =
            self.weight.dims4().map_err(Error::tensor("conv_transpose2d weight"))?;
        let ConvTranspose2dConfig { padding, output_padding, groups, .. } = self.config;
        let window = self.config.window();
        let sizes = match *xs.dims() {
            [batch, height, width, channels] if channels == in_channels => {
                let large = |axis: usize, size: usize| window.large(axis, size, output_padding[axis]);
                large(0, height).zip(large(1, width)).map(|large| (batch, height, width, large))
            }
            _ => None,
        };
        let Some((batch, height, width, large)) = sizes else {
            return Err(Error::Shape {
                what: "input of conv_transpose2d".into(),
                expected: format!(
                    "(N, H, W, {in_channels}) that leaves pixels after a padding of {padding:?}"
                ),
                got: format!("{:?}", xs.dims()),
                hint: "layers take channels last: see nn::to_channels_last".into(),
            });
        };
        let large = Plane { height: large.0, width: large.1, channels: group_channels * groups };
        let small = Plane { height, width, channels: in_channels };
        Ok(Geometry { batch, large, small, window, groups })
    }
}
