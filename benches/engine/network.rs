//! The two networks of the comparison, made of the crate's encoders and decoders.

use anyhow::{Result, bail};
use tgs_salt::candle_core::{DType, Tensor};
use tgs_salt::models::decoders::{TransposedDecoder, UpsamplingDecoder};
use tgs_salt::models::encoders::{PlainEncoder, ResNet34};
use tgs_salt::nn::{Conv2d, Conv2dConfig, Mode, Weights, to_channels_last};
use tgs_salt::{Encoder, Error, Unet};

pub enum Network {
    Plain(PlainEncoder, TransposedDecoder, Conv2d),
    ResNet34(ResNet34, UpsamplingDecoder, Conv2d),
}

impl Network {
    pub fn new(model: &str, weights: &Weights) -> Result<Network> {
        let vb = weights.builder();
        let (encoder, decoder, head) = (vb.pp("encoder"), vb.pp("decoder"), vb.pp("head"));
        Ok(match model {
            "resnet34" => Network::ResNet34(
                ResNet34::new(3, encoder)?,
                UpsamplingDecoder::new(&[64, 64, 128, 256, 512], &[256, 128, 64, 32, 16], decoder)?,
                Conv2d::new(16, 1, Conv2dConfig::new(3), head)?,
            ),
            "plain" => {
                let config = Unet::new(Encoder::Plain);
                Network::Plain(
                    PlainEncoder::new(&config, encoder)?,
                    TransposedDecoder::new(&config, decoder)?,
                    Conv2d::new(16, 1, Conv2dConfig::new(1), head)?,
                )
            }
            other => bail!("no model {other}"),
        })
    }

    pub fn in_channels(&self) -> usize {
        if matches!(self, Network::Plain(..)) { 1 } else { 3 }
    }

    /// `xs` (N, C, H, W) in f32 to logits (N, H, W, 1) in f32, computed in `dtype`.
    #[allow(dead_code)] // each worker has its own half
    pub fn forward(&self, xs: &Tensor, mode: Mode, dtype: DType) -> Result<Tensor> {
        Ok(self.logits(xs, mode, dtype)?.to_dtype(DType::F32)?)
    }

    /// The same in `dtype`.
    pub fn logits(&self, xs: &Tensor, mode: Mode, dtype: DType) -> tgs_salt::Result<Tensor> {
        let failed = |source| Error::Tensor { during: "change of precision", source };
        let xs = to_channels_last(xs)?.to_dtype(dtype).map_err(failed)?;
        let (ys, head) = match self {
            Network::Plain(encoder, decoder, head) => {
                (decoder.forward(encoder.forward(&xs, mode)?, mode)?, head)
            }
            Network::ResNet34(encoder, decoder, head) => {
                (decoder.forward(encoder.forward(&xs, mode)?, mode)?, head)
            }
        };
        head.forward(&ys)
    }
}
