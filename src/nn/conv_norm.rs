//! A convolution with the batch normalization behind it: two layers in training, one for prediction.
//!
//! With fixed statistics a normalization is a factor and a constant per channel. Both go into the convolution's weight and bias,
//! and what follows, a residual and an activation, is done while a pixel is still in registers.

use super::autograd::{Mode, recording};
use super::batch_norm::BatchNorm;
use super::conv::Conv2d;
use super::cpu::Floats;
#[cfg(feature = "cuda")]
use super::cuda;
use super::folded::{Folded, apply_folded};
use crate::{Error, Result};
use candle_core::Tensor;

/// A convolution followed by batch normalization, perhaps a residual, and an activation.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use tgs_salt::nn::{BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvNorm, Mode, Weights};
///
/// let weights = Weights::new(42, &Device::Cpu);
/// let vb = weights.builder();
/// let conv = Conv2d::new(1, 8, Conv2dConfig::new(3).bias(false), vb.pp("conv1"))?;
/// let block = ConvNorm::new(conv, BatchNorm::new(8, BatchNormConfig::default(), vb.pp("bn1"))?);
/// let xs = Tensor::zeros((1, 16, 16, 1), DType::F32, &Device::Cpu).unwrap();
/// assert_eq!(block.forward(&xs, Mode::Eval)?.dims(), [1, 16, 16, 8]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm,
}

impl ConvNorm {
    /// Joins two layers; the normalization has as many channels as the convolution gives.
    pub fn new(conv: Conv2d, norm: BatchNorm) -> ConvNorm {
        ConvNorm { conv, norm }
    }

    /// `xs` (N, H, W, I) to (N, H', W', O).
    ///
    /// # Errors
    /// Those of [`Conv2d::forward`] and [`BatchNorm::forward`].
    pub fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        self.forward_residual(xs, None, mode)
    }

    /// The same with a residual (N, H', W', O) that is added before the activation.
    ///
    /// # Errors
    /// Those of [`Conv2d::forward`] and [`BatchNorm::forward_residual`].
    pub fn forward_residual(&self, xs: &Tensor, residual: Option<&Tensor>, mode: Mode) -> Result<Tensor> {
        if mode == Mode::Train || recording() {
            return self.norm.forward_residual(&self.conv.forward(xs)?, residual, mode);
        }
        let shape = (self.conv.geometry(xs)?, self.norm.activation());
        #[cfg(feature = "cuda")]
        if xs.device().is_cuda() {
            let norm = Some(self.norm.constants());
            let layers = cuda::Layers { weight: self.conv.weight(), bias: self.conv.bias(), norm };
            return cuda::apply_folded(xs, residual, shape, &layers)
                .map_err(Error::tensor("conv2d with batch_norm"));
        }
        apply_folded(xs, residual, shape, self.conv.weight(), || self.fold())
            .map_err(Error::tensor("conv2d with batch_norm"))
    }

    fn fold(&self) -> candle_core::Result<Folded> {
        let (scale, mut bias) = self.norm.scale_and_shift()?;
        let mut weight = Floats::of(self.conv.weight())?.to_vec();
        let row = weight.len() / scale.len();
        for (row, scale) in weight.chunks_exact_mut(row).zip(&scale) {
            row.iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
        }
        if let Some(values) = self.conv.bias() {
            for (bias, (value, scale)) in bias.iter_mut().zip(Floats::of(values)?.iter().zip(&scale)) {
                *bias += f64::from(*value) * scale;
            }
        }
        Ok(Folded { weight, bias: bias.into_iter().map(|bias| bias as f32).collect() })
    }
}
