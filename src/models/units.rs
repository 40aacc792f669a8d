//! What encoders and decoders are built of: a convolution with what follows it, and two of them.

use crate::Result;
use crate::nn::{
    Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvActivation, ConvNorm, Mode,
    training_dropout,
};
use candle_core::Tensor;
use candle_nn::VarBuilder;

/// What follows each convolution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnitConfig {
    /// Batch norm with this momentum, or none.
    pub(crate) batch_norm: Option<f64>,
    pub(crate) activation: Activation,
    /// The probability of dropping a value behind each convolution.
    pub(crate) dropout: f64,
}

/// A 3×3 convolution, batch norm or a bias, activation, dropout.
#[derive(Debug)]
pub(crate) struct Unit {
    layer: Layer,
    dropout: f64,
}

#[derive(Debug)]
enum Layer {
    Norm(ConvNorm),
    Bias(ConvActivation),
}

impl Unit {
    /// Parameters `0` (convolution) and `1` (batch norm) under `vb`, as in segmentation_models.pytorch's `Conv2dReLU`.
    pub(crate) fn new(channels: [usize; 2], config: &UnitConfig, vb: VarBuilder) -> Result<Unit> {
        let conv = |bias| Conv2d::new(channels[0], channels[1], Conv2dConfig::new(3).bias(bias), vb.pp(0));
        let UnitConfig { batch_norm, activation, dropout } = *config;
        let layer = match batch_norm {
            Some(momentum) => {
                let norm = BatchNormConfig { momentum, activation, ..Default::default() };
                Layer::Norm(ConvNorm::new(conv(false)?, BatchNorm::new(channels[1], norm, vb.pp(1))?))
            }
            None => Layer::Bias(ConvActivation::new(conv(true)?, activation)),
        };
        Ok(Unit { layer, dropout })
    }

    pub(crate) fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let ys = match &self.layer {
            Layer::Norm(layer) => layer.forward(xs, mode)?,
            Layer::Bias(layer) => layer.forward(xs, mode)?,
        };
        training_dropout(&ys, self.dropout, mode)
    }
}

/// Two units, one after the other. Size stays, channels become those behind the first.
#[derive(Debug)]
pub(crate) struct ConvPair {
    first: Unit,
    second: Unit,
}

impl ConvPair {
    /// Parameters `conv1` and `conv2` under `vb`.
    pub(crate) fn new(
        [in_channels, out_channels]: [usize; 2],
        config: &UnitConfig,
        vb: VarBuilder,
    ) -> Result<ConvPair> {
        Ok(ConvPair {
            first: Unit::new([in_channels, out_channels], config, vb.pp("conv1"))?,
            second: Unit::new([out_channels; 2], config, vb.pp("conv2"))?,
        })
    }

    /// `(N, H, W, in_channels)` → `(N, H, W, out_channels)`.
    pub(crate) fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        self.second.forward(&self.first.forward(xs, mode)?, mode)
    }
}
