//! A convolution with the batch normalization behind it: two layers in training, one for prediction.
//!
//! With fixed statistics a normalization is a factor and a constant per channel. Both go into the convolution's weight and bias,
//! and what follows, a residual and an activation, is done while a pixel is still in registers.

use super::autograd::{Input, Mode, Operation, Step, apply, cached, recording};
use super::batch_norm::BatchNorm;
use super::conv::Conv2d;
use super::cpu::Floats;
use super::cpu::activation::Activation;
use super::cpu::convolution::{Ending, PackedWeight, depthwise_into_small, into_small};
use super::geometry::Geometry;
use crate::{Error, Result};
use candle_core::{CpuStorage, Shape, Tensor, bail};
use std::sync::Arc;

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
        if mode == Mode::Train || recording() || !xs.device().is_cpu() {
            return self.norm.forward_residual(&self.conv.forward(xs)?, residual, mode);
        }
        let geometry = self.conv.geometry(xs)?;
        let run = || {
            let folded = cached(self.conv.weight(), || self.fold(&geometry))?;
            let operation = Folded { geometry, folded, activation: self.norm.activation() };
            match residual {
                Some(residual) => apply(operation, &[xs, residual]),
                None => apply(operation, &[xs]),
            }
        };
        run().map_err(Error::tensor("conv2d with batch_norm"))
    }

    fn fold(&self, geometry: &Geometry) -> candle_core::Result<FoldedWeight> {
        let (scale, mut bias) = self.norm.scale_and_shift()?;
        let weight = Floats::of(self.conv.weight())?;
        let row = weight.len() / scale.len();
        let mut scaled = weight.to_vec();
        for (row, scale) in scaled.chunks_exact_mut(row).zip(&scale) {
            row.iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
        }
        if let Some(values) = self.conv.bias() {
            for (bias, (value, scale)) in bias.iter_mut().zip(Floats::of(values)?.iter().zip(&scale)) {
                *bias += f64::from(*value) * scale;
            }
        }
        let weight = match geometry.is_depthwise() {
            true => FoldedKind::Depthwise(scaled),
            false => FoldedKind::Packed(PackedWeight::new(geometry, &scaled)),
        };
        Ok(FoldedWeight { weight, bias: bias.into_iter().map(|bias| bias as f32).collect() })
    }
}

struct FoldedWeight {
    weight: FoldedKind,
    bias: Vec<f32>,
}

enum FoldedKind {
    Packed(PackedWeight),
    Depthwise(Vec<f32>),
}

/// The operation of prediction; it is never recorded.
struct Folded {
    geometry: Geometry,
    folded: Arc<FoldedWeight>,
    activation: Activation,
}

impl Operation for Folded {
    fn name(&self) -> &'static str {
        "conv2d with batch_norm"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let [xs, residual @ ..] = inputs else { bail!("a convolution has an image") };
        let Geometry { batch, small, .. } = self.geometry;
        let residual = residual.first().map(Input::floats).transpose()?;
        if residual.is_some_and(|residual| residual.len() != batch * small.len()) {
            bail!("the residual has another size than the result")
        }
        let ending = Ending { bias: Some(&self.folded.bias), residual, activation: self.activation };
        let xs = xs.floats()?;
        let ys = match &self.folded.weight {
            FoldedKind::Packed(weight) => into_small(&self.geometry, xs, weight, ending),
            FoldedKind::Depthwise(weight) => depthwise_into_small(&self.geometry, xs, weight, ending),
        };
        Ok((CpuStorage::F32(ys), (batch, small.height, small.width, small.channels).into()))
    }

    fn backward(&self, _: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        bail!("a folded layer has no gradient; forward in Mode::Train, or with gradients recorded")
    }
}
