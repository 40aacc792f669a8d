//! The expanding path of the first U-Net: transposed convolution, skip, two convolutions, level by level.

use crate::Result;
use crate::models::Unet;
use crate::models::encoders::ConvBlock;
use crate::nn::{ConvTranspose2d, ConvTranspose2dConfig, Mode, concat};
use candle_core::Tensor;
use candle_nn::VarBuilder;

/// 3×3 stride-2 transposed convolutions that double the size exactly, each followed by the skip and a [`ConvBlock`].
#[derive(Debug)]
pub struct TransposedDecoder {
    blocks: Vec<(ConvTranspose2d, ConvBlock)>,
}

impl TransposedDecoder {
    /// Parameters `blocks.0.up`, `blocks.0.conv1` … under `vb`; block 0 is the deepest.
    pub fn new(config: &Unet, vb: VarBuilder) -> Result<TransposedDecoder> {
        let up = ConvTranspose2dConfig::default();
        let filters = config.filters();
        let levels = filters.windows(2).rev().enumerate().map(|(i, pair)| {
            let (skip, below, vb) = (pair[0], pair[1], vb.pp("blocks").pp(i));
            Ok((
                ConvTranspose2d::new(below, skip, up, vb.pp("up"))?,
                ConvBlock::new(2 * skip, skip, config.batch_norm_momentum, vb)?,
            ))
        });
        Ok(TransposedDecoder { blocks: levels.collect::<Result<_>>()? })
    }

    /// Features at strides 1 … 2^depth (see the encoder) → `(N, H, W, base_filters)`.
    pub fn forward(&self, mut features: Vec<Tensor>, mode: Mode) -> Result<Tensor> {
        let mut xs = features.pop().ok_or_else(super::no_features)?;
        for (up, block) in &self.blocks {
            let skip = features.pop().ok_or_else(super::no_features)?;
            xs = block.forward(&concat(&up.forward(&xs)?, &skip)?, mode)?;
        }
        Ok(xs)
    }
}
