//! Encoders: from an image to feature maps that halve in size from one to the next.

mod inception;
mod plain;
mod resnet;
mod vgg;
mod xception;

use self::inception::InceptionV3;
use self::plain::PlainEncoder;
use self::resnet::ResNet;
use self::vgg::Vgg;
use self::xception::Xception;
use super::{Architecture, Encoder};
use crate::Result;
use crate::nn::{Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvNorm, Mode};
use candle_core::Tensor;
use candle_nn::VarBuilder;

/// What a decoder needs of an encoder.
pub(crate) trait Features: std::fmt::Debug + Send + Sync {
    /// `xs` (N, H, W, in_channels) to `depth + 1` feature maps at strides 1, 2, 4 … 2^depth with the channels of
    /// [`Architecture::encoder_channels`]. Where the encoder has none at stride 1, the first is `xs` itself.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) when `xs` has other channels.
    fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Vec<Tensor>>;
}

/// The encoder that `config` names. Its parameters have the names of segmentation_models.pytorch under `vb`, and are asked for
/// in the order in which an image meets them: that is what "the lowest layers" means.
pub(crate) fn build(config: &Architecture, vb: VarBuilder) -> Result<Box<dyn Features>> {
    let (channels, depth) = (config.network_channels(), config.depth);
    let norm = BatchNormConfig { momentum: config.batch_norm_momentum, ..Default::default() };
    Ok(match config.encoder {
        Encoder::Plain => Box::new(PlainEncoder::new(config, vb)?),
        Encoder::Vgg16 => Box::new(Vgg::new([2, 2, 3, 3, 3], channels, depth, vb)?),
        Encoder::Vgg19 => Box::new(Vgg::new([2, 2, 4, 4, 4], channels, depth, vb)?),
        Encoder::ResNet34 => Box::new(ResNet::new(resnet::Kind::ResNet34, config, norm, vb)?),
        Encoder::ResNet50 => Box::new(ResNet::new(resnet::Kind::ResNet50, config, norm, vb)?),
        Encoder::InceptionV3 => Box::new(InceptionV3::new(channels, depth, norm, vb.pp("model"))?),
        Encoder::Xception => Box::new(Xception::new(channels, depth, norm, vb)?),
    })
}

/// A convolution without a bias and its batch norm; `vb` of the one and of the other.
fn conv_norm(
    [in_channels, out_channels]: [usize; 2],
    conv: Conv2dConfig,
    (norm, activation): (BatchNormConfig, Activation),
    [conv_vb, norm_vb]: [VarBuilder; 2],
) -> Result<ConvNorm> {
    Ok(ConvNorm::new(
        Conv2d::new(in_channels, out_channels, conv.bias(false), conv_vb)?,
        BatchNorm::new(out_channels, BatchNormConfig { activation, ..norm }, norm_vb)?,
    ))
}
