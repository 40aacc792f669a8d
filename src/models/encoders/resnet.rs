//! ResNet (He, Zhang, Ren and Sun 2015, <https://arxiv.org/abs/1512.03385>) as an encoder.

use crate::Result;
use crate::nn::{Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvNorm, Mode, max_pool2d};
use candle_core::Tensor;
use candle_nn::VarBuilder;

/// Channels of the features, from the image's size down.
pub(crate) const CHANNELS: [usize; 5] = [64, 64, 128, 256, 512];

/// A convolution and its batch norm, named side by side.
fn conv_norm(
    channels: [usize; 2],
    config: Conv2dConfig,
    activation: Activation,
    (vb, conv, norm): (&VarBuilder, &str, &str),
) -> Result<ConvNorm> {
    let norm_config = BatchNormConfig { activation, ..BatchNormConfig::default() };
    Ok(ConvNorm::new(
        Conv2d::new(channels[0], channels[1], config.bias(false), vb.pp(conv))?,
        BatchNorm::new(channels[1], norm_config, vb.pp(norm))?,
    ))
}

/// Two 3×3 convolutions beside a shortcut.
#[derive(Debug)]
struct BasicBlock {
    first: ConvNorm,
    second: ConvNorm,
    downsample: Option<ConvNorm>,
}

impl BasicBlock {
    fn new(in_channels: usize, channels: usize, stride: usize, vb: VarBuilder) -> Result<BasicBlock> {
        let three = Conv2dConfig::new(3);
        let downsample = (stride != 1 || in_channels != channels).then(|| {
            let one = Conv2dConfig::new(1).stride(stride);
            conv_norm([in_channels, channels], one, Activation::None, (&vb.pp("downsample"), "0", "1"))
        });
        Ok(BasicBlock {
            first: conv_norm(
                [in_channels, channels],
                three.stride(stride),
                Activation::Relu,
                (&vb, "conv1", "bn1"),
            )?,
            second: conv_norm([channels, channels], three, Activation::Relu, (&vb, "conv2", "bn2"))?,
            downsample: downsample.transpose()?,
        })
    }

    fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let shortcut = match &self.downsample {
            Some(downsample) => downsample.forward(xs, mode)?,
            None => xs.clone(),
        };
        self.second.forward_residual(&self.first.forward(xs, mode)?, Some(&shortcut), mode)
    }
}

/// ResNet34 without its classifier; parameters as in torchvision and timm: `conv1`, `bn1`, `layer1.0.conv1` ….
#[derive(Debug)]
pub struct ResNet34 {
    stem: ConvNorm,
    layers: Vec<Vec<BasicBlock>>,
}

impl ResNet34 {
    /// Takes its parameters from `vb`.
    ///
    /// # Errors
    /// [`Error::Tensor`](crate::Error::Tensor) when `vb` holds a name with another shape.
    pub fn new(in_channels: usize, vb: VarBuilder) -> Result<ResNet34> {
        let stem = Conv2dConfig::new(7).stride(2);
        let stem = conv_norm([in_channels, CHANNELS[0]], stem, Activation::Relu, (&vb, "conv1", "bn1"))?;
        let mut layers = Vec::new();
        for (i, blocks) in [3, 4, 6, 3].into_iter().enumerate() {
            let (before, channels, vb) = (CHANNELS[i], CHANNELS[i + 1], vb.pp(format!("layer{}", i + 1)));
            let block = |b: usize| match b {
                0 => BasicBlock::new(before, channels, if i == 0 { 1 } else { 2 }, vb.pp(b)),
                _ => BasicBlock::new(channels, channels, 1, vb.pp(b)),
            };
            layers.push((0..blocks).map(block).collect::<Result<Vec<_>>>()?);
        }
        Ok(ResNet34 { stem, layers })
    }

    /// `(N, H, W, in_channels)` → features at strides 2, 4, 8, 16 and 32 with 64, 64, 128, 256 and 512 channels.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) when `xs` has other channels.
    pub fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Vec<Tensor>> {
        let mut features = vec![self.stem.forward(xs, mode)?];
        let mut xs = max_pool2d(&features[0], 3, 2, 1)?;
        for layer in &self.layers {
            for block in layer {
                xs = block.forward(&xs, mode)?;
            }
            features.push(xs.clone());
        }
        Ok(features)
    }
}
