//! 2-d convolution, channels last.
//!
//! `ys[n, y, x, o] = bias[o] + sum over i, u, v of xs[n, y s + u - p, x s + v - p, i] weight[o, i, u, v]`, with stride `s`,
//! padding `p` and zeros outside the image (PyTorch's `Conv2d`).

use super::autograd::recording;
use super::convolution::convolve;
use super::cpu::Floats;
use super::cpu::activation::Activation;
use super::folded::{Folded, apply_folded};
use super::geometry::{Geometry, Plane, Window};
use super::init::{self, Start};
use crate::{Error, Result};
use candle_core::{DType, Tensor};
use candle_nn::VarBuilder;

/// The settings of a [`Conv2d`]; pairs are (vertical, horizontal).
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `kernel` | 3 | height and width of the window | 1.. |
/// | `stride` | 1 | pixels from one window to the next | 1.. |
/// | `padding` | half the kernel, rounded down | zeros added on each side | 0.. |
/// | `dilation` | 1 | pixels from one element of the window to the next | 1.. |
/// | `groups` | 1 | parts of the channels that do not meet; as many as channels: depthwise | divides both channels |
/// | `bias` | true | whether a constant is added per output channel | |
/// | `init` | He-normal | what the weight starts from; biases start at 0 | [`Start`] |
///
/// ```
/// use tgs_salt::nn::Conv2dConfig;
/// let halving = Conv2dConfig::new(3).stride(2).bias(false);
/// assert_eq!((halving.kernel, halving.stride, halving.padding), ([3, 3], [2, 2], [1, 1]));
/// let row = Conv2dConfig { kernel: [1, 7], padding: [0, 3], ..Conv2dConfig::default() };
/// assert_eq!(row.groups, 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dConfig {
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Pixels from one window to the next.
    pub stride: [usize; 2],
    /// Zeros added on each side of the image.
    pub padding: [usize; 2],
    /// Pixels from one element of the window to the next.
    pub dilation: [usize; 2],
    /// Parts of the channels that do not meet.
    pub groups: usize,
    /// Whether a constant is added per output channel.
    pub bias: bool,
    /// What the weight starts from.
    pub init: Start,
}

impl Default for Conv2dConfig {
    fn default() -> Conv2dConfig {
        Conv2dConfig::new(3)
    }
}

impl Conv2dConfig {
    /// A square window padded so that, for an odd kernel and stride 1, the image keeps its size.
    pub const fn new(kernel: usize) -> Conv2dConfig {
        Conv2dConfig {
            kernel: [kernel; 2],
            stride: [1; 2],
            padding: [kernel / 2; 2],
            dilation: [1; 2],
            groups: 1,
            bias: true,
            init: Start::HeNormal,
        }
    }

    /// Pixels from one window to the next, both ways.
    pub const fn stride(self, stride: usize) -> Conv2dConfig {
        Conv2dConfig { stride: [stride; 2], ..self }
    }

    /// Zeros added on each side.
    pub const fn padding(self, padding: usize) -> Conv2dConfig {
        Conv2dConfig { padding: [padding; 2], ..self }
    }

    /// Pixels from one element of the window to the next, both ways.
    pub const fn dilation(self, dilation: usize) -> Conv2dConfig {
        Conv2dConfig { dilation: [dilation; 2], ..self }
    }

    /// Parts of the channels that do not meet.
    pub const fn groups(self, groups: usize) -> Conv2dConfig {
        Conv2dConfig { groups, ..self }
    }

    /// Whether a constant is added per output channel.
    pub const fn bias(self, bias: bool) -> Conv2dConfig {
        Conv2dConfig { bias, ..self }
    }

    /// What the weight starts from.
    pub const fn init(self, init: Start) -> Conv2dConfig {
        Conv2dConfig { init, ..self }
    }

    fn window(&self) -> Window {
        let Conv2dConfig { kernel, stride, padding, dilation, .. } = *self;
        Window { kernel, stride, padding, dilation }
    }
}

