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
trait Features {
    /// `xs` (N, H, W, in_channels) to `depth + 1` feature maps at strides 1, 2, 4 … 2^depth with the channels of
    /// [`Architecture::encoder_channels`]. Where the encoder has none at stride 1, the first is `xs` itself.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) when `xs` has other channels.
    fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Vec<Tensor>>;
}

/// An encoder's layers.
///
/// No trait object: a notebook links this crate, statics and all, into the library of each cell. Through a trait object the encoder
/// would run the code of the cell that built the model, with that cell's own counter of tensor ids, and the rest of the network the
/// code of the cell that trains it: tensors of one graph would share ids.
#[derive(Debug)]
pub(crate) enum EncoderLayers {
    Plain(Box<PlainEncoder>),
    Vgg(Box<Vgg>),
    ResNet(Box<ResNet>),
    InceptionV3(Box<InceptionV3>),
    Xception(Box<Xception>),
}

impl EncoderLayers {
    /// [`Features::forward`].
    pub(crate) fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Vec<Tensor>> {
        match self {
            EncoderLayers::Plain(encoder) => encoder.forward(xs, mode),
            EncoderLayers::Vgg(encoder) => encoder.forward(xs, mode),
            EncoderLayers::ResNet(encoder) => encoder.forward(xs, mode),
            EncoderLayers::InceptionV3(encoder) => encoder.forward(xs, mode),
            EncoderLayers::Xception(encoder) => encoder.forward(xs, mode),
        }
    }
}

/// The encoder that `config` names. Its parameters have the names of segmentation_models.pytorch under `vb`, and are asked for
/// in the order in which an image meets them: that is what "the lowest layers" means.
pub(crate) fn build(config: &Architecture, vb: VarBuilder) -> Result<EncoderLayers> {
    let (channels, depth) = (config.network_channels(), config.depth);
    let norm = BatchNormConfig { momentum: config.batch_norm_momentum, ..Default::default() };
    use EncoderLayers as Layers;
    let resnet = |kind, vb| Ok(Layers::ResNet(Box::new(ResNet::new(kind, config, norm, vb)?)));
    let vgg = |counts, vb| Ok(Layers::Vgg(Box::new(Vgg::new(counts, channels, depth, vb)?)));
    match config.encoder {
        Encoder::Plain => Ok(Layers::Plain(Box::new(PlainEncoder::new(config, vb)?))),
        Encoder::Vgg16 => vgg([2, 2, 3, 3, 3], vb),
        Encoder::Vgg19 => vgg([2, 2, 4, 4, 4], vb),
        Encoder::ResNet34 => resnet(resnet::Kind::ResNet34, vb),
        Encoder::ResNet50 => resnet(resnet::Kind::ResNet50, vb),
        Encoder::InceptionV3 => {
            let vb = vb.pp("model");
            Ok(Layers::InceptionV3(Box::new(InceptionV3::new(channels, depth, norm, vb)?)))
        }
        Encoder::Xception => Ok(Layers::Xception(Box::new(Xception::new(channels, depth, norm, vb)?))),
    }
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
