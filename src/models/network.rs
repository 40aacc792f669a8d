//! Encoder → decoder → head.

use crate::Result;
use crate::models::decoders::{TransposedDecoder, UpsamplingDecoder};
use crate::models::encoders::{PlainEncoder, ResNet34, resnet};
use crate::models::{Encoder, Unet};
use crate::nn::{Conv2d, Conv2dConfig, Mode};
use candle_core::Tensor;
use candle_nn::VarBuilder;

/// What [`Unet`] describes, as layers.
#[derive(Debug)]
pub(crate) struct Network {
    body: Body,
    head: Conv2d,
}

/// Encoder and decoder.
#[derive(Debug)]
enum Body {
    Plain(PlainEncoder, TransposedDecoder),
    ResNet34(ResNet34, UpsamplingDecoder),
}

/// Channels of the decoder over a ResNet, as in segmentation_models.pytorch.
const DECODER_CHANNELS: [usize; 5] = [256, 128, 64, 32, 16];

impl Network {
    pub(crate) fn new(config: &Unet, vb: VarBuilder) -> Result<Network> {
        let (encoder, decoder) = (vb.pp("encoder"), vb.pp("decoder"));
        let head = |channels, kernel| {
            let head = vb.pp("segmentation_head").pp(0);
            Conv2d::new(channels, config.classes, Conv2dConfig::new(kernel), head)
        };
        match config.encoder {
            Encoder::Plain => Ok(Network {
                body: Body::Plain(
                    PlainEncoder::new(config, encoder)?,
                    TransposedDecoder::new(config, decoder)?,
                ),
                head: head(config.base_filters, 1)?,
            }),
            Encoder::ResNet34 => Ok(Network {
                body: Body::ResNet34(
                    ResNet34::new(config.in_channels, encoder)?,
                    UpsamplingDecoder::new(&resnet::CHANNELS, &DECODER_CHANNELS, decoder)?,
                ),
                head: head(DECODER_CHANNELS[4], 3)?,
            }),
        }
    }

    /// `(N, H, W, in_channels)` → logits `(N, H, W, classes)`.
    pub(crate) fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let ys = match &self.body {
            Body::Plain(encoder, decoder) => decoder.forward(encoder.forward(xs, mode)?, mode)?,
            Body::ResNet34(encoder, decoder) => decoder.forward(encoder.forward(xs, mode)?, mode)?,
        };
        self.head.forward(&ys)
    }
}
