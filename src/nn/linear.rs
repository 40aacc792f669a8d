//! A linear layer on the channels of one pixel: what a classifier ends with.

use super::convolution::convolve;
use super::geometry::{Geometry, Plane, Window};
use super::init::{self, Start};
use crate::{Error, Result};
use candle_core::Tensor;
use candle_nn::VarBuilder;

/// `ys = weight xs + bias`, its parameters named `weight` (O, I) and `bias` (O) as in PyTorch.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use tgs_salt::nn::{Linear, Weights};
///
/// let layer = Linear::new(8, 2, Weights::new(42, &Device::Cpu).builder())?;
/// let xs = Tensor::zeros((3, 1, 1, 8), DType::F32, &Device::Cpu).unwrap();
/// assert_eq!(layer.forward(&xs)?.dims(), [3, 1, 1, 2]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// A layer from `in_channels` to `out_channels` whose weights come from `vb`; they start Xavier-uniform.
    ///
    /// # Errors
    /// [`Error::Config`] for a size of zero; [`Error::Tensor`] when `vb` holds the name with another shape.
    pub fn new(in_channels: usize, out_channels: usize, vb: VarBuilder) -> Result<Linear> {
        super::conv::check_sizes(&[("in_channels", in_channels), ("out_channels", out_channels)])?;
        let start = Start::XavierUniform.with_fans(in_channels as f64, out_channels as f64);
        let weight = vb.get_with_hints((out_channels, in_channels), "weight", start);
        let bias = vb.get_with_hints(out_channels, "bias", init::ZEROS);
        let named = Error::tensor("linear weight");
        let (weight, bias) = weight.and_then(|weight| Ok((weight, bias?))).map_err(named)?;
        Ok(Linear { weight, bias })
    }

    /// `xs` (N, H, W, I) to (N, H, W, O): each pixel by itself.
    ///
    /// # Errors
    /// [`Error::Shape`] when `xs` has other channels.
    pub fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        let (out_channels, in_channels) = self.weight.dims2().map_err(Error::tensor("linear weight"))?;
        let [batch, height, width, channels] = *xs.dims() else { return Err(self.misfit(xs)) };
        if channels != in_channels {
            return Err(self.misfit(xs));
        }
        // A 1×1 convolution, with PyTorch's shape of the weight.
        let window = Window { kernel: [1; 2], stride: [1; 2], padding: [0; 2], dilation: [1; 2] };
        let plane = |channels| Plane { height, width, channels };
        let (large, small) = (plane(in_channels), plane(out_channels));
        let geometry = Geometry { batch, large, small, window, groups: 1 };
        convolve(xs, &self.weight, Some(&self.bias), geometry)
    }

    fn misfit(&self, xs: &Tensor) -> Error {
        Error::Shape {
            what: "input of linear".into(),
            expected: format!("(N, H, W, {})", self.weight.dims()[1]),
            got: format!("{:?}", xs.dims()),
            hint: "layers take channels last: see nn::to_channels_last".into(),
        }
    }
}
