//! Decoders: from an encoder's feature maps back to the size of the image.

mod block;
mod residual;
mod unet;
mod unet_plus_plus;

use self::unet::UnetDecoder;
use self::unet_plus_plus::UnetPlusPlusDecoder;
use super::{Architecture, DecoderKind};
use crate::nn::Mode;
use crate::{Error, Result};
use candle_core::Tensor;
use candle_nn::VarBuilder;

/// What a decoder makes of the features of an image.
pub(crate) struct Decoded {
    /// `(N, H, W, last of decoder_channels)` at the size of the image.
    pub(crate) ys: Tensor,
    /// Maps on the way there, for deep supervision and hypercolumns, with the channels of [`Decoder::side_channels`].
    pub(crate) side: Vec<Tensor>,
}

/// A decoder of either kind.
#[derive(Debug)]
pub(crate) enum Decoder {
    Unet(Box<UnetDecoder>),
    UnetPlusPlus(UnetPlusPlusDecoder),
}

impl Decoder {
    pub(crate) fn new(config: &Architecture, vb: VarBuilder) -> Result<Decoder> {
        Ok(match config.decoder {
            DecoderKind::Unet => Decoder::Unet(Box::new(UnetDecoder::new(config, vb)?)),
            DecoderKind::UnetPlusPlus => Decoder::UnetPlusPlus(UnetPlusPlusDecoder::new(config, vb)?),
        })
    }

    /// `features` as [`EncoderLayers::forward`](super::encoders::EncoderLayers::forward) gives them.
    pub(crate) fn forward(&self, features: &[Tensor], mode: Mode) -> Result<Decoded> {
        match self {
            Decoder::Unet(decoder) => decoder.forward(features, mode),
            Decoder::UnetPlusPlus(decoder) => decoder.forward(features, mode),
        }
    }

    /// Channels of the maps on the way.
    pub(crate) fn side_channels(config: &Architecture) -> Vec<usize> {
        let channels = config.block_channels();
        match config.decoder {
            DecoderKind::Unet => channels[..channels.len() - 1].to_vec(),
            DecoderKind::UnetPlusPlus => {
                let rows = unet_plus_plus::rows(config);
                vec![config.skip_channels()[rows - 1]; rows - 1]
            }
        }
    }
}

/// The size of a feature map.
fn size(xs: &Tensor) -> Result<[usize; 2]> {
    let (_, height, width, _) = xs.dims4().map_err(Error::tensor("decoder"))?;
    Ok([height, width])
}

fn no_features() -> Error {
    Error::Shape {
        what: "decoder input".into(),
        expected: "one feature map per level".into(),
        got: "fewer".into(),
        hint: "give the encoder and the decoder the same depth".into(),
    }
}
