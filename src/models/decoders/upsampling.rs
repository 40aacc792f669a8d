//! The decoder of segmentation_models.pytorch's `Unet`: nearest upsampling, skip, two convolutions, level by level.

use crate::Result;
use crate::nn::{
    BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvNorm, Mode, upsample_concat, upsample_nearest2d,
};
use candle_core::Tensor;
use candle_nn::VarBuilder;

/// Twice 3×3 convolution, batch norm, ReLU after upsampling by two and joining a skip.
#[derive(Debug)]
struct Block {
    first: ConvNorm,
    second: ConvNorm,
}

impl Block {
    fn new(in_channels: usize, out_channels: usize, vb: VarBuilder) -> Result<Block> {
        let conv = |inputs: usize, vb: VarBuilder| -> Result<ConvNorm> {
            Ok(ConvNorm::new(
                Conv2d::new(inputs, out_channels, Conv2dConfig::new(3).bias(false), vb.pp(0))?,
                BatchNorm::new(out_channels, BatchNormConfig::default(), vb.pp(1))?,
            ))
        };
        Ok(Block { first: conv(in_channels, vb.pp("conv1"))?, second: conv(out_channels, vb.pp("conv2"))? })
    }

    fn forward(&self, xs: &Tensor, skip: Option<&Tensor>, mode: Mode) -> Result<Tensor> {
        let xs = match skip {
            Some(skip) => upsample_concat(xs, skip)?,
            None => {
                let (_, height, width, _) = xs.dims4().map_err(crate::Error::tensor("decoder"))?;
                upsample_nearest2d(xs, 2 * height, 2 * width)?
            }
        };
        self.second.forward(&self.first.forward(&xs, mode)?, mode)
    }
}

/// Blocks from the deepest features up; the last ones have no skip.
#[derive(Debug)]
pub struct UpsamplingDecoder {
    blocks: Vec<Block>,
}

impl UpsamplingDecoder {
    /// Parameters `blocks.0.conv1.0` (convolution), `blocks.0.conv1.1` (batch norm) … under `vb`; block 0 is the deepest.
    /// `encoder_channels` are those of the features, from the image's size down; `decoder_channels` those of the blocks.
    ///
    /// # Errors
    /// [`Error::Tensor`](crate::Error::Tensor) when `vb` holds a name with another shape.
    pub fn new(
        encoder_channels: &[usize],
        decoder_channels: &[usize],
        vb: VarBuilder,
    ) -> Result<UpsamplingDecoder> {
        let mut skips = encoder_channels.iter().rev().copied();
        let mut channels = skips.next().unwrap_or(0);
        let mut blocks = Vec::new();
        for (i, &out_channels) in decoder_channels.iter().enumerate() {
            let in_channels = channels + skips.next().unwrap_or(0);
            blocks.push(Block::new(in_channels, out_channels, vb.pp("blocks").pp(i))?);
            channels = out_channels;
        }
        Ok(UpsamplingDecoder { blocks })
    }

    /// Features from the image's size down → `(N, H, W, channels of the last block)`.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) when the features are not those that the decoder was made for.
    pub fn forward(&self, mut features: Vec<Tensor>, mode: Mode) -> Result<Tensor> {
        let mut xs = features.pop().ok_or_else(super::no_features)?;
        for block in &self.blocks {
            xs = block.forward(&xs, features.pop().as_ref(), mode)?;
        }
        Ok(xs)
    }
}
