//! A convolution with a bias and an activation behind it, as networks without batch normalization have them.

use super::Conv2d;
use super::autograd::{Mode, recording};
use super::cpu::activation::Activation;
#[cfg(feature = "cuda")]
use super::cuda;
use super::folded::apply_folded;
use crate::{Error, Result};
use candle_core::Tensor;

/// A convolution followed by an activation: one pass over memory for prediction.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use tgs_salt::nn::{Activation, Conv2d, Conv2dConfig, ConvActivation, Mode, Weights};
///
/// let vb = Weights::new(42, &Device::Cpu).builder();
/// let conv = Conv2d::new(3, 8, Conv2dConfig::new(3), vb)?;
/// let layer = ConvActivation::new(conv, Activation::Relu);
/// let xs = Tensor::zeros((1, 16, 16, 3), DType::F32, &Device::Cpu).unwrap();
/// assert_eq!(layer.forward(&xs, Mode::Eval)?.dims(), [1, 16, 16, 8]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConvActivation {
    conv: Conv2d,
    activation: Activation,
}

impl ConvActivation {
    /// The two, one after the other.
    pub fn new(conv: Conv2d, activation: Activation) -> ConvActivation {
        ConvActivation { conv, activation }
    }

    /// `xs` (N, H, W, I) to (N, H', W', O).
    ///
    /// # Errors
    /// Those of [`Conv2d::forward`].
    pub fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        if mode == Mode::Train || recording() {
            return self.activation.forward(&self.conv.forward(xs)?);
        }
        let shape = (self.conv.geometry(xs)?, self.activation);
        #[cfg(feature = "cuda")]
        if xs.device().is_cuda() {
            let layers = cuda::Layers { weight: self.conv.weight(), bias: self.conv.bias(), norm: None };
            return cuda::apply_folded(xs, None, shape, &layers)
                .map_err(Error::tensor("conv2d with activation"));
        }
        apply_folded(xs, None, shape, self.conv.weight(), || self.conv.fold())
            .map_err(Error::tensor("conv2d with activation"))
    }
}
