//! The contracting path of the first U-Net (Ronneberger, Fischer & Brox 2015, <https://arxiv.org/abs/1505.04597>).
//!
//! Two changes that everyone makes: convolutions keep the size (padding 1), and batch norm follows each.

use crate::Result;
use crate::models::Unet;
use crate::nn::{Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvNorm, Mode, max_pool2d};
use candle_core::Tensor;
use candle_nn::VarBuilder;

/// Twice 3×3 convolution, batch norm, ReLU. Size stays, channels become `out_channels`.
#[derive(Debug)]
pub struct ConvBlock {
    first: ConvNorm,
    second: ConvNorm,
}

impl ConvBlock {
    /// Parameters `conv1`, `bn1`, `conv2`, `bn2` under `vb`.
    pub fn new(in_channels: usize, out_channels: usize, momentum: f64, vb: VarBuilder) -> Result<ConvBlock> {
        let conv = Conv2dConfig::new(3).bias(false);
        let norm = BatchNormConfig { momentum, activation: Activation::Relu, ..Default::default() };
        Ok(ConvBlock {
            first: ConvNorm::new(
                Conv2d::new(in_channels, out_channels, conv, vb.pp("conv1"))?,
                BatchNorm::new(out_channels, norm, vb.pp("bn1"))?,
            ),
            second: ConvNorm::new(
                Conv2d::new(out_channels, out_channels, conv, vb.pp("conv2"))?,
                BatchNorm::new(out_channels, norm, vb.pp("bn2"))?,
            ),
        })
    }

    /// `(N, H, W, in_channels)` → `(N, H, W, out_channels)`.
    pub fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        self.second.forward(&self.first.forward(xs, mode)?, mode)
    }
}

/// `depth + 1` blocks with 2×2 max pooling between; block `i` has `base_filters · 2^i` channels.
#[derive(Debug)]
pub struct PlainEncoder {
    stages: Vec<ConvBlock>,
}

impl PlainEncoder {
    /// Parameters `stages.0` … `stages.depth` under `vb`.
    pub fn new(config: &Unet, vb: VarBuilder) -> Result<PlainEncoder> {
        let filters = config.filters();
        let inputs = std::iter::once(config.in_channels).chain(filters.iter().copied());
        let stages = inputs.zip(&filters).enumerate().map(|(i, (in_channels, &out_channels))| {
            ConvBlock::new(in_channels, out_channels, config.batch_norm_momentum, vb.pp("stages").pp(i))
        });
        Ok(PlainEncoder { stages: stages.collect::<Result<_>>()? })
    }

    /// `(N, H, W, in_channels)` → features at strides 1, 2, 4 … 2^depth, `(N, H / 2^i, W / 2^i, base_filters · 2^i)`.
    pub fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Vec<Tensor>> {
        let mut features: Vec<Tensor> = Vec::with_capacity(self.stages.len());
        for stage in &self.stages {
            let xs = match features.last() {
                Some(features) => stage.forward(&max_pool2d(features, 2, 2, 0)?, mode)?,
                None => stage.forward(xs, mode)?,
            };
            features.push(xs);
        }
        Ok(features)
    }
}
