//! The contracting path of the first U-Net (Ronneberger, Fischer & Brox 2015, <https://arxiv.org/abs/1505.04597>).
//!
//! Its convolutions keep the size (padding 1), as everyone's do since.

use super::Features;
use crate::Result;
use crate::models::Architecture;
use crate::models::units::ConvPair;
use crate::nn::{Mode, max_pool2d};
use candle_core::Tensor;
use candle_nn::VarBuilder;

/// `depth + 1` pairs of convolutions with 2×2 max pooling between; pair `i` has `base_filters · 2^i` channels.
#[derive(Debug)]
pub(crate) struct PlainEncoder {
    stages: Vec<ConvPair>,
}

impl PlainEncoder {
    /// Parameters `stages.0` … `stages.depth` under `vb`.
    pub(super) fn new(config: &Architecture, vb: VarBuilder) -> Result<PlainEncoder> {
        let filters = config.filters();
        let inputs = std::iter::once(config.network_channels()).chain(filters.iter().copied());
        let stages = inputs.zip(&filters).enumerate().map(|(i, (in_channels, &out_channels))| {
            ConvPair::new([in_channels, out_channels], &config.units(), vb.pp("stages").pp(i))
        });
        Ok(PlainEncoder { stages: stages.collect::<Result<_>>()? })
    }
}

impl Features for PlainEncoder {
    fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Vec<Tensor>> {
        let mut features: Vec<Tensor> = Vec::with_capacity(self.stages.len());
        for stage in &self.stages {
            let xs = match features.last() {
                Some(features) => stage.forward(&max_pool2d(features, 2, 2, 0)?, mode)?,
                None => stage.forward(xs, mode)?,
            };
            features.push(xs);
        }
        Ok(features)
    }
}
