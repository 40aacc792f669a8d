//! ResNet (He, Zhang, Ren and Sun 2015, <https://arxiv.org/abs/1512.03385>) without its classifier.

use super::{Features, conv_norm};
use crate::Result;
use crate::models::Architecture;
use crate::nn::{Activation, BatchNormConfig, Conv2dConfig, ConvNorm, Mode, max_pool2d};
use candle_core::Tensor;
use candle_nn::VarBuilder;

/// Which ResNet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Blocks of two 3×3 convolutions.
    ResNet34,
    /// Blocks of 1×1, 3×3 and 1×1 convolutions, the last to four times the channels; where a block halves the size, its 3×3
    /// convolution does it (torchvision's and timm's "v1.5").
    ResNet50,
}

impl Kind {
    /// Kernels of a block's convolutions, which of them halves, and by what the last one multiplies the channels.
    fn block(self) -> (&'static [usize], usize, usize) {
        match self {
            Kind::ResNet34 => (&[3, 3], 0, 1),
            Kind::ResNet50 => (&[1, 3, 1], 1, 4),
        }
    }
}

/// Convolutions beside a shortcut.
#[derive(Debug)]
struct Block {
    convs: Vec<ConvNorm>,
    last: ConvNorm,
    downsample: Option<ConvNorm>,
}

impl Block {
    /// Parameters `conv1`, `bn1` … and `downsample.0`, `downsample.1` under `vb`.
    fn new(
        kind: Kind,
        [in_channels, channels]: [usize; 2],
        stride: usize,
        norm: BatchNormConfig,
        vb: VarBuilder,
    ) -> Result<Block> {
        let (kernels, halving, growth) = kind.block();
        let (mut before, mut convs, out_channels) = (in_channels, Vec::new(), channels * growth);
        for (i, &kernel) in kernels.iter().enumerate() {
            let after = if i + 1 == kernels.len() { out_channels } else { channels };
            let config = Conv2dConfig::new(kernel).stride(if i == halving { stride } else { 1 });
            let names = [vb.pp(format!("conv{}", i + 1)), vb.pp(format!("bn{}", i + 1))];
            convs.push(conv_norm([before, after], config, (norm, Activation::Relu), names)?);
            before = after;
        }
        let downsample = (stride != 1 || in_channels != out_channels).then(|| {
            let (one, vb) = (Conv2dConfig::new(1).stride(stride), vb.pp("downsample"));
            conv_norm([in_channels, out_channels], one, (norm, Activation::None), [vb.pp(0), vb.pp(1)])
        });
        let downsample = downsample.transpose()?;
        let last = convs.remove(kernels.len() - 1);
        Ok(Block { convs, last, downsample })
    }

    fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let shortcut = match &self.downsample {
            Some(downsample) => downsample.forward(xs, mode)?,
            None => xs.clone(),
        };
        let mut ys = xs.clone();
        for conv in &self.convs {
            ys = conv.forward(&ys, mode)?;
        }
        self.last.forward_residual(&ys, Some(&shortcut), mode)
    }
}

#[derive(Debug)]
pub(crate) struct ResNet {
    stem: ConvNorm,
    stem_pooling: bool,
    layers: Vec<Vec<Block>>,
}

impl ResNet {
    /// Parameters as in torchvision and timm: `conv1`, `bn1`, `layer1.0.conv1` …, as far as the depth needs them.
    pub(super) fn new(
        kind: Kind,
        config: &Architecture,
        norm: BatchNormConfig,
        vb: VarBuilder,
    ) -> Result<ResNet> {
        let channels = [config.network_channels(), 64];
        let stem = Conv2dConfig::new(7).stride(2);
        let stem = conv_norm(channels, stem, (norm, Activation::Relu), [vb.pp("conv1"), vb.pp("bn1")])?;
        let (_, _, growth) = kind.block();
        let (mut before, mut layers) = (64, Vec::new());
        for (i, blocks) in [3, 4, 6, 3].into_iter().take(config.depth - 1).enumerate() {
            let (channels, vb) = (64 << i, vb.pp(format!("layer{}", i + 1)));
            let mut layer = Vec::new();
            for b in 0..blocks {
                let stride = if i > 0 && b == 0 { 2 } else { 1 };
                layer.push(Block::new(kind, [before, channels], stride, norm, vb.pp(b))?);
                before = channels * growth;
            }
            layers.push(layer);
        }
        Ok(ResNet { stem, stem_pooling: config.stem_pooling, layers })
    }
}

impl Features for ResNet {
    fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Vec<Tensor>> {
        let mut features = vec![xs.clone(), self.stem.forward(xs, mode)?];
        let mut xs = match self.stem_pooling {
            true if !self.layers.is_empty() => max_pool2d(&features[1], 3, 2, 1)?,
            _ => features[1].clone(),
        };
        for layer in &self.layers {
            for block in layer {
                xs = block.forward(&xs, mode)?;
            }
            features.push(xs.clone());
        }
        Ok(features)
    }
}
