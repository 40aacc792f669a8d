//! A convolution and two residual blocks, as in the Xception walkthrough's decoder.
//!
//! A residual block normalises behind the activation: `conv2(act(conv1(norm1(act(x))))) + norm2(x)`, where `conv1` and `conv2`
//! have a batch norm each.

use crate::Result;
use crate::models::units::UnitConfig;
use crate::nn::{Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvNorm, Mode};
use candle_core::Tensor;
use candle_nn::VarBuilder;

#[derive(Debug)]
pub(super) struct ResidualPair {
    conv: Conv2d,
    residuals: [Residual; 2],
    activation: Activation,
}

impl ResidualPair {
    /// Parameters `conv`, `residual1` and `residual2` under `vb`.
    pub(super) fn new(
        [in_channels, out_channels]: [usize; 2],
        config: &UnitConfig,
        vb: VarBuilder,
    ) -> Result<ResidualPair> {
        let residual = |name: &str| Residual::new(out_channels, config, vb.pp(name));
        Ok(ResidualPair {
            conv: Conv2d::new(in_channels, out_channels, Conv2dConfig::new(3), vb.pp("conv"))?,
            residuals: [residual("residual1")?, residual("residual2")?],
            activation: config.activation,
        })
    }

    /// `(N, H, W, in_channels)` → `(N, H, W, out_channels)`.
    pub(super) fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let [first, second] = &self.residuals;
        let ys = second.forward(&first.forward(&self.conv.forward(xs)?, mode)?, mode)?;
        self.activation.forward(&ys)
    }
}

#[derive(Debug)]
struct Residual {
    norm: BatchNorm,
    shortcut: BatchNorm,
    first: ConvNorm,
    second: ConvNorm,
    activation: Activation,
}

impl Residual {
    /// Parameters `bn1`, `bn2` (of the shortcut), `conv1` and `conv2` under `vb`.
    fn new(channels: usize, config: &UnitConfig, vb: VarBuilder) -> Result<Residual> {
        let (activation, none) = (config.activation, Activation::None);
        Ok(Residual {
            norm: norm(channels, config, none, vb.pp("bn1"))?,
            shortcut: norm(channels, config, none, vb.pp("bn2"))?,
            first: conv_norm(channels, config, activation, vb.pp("conv1"))?,
            second: conv_norm(channels, config, none, vb.pp("conv2"))?,
            activation,
        })
    }

    fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let ys = self.norm.forward(&self.activation.forward(xs)?, mode)?;
        let shortcut = self.shortcut.forward(xs, mode)?;
        self.second.forward_residual(&self.first.forward(&ys, mode)?, Some(&shortcut), mode)
    }
}

fn norm(channels: usize, config: &UnitConfig, activation: Activation, vb: VarBuilder) -> Result<BatchNorm> {
    let momentum = config.batch_norm.unwrap_or(BatchNormConfig::default().momentum);
    BatchNorm::new(channels, BatchNormConfig { momentum, activation, ..Default::default() }, vb)
}

/// Parameters `0` (convolution) and `1` (batch norm) under `vb`.
fn conv_norm(
    channels: usize,
    config: &UnitConfig,
    activation: Activation,
    vb: VarBuilder,
) -> Result<ConvNorm> {
    let conv = Conv2d::new(channels, channels, Conv2dConfig::new(3).bias(false), vb.pp(0))?;
    Ok(ConvNorm::new(conv, norm(channels, config, activation, vb.pp(1))?))
}
