//! Encoder → decoder → head.

use crate::Result;
use crate::models::Unet;
use crate::models::decoders::TransposedDecoder;
use crate::models::encoders::PlainEncoder;
use crate::nn::{Conv2d, Conv2dConfig, Mode};
use candle_core::Tensor;
use candle_nn::VarBuilder;

/// What [`Unet`] describes, as layers.
#[derive(Debug)]
pub(crate) struct Network {
    encoder: PlainEncoder,
    decoder: TransposedDecoder,
    head: Conv2d,
}

impl Network {
    pub(crate) fn new(config: &Unet, vb: VarBuilder) -> Result<Network> {
        let head = Conv2dConfig { kernel: 1, stride: 1, padding: 0, bias: true };
        Ok(Network {
            encoder: PlainEncoder::new(config, vb.pp("encoder"))?,
            decoder: TransposedDecoder::new(config, vb.pp("decoder"))?,
            head: Conv2d::new(config.base_filters, config.classes, head, vb.pp("segmentation_head").pp(0))?,
        })
    }

    /// `(N, H, W, in_channels)` → logits `(N, H, W, classes)`.
    pub(crate) fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let features = self.encoder.forward(xs, mode)?;
        self.head.forward(&self.decoder.forward(features, mode)?)
    }
}
