//! Xception (Chollet 2016, <https://arxiv.org/abs/1610.02357>) without its classifier, as Keras has it: what timm calls
//! `legacy_xception` and segmentation_models.pytorch `xception`, which pads the first two convolutions.

use super::{Features, conv_norm};
use crate::Result;
use crate::nn::{Activation, BatchNormConfig, Conv2d, Conv2dConfig, ConvNorm, Mode, max_pool2d};
use candle_core::Tensor;
use candle_nn::VarBuilder;

/// A depthwise 3×3 convolution, a 1×1 convolution over the channels, batch norm, activation.
#[derive(Debug)]
struct Separable {
    depthwise: Conv2d,
    pointwise: ConvNorm,
}

impl Separable {
    /// Parameters `conv1` and `pointwise` under the first of `vb`, and the batch norm's under the second.
    fn new(
        [in_channels, out_channels]: [usize; 2],
        norm: (BatchNormConfig, Activation),
        [vb, norm_vb]: [VarBuilder; 2],
    ) -> Result<Separable> {
        let depthwise = Conv2dConfig::new(3).groups(in_channels).bias(false);
        Ok(Separable {
            depthwise: Conv2d::new(in_channels, in_channels, depthwise, vb.pp("conv1"))?,
            pointwise: conv_norm(
                [in_channels, out_channels],
                Conv2dConfig::new(1),
                norm,
                [vb.pp("pointwise"), norm_vb],
            )?,
        })
    }

    fn forward(&self, xs: &Tensor, shortcut: Option<&Tensor>, mode: Mode) -> Result<Tensor> {
        self.pointwise.forward_residual(&self.depthwise.forward(xs)?, shortcut, mode)
    }
}

/// Separable convolutions beside a shortcut. One that changes channels also halves the size, by max pooling.
#[derive(Debug)]
struct Block {
    starts_with_relu: bool,
    layers: Vec<Separable>,
    last: Separable,
    halving: Option<ConvNorm>,
}

impl Block {
    /// `channels` before the first layer and behind each. The parameters are numbered as in the `Sequential` called `rep`,
    /// where a ReLU counts one.
    fn new(
        channels: &[usize],
        starts_with_relu: bool,
        norm: BatchNormConfig,
        vb: VarBuilder,
    ) -> Result<Block> {
        let (rep, layers) = (vb.pp("rep"), channels.len() - 1);
        let mut all = Vec::new();
        for (i, pair) in channels.windows(2).enumerate() {
            let place = 3 * i + usize::from(starts_with_relu);
            let activation = if i + 1 == layers { Activation::None } else { Activation::Relu };
            let names = [rep.pp(place), rep.pp(place + 1)];
            all.push(Separable::new([pair[0], pair[1]], (norm, activation), names)?);
        }
        let last = all.remove(layers - 1);
        let ends = [channels[0], channels[layers]];
        let halving = (ends[0] != ends[1]).then(|| {
            let one = Conv2dConfig::new(1).stride(2);
            conv_norm(ends, one, (norm, Activation::None), [vb.pp("skip"), vb.pp("skipbn")])
        });
        Ok(Block { starts_with_relu, layers: all, last, halving: halving.transpose()? })
    }

    fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let mut ys = if self.starts_with_relu { Activation::Relu.forward(xs)? } else { xs.clone() };
        for layer in &self.layers {
            ys = layer.forward(&ys, None, mode)?;
        }
        match &self.halving {
            Some(halving) => {
                let ys = max_pool2d(&self.last.forward(&ys, None, mode)?, 3, 2, 1)?;
                halving.forward_residual(xs, Some(&ys), mode)
            }
            None => self.last.forward(&ys, Some(xs), mode),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Xception {
    stem: [ConvNorm; 2],
    /// The blocks between one feature and the next.
    levels: Vec<Vec<Block>>,
    /// Behind those of the fourth level.
    tail: Vec<Separable>,
}

impl Xception {
    /// Parameters `conv1`, `bn1`, `conv2`, `bn2`, `block1` … `block12`, `conv3`, `bn3`, `conv4`, `bn4` under `vb`, as far as
    /// `depth` needs them.
    pub(super) fn new(
        in_channels: usize,
        depth: usize,
        norm: BatchNormConfig,
        vb: VarBuilder,
    ) -> Result<Xception> {
        let relu = (norm, Activation::Relu);
        let names = |i: usize| [vb.pp(format!("conv{i}")), vb.pp(format!("bn{i}"))];
        let stem = [
            conv_norm([in_channels, 32], Conv2dConfig::new(3).stride(2), relu, names(1))?,
            conv_norm([32, 64], Conv2dConfig::new(3), relu, names(2))?,
        ];
        let block = |i: usize| {
            let channels: &[usize] = match i {
                1 => &[64, 128, 128],
                2 => &[128, 256, 256],
                3 => &[256, 728, 728],
                12 => &[728, 728, 1024],
                _ => &[728; 4],
            };
            Block::new(channels, i > 1, norm, vb.pp(format!("block{i}")))
        };
        let levels = [1..=1, 2..=2, 3..=11, 12..=12].into_iter().take(depth - 1);
        let levels: Vec<Vec<Block>> =
            levels.map(|blocks| blocks.map(block).collect()).collect::<Result<_>>()?;
        let mut tail = Vec::new();
        if levels.len() == 4 {
            tail.push(Separable::new([1024, 1536], relu, names(3))?);
            tail.push(Separable::new([1536, 2048], (norm, Activation::None), names(4))?);
        }
        Ok(Xception { stem, levels, tail })
    }
}

impl Features for Xception {
    fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Vec<Tensor>> {
        let stem = self.stem[1].forward(&self.stem[0].forward(xs, mode)?, mode)?;
        let mut features = vec![xs.clone(), stem.clone()];
        let mut xs = stem;
        for (i, blocks) in self.levels.iter().enumerate() {
            for block in blocks {
                xs = block.forward(&xs, mode)?;
            }
            if i == 3 {
                for layer in &self.tail {
                    xs = layer.forward(&xs, None, mode)?;
                }
            }
            features.push(xs.clone());
        }
        Ok(features)
    }
}
