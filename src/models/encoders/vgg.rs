//! VGG (Simonyan and Zisserman 2014, <https://arxiv.org/abs/1409.1556>) without its classifier: 3×3 convolutions with a bias,
//! each followed by a ReLU, five groups of them with 2×2 max pooling behind each.

use super::Features;
use crate::Result;
use crate::nn::{Activation, Conv2d, Conv2dConfig, ConvActivation, Mode, max_pool2d};
use candle_core::Tensor;
use candle_nn::VarBuilder;

const CHANNELS: [usize; 5] = [64, 128, 256, 512, 512];

#[derive(Debug)]
pub(crate) struct Vgg {
    groups: Vec<Vec<ConvActivation>>,
    depth: usize,
}

impl Vgg {
    /// `convolutions` of each group. Parameters `features.0`, `features.2` … under `vb`, numbered as in torchvision's
    /// `Sequential`, where a ReLU counts one and a pooling too, as far as `depth` needs them.
    pub(super) fn new(
        convolutions: [usize; 5],
        in_channels: usize,
        depth: usize,
        vb: VarBuilder,
    ) -> Result<Vgg> {
        let (mut place, mut before, mut groups) = (0, in_channels, Vec::new());
        for (count, channels) in convolutions.into_iter().zip(CHANNELS).take(depth + 1) {
            let mut group = Vec::new();
            for _ in 0..count {
                let conv = Conv2d::new(before, channels, Conv2dConfig::new(3), vb.pp("features").pp(place))?;
                group.push(ConvActivation::new(conv, Activation::Relu));
                (place, before) = (place + 2, channels);
            }
            groups.push(group);
            place += 1;
        }
        Ok(Vgg { groups, depth })
    }
}

impl Features for Vgg {
    /// Feature `i` is what comes before pooling `i`; the last of a VGG of depth 5 is what comes behind its last pooling.
    fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Vec<Tensor>> {
        let (mut xs, mut features) = (xs.clone(), Vec::with_capacity(self.depth + 1));
        for (i, group) in self.groups.iter().enumerate() {
            if i > 0 {
                xs = max_pool2d(&xs, 2, 2, 0)?;
            }
            for layer in group {
                xs = layer.forward(&xs, mode)?;
            }
            features.push(xs.clone());
        }
        if self.depth == self.groups.len() {
            features.push(max_pool2d(&xs, 2, 2, 0)?);
        }
        Ok(features)
    }
}
