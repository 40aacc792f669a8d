//! What a U-Net is made of.

use crate::models::{Encoder, Model};
use crate::transform::Normalize;
use crate::{Error, Result};
use candle_core::Device;
use serde::{Deserialize, Serialize};

/// A U-Net (Ronneberger, Fischer & Brox 2015, <https://arxiv.org/abs/1505.04597>), to be set and then built.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `encoder` | – | what looks at the image | [`Encoder::ALL`] |
/// | `in_channels` | 1 | channels of the input | ≥ 1 |
/// | `classes` | 1 | channels of the logits | ≥ 1 |
/// | `depth` | 4, over a ResNet 5 | how often the size is halved | 1..=6, over a ResNet 5 |
/// | `base_filters` | 16 | of the plain encoder: channels at full size; doubled at each level | 1..=256 |
/// | `batch_norm_momentum` | 0.1 | weight of the newest batch in the running statistics (PyTorch's meaning) | (0, 1] |
/// | `normalize` | mean 0.5, std 0.25 | what is done to amplitudes first | std > 0 |
/// | `seed` | 42 | of the initial weights (He normal) | any |
///
/// ```
/// use tgs_salt::prelude::*;
/// let model = Unet::new(Encoder::Plain).depth(2).base_filters(8).build(&device()?)?;
/// assert_eq!(model.parameter_count(), 32_681);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unet {
    /// What looks at the image.
    pub encoder: Encoder,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the logits.
    pub classes: usize,
    /// How often the size is halved.
    pub depth: usize,
    /// Channels at full size; doubled at each level.
    pub base_filters: usize,
    /// Weight of the newest batch in the running statistics.
    pub batch_norm_momentum: f64,
    /// What is done to amplitudes before the network sees them.
    pub normalize: Normalize,
    /// Of the initial weights.
    pub seed: u64,
}

impl Unet {
    /// The defaults of the table above over an encoder.
    pub fn new(encoder: Encoder) -> Unet {
        Unet {
            encoder,
            in_channels: 1,
            classes: 1,
            depth: if encoder == Encoder::Plain { 4 } else { 5 },
            base_filters: 16,
            batch_norm_momentum: 0.1,
            normalize: Normalize::default(),
            seed: 42,
        }
    }

    /// Channels of the input.
    pub fn in_channels(mut self, in_channels: usize) -> Unet {
        self.in_channels = in_channels;
        self
    }

    /// Channels of the logits.
    pub fn classes(mut self, classes: usize) -> Unet {
        self.classes = classes;
        self
    }

    /// How often the size is halved.
    pub fn depth(mut self, depth: usize) -> Unet {
        self.depth = depth;
        self
    }

    /// Channels at full size; doubled at each level.
    pub fn base_filters(mut self, base_filters: usize) -> Unet {
        self.base_filters = base_filters;
        self
    }

    /// Weight of the newest batch in the running statistics (PyTorch's meaning; Keras' 0.99 is 0.01 here).
    pub fn batch_norm_momentum(mut self, momentum: f64) -> Unet {
        self.batch_norm_momentum = momentum;
        self
    }

    /// What is done to amplitudes before the network sees them.
    pub fn normalize(mut self, normalize: Normalize) -> Unet {
        self.normalize = normalize;
        self
    }

    /// Of the initial weights.
    pub fn seed(mut self, seed: u64) -> Unet {
        self.seed = seed;
        self
    }

    /// The network with its initial weights on `device`.
    ///
    /// # Errors
    /// [`Error::Config`] names the first setting that is out of its range.
    pub fn build(&self, device: &Device) -> Result<Model> {
        Model::new(self.clone(), device)
    }

    /// Channels at each level, from full size down.
    pub(crate) fn filters(&self) -> Vec<usize> {
        (0..=self.depth).map(|level| self.base_filters << level).collect()
    }

    /// Height and width of an input have to be multiples of this.
    pub(crate) fn size_multiple(&self) -> usize {
        1 << self.depth
    }

    pub(crate) fn check(&self) -> Result<()> {
        let bad =
            |field, got: String, expected: &str| Err(Error::Config { field, got, expected: expected.into() });
        match self {
            Unet { in_channels: 0, .. } => bad("in_channels", "0".into(), "at least 1"),
            Unet { classes: 0, .. } => bad("classes", "0".into(), "at least 1"),
            Unet { encoder: Encoder::ResNet34, depth, .. } if *depth != 5 => {
                bad("depth", depth.to_string(), "5, the depth of resnet34")
            }
            Unet { depth, .. } if !(1..=6).contains(depth) => bad("depth", depth.to_string(), "1 to 6"),
            Unet { base_filters: filters, .. } if !(1..=256).contains(filters) => {
                bad("base_filters", filters.to_string(), "1 to 256")
            }
            Unet { batch_norm_momentum: m, .. } if !(*m > 0.0 && *m <= 1.0) => {
                bad("batch_norm_momentum", m.to_string(), "above 0, at most 1")
            }
            Unet { normalize: Normalize { mean, std }, .. } if !(mean.is_finite() && *std > 0.0) => {
                bad("normalize", format!("{:?}", self.normalize), "a finite mean and a std above 0")
            }
            _ => Ok(()),
        }
    }
}