/// A convolution layer, its parameters named `weight` (O, I, k, k) and `bias` (O).
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
        let groups = config.groups;
        check_sizes(&[("in_channels", in_channels), ("out_channels", out_channels)])?;
        check_window(&config.window())?;
        check_groups(groups, &[in_channels, out_channels])?;
        let shape = (out_channels, in_channels / groups, config.kernel[0], config.kernel[1]);
        let taps = config.window().taps();
        let start = config
            .init
            .with_fans((in_channels / groups * taps) as f64, (out_channels / groups * taps) as f64);
        let weight = vb.get_with_hints(shape, "weight", start).map_err(Error::tensor("conv2d weight"))?;
        let bias = config.bias.then(|| vb.get_with_hints(out_channels, "bias", init::ZEROS)).transpose();
        Ok(Conv2d { weight, bias: bias.map_err(Error::tensor("conv2d bias"))?, config })
    }

    /// Convolves `xs` (N, H, W, I) to (N, H', W', O), where `H' = (H + 2 padding - dilation (kernel - 1) - 1) / stride + 1`,
    /// rounded down.
    ///
    /// # Errors
    /// [`Error::Shape`] when `xs` has other channels or is smaller than the window.
    pub fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        if xs.dtype() == DType::BF16 && xs.device().is_cpu() && !recording() {
            let shape = (self.geometry(xs)?, Activation::None);
            return apply_folded(xs, None, shape, &self.weight, || self.fold())
                .map_err(Error::tensor("conv2d"));
        }
        convolve(xs, &self.weight, self.bias.as_ref(), self.geometry(xs)?)
    }

    pub(super) fn fold(&self) -> candle_core::Result<Folded> {
        let bias = match &self.bias {
            Some(bias) => Floats::of(bias)?.to_vec(),
            None => vec![0.0; self.weight.dim(0)?],
        };
        Ok(Folded { weight: Floats::of(&self.weight)?.to_vec(), bias })
    }

    pub(super) fn weight(&self) -> &Tensor {
        &self.weight
    }

    pub(super) fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    pub(super) fn geometry(&self, xs: &Tensor) -> Result<Geometry> {
        let (out_channels, group_channels, ..) =
            self.weight.dims4().map_err(Error::tensor("conv2d weight"))?;
        let (in_channels, window) = (group_channels * self.config.groups, self.config.window());
        let sizes = match *xs.dims() {
            [batch, height, width, channels] if channels == in_channels => {
                window.small(0, height).zip(window.small(1, width)).map(|small| (batch, height, width, small))
            }
            _ => None,
        };
        let Some((batch, height, width, small)) = sizes else {
            let [kernel_height, kernel_width] = self.config.kernel;
            return Err(Error::Shape {
                what: "input of conv2d".into(),
                expected: format!(
                    "(N, H, W, {in_channels}) where a {kernel_height}x{kernel_width} window fits after padding"
                ),
                got: format!("{:?}", xs.dims()),
                hint: "layers take channels last: see nn::to_channels_last".into(),
            });
        };
        let large = Plane { height, width, channels: in_channels };
        let small = Plane { height: small.0, width: small.1, channels: out_channels };
        Ok(Geometry { batch, large, small, window, groups: self.config.groups })
    }
}

/// An [`Error::Config`] for the first size that is zero.
pub(super) fn check_sizes(sizes: &[(&'static str, usize)]) -> Result<()> {
    match sizes.iter().find(|(_, size)| *size == 0) {
        Some((field, _)) => Err(Error::Config { field, got: "0".into(), expected: "1 or more".into() }),
        None => Ok(()),
    }
}

/// An [`Error::Config`] for a window that does not exist or does not move.
pub(super) fn check_window(window: &Window) -> Result<()> {
    let least = |pair: [usize; 2]| pair[0].min(pair[1]);
    check_sizes(&[
        ("kernel", least(window.kernel)),
        ("stride", least(window.stride)),
        ("dilation", least(window.dilation)),
    ])
}

/// An [`Error::Config`] unless the groups divide the channels.
pub(super) fn check_groups(groups: usize, channels: &[usize]) -> Result<()> {
    if groups > 0 && channels.iter().all(|channels| channels.is_multiple_of(groups)) {
        return Ok(());
    }
    let expected = format!("a divisor of the channels {channels:?}");
    Err(Error::Config { field: "groups", got: groups.to_string(), expected })
}
