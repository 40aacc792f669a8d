//! The decoder of a U-Net (Ronneberger, Fischer & Brox 2015, <https://arxiv.org/abs/1505.04597>): level by level up, each joined
//! with the encoder's features of its size.

use super::block::{Block, Center};
use super::{Decoded, no_features, size};
use crate::Result;
use crate::models::Architecture;
use crate::nn::Mode;
use candle_core::Tensor;
use candle_nn::VarBuilder;

#[derive(Debug)]
pub(crate) struct UnetDecoder {
    center: Option<Center>,
    blocks: Vec<Block>,
    full_size_skip: bool,
}

impl UnetDecoder {
    /// Parameters `center` and `blocks.0`, `blocks.1` … under `vb`; block 0 is the deepest.
    pub(super) fn new(config: &Architecture, vb: VarBuilder) -> Result<UnetDecoder> {
        let (mut channels, center) = (config.deepest_channels(), config.center);
        let center = center.map(|out| {
            let ends = [channels, out];
            channels = out;
            Center::new(ends, config, vb.pp("center"))
        });
        let center = center.transpose()?;
        let mut blocks = Vec::new();
        let skips = config.skip_channels();
        for (i, &out_channels) in config.block_channels().iter().enumerate() {
            let skip = skips.get(i).copied().unwrap_or(0);
            blocks.push(Block::new([channels, skip, out_channels], config, vb.pp("blocks").pp(i))?);
            channels = out_channels;
        }
        Ok(UnetDecoder { center, blocks, full_size_skip: config.full_size_skip })
    }

    pub(super) fn forward(&self, features: &[Tensor], mode: Mode) -> Result<Decoded> {
        let (deepest, skips) = features.split_last().ok_or_else(no_features)?;
        let mut xs = match &self.center {
            Some(center) => center.forward(deepest, mode)?,
            None => deepest.clone(),
        };
        let mut side = Vec::new();
        for (i, block) in self.blocks.iter().enumerate() {
            let at = skips.len().checked_sub(i + 1).ok_or_else(no_features)?;
            if i > 0 {
                side.push(xs.clone());
            }
            let skip = (at > 0 || self.full_size_skip).then_some(&skips[at]);
            xs = block.forward(&xs, skip, size(&skips[at])?, mode)?;
        }
        Ok(Decoded { ys: xs, side })
    }
}
