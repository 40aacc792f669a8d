//! What a model is made of.

use crate::Result;
use crate::models::units::UnitConfig;
use crate::models::{Encoder, Model};
use crate::nn::Activation;
use crate::transform::{Border, Feature, Normalize};
use candle_core::Device;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How a decoder's blocks are wired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecoderKind {
    /// One path up: [`Unet`](super::Unet).
    Unet,
    /// A path up from each level, all joined: [`UnetPlusPlus`](super::UnetPlusPlus).
    UnetPlusPlus,
}

/// How a decoder doubles the size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Upsampling {
    /// Each pixel twice, both ways.
    Nearest,
    /// A transposed convolution of stride 2 with this kernel, 2 or 3.
    Transposed {
        /// Height and width of its window.
        kernel: usize,
    },
}

/// Where the weights come from before training.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum StartFrom {
    #[default]
    Random,
    Hub,
    File(PathBuf),
}

/// The settings of a network, made by [`Unet`](super::Unet) or [`UnetPlusPlus`](super::UnetPlusPlus), changed by setters of the
/// same names as the fields, and built at last. "Smp" stands for segmentation_models.pytorch's default, over any encoder but
/// [`Encoder::Plain`].
///
/// | Name | `Unet` | `UnetPlusPlus` | Meaning | Range |
/// |---|---|---|---|---|
/// | `encoder` | – | – | what looks at the image | [`Encoder::ALL`] |
/// | `in_channels` | 1 | 1 | channels of the image; a grey image is repeated | ≥ 1 |
/// | `features` | none | none | what the network sees beside the image, a channel each; sets `in_channels` | [`Feature::ALL`] |
/// | `classes` | 1 | 1 | channels of the logits | ≥ 1 |
/// | `depth` | plain 4, else 5 | plain 4, else 5 | how often the size is halved; an encoder has no level below it | 1..=6, else 1..=5 |
/// | `base_filters` | 16 | 32 | of the plain encoder: channels at full size; doubled at each level | 1..=256 |
/// | `decoder_channels` | 256, 128, 64, 32, 16 | same | behind each block from the deepest up; over the plain encoder its own | one per level |
/// | `upsampling` | smp nearest, plain 3×3 transposed | smp nearest, plain 2×2 transposed | how a block doubles the size | |
/// | `activation` | ReLU | smp ReLU, plain ELU | behind a decoder's convolutions, and the plain encoder's | |
/// | `batch_norm` | true | smp true, plain false | behind the same | |
/// | `batch_norm_momentum` | 0.1 | 0.1 | weight of the newest batch in all running statistics (PyTorch's meaning) | (0, 1] |
/// | `dropout` | 0 | smp 0, plain 0.5 | in training: of `Unet` behind each join with a skip, of `UnetPlusPlus` behind each convolution | [0, 1) |
/// | `full_size_skip` | plain | plain | whether a skip at full size is used (smp: no) | |
/// | `center` | VGG: 512 | none | channels of a block between encoder and decoder, if any | ≥ 1 |
/// | `residual` | false | false | residual blocks in the decoder instead of pairs of convolutions | |
/// | `attention` | false | false | scSE gates around each block's convolutions | |
/// | `hypercolumns` | false | false | whether the head sees the maps of all levels, enlarged | |
/// | `deep_supervision` | false | false | a head on each map on the way, for training | |
/// | `presence_head` | false | false | a head that tells whether there is anything of a class in the image | |
/// | `stem_pooling` | true | true | whether a ResNet pools behind its first convolution; without, all is twice as fine | |
/// | `coord_channels` | false | false | the network sees image, depth gradient and their product (Liu et al. 2018) | one channel |
/// | `frozen` | 0 | 0 | how many of the encoder's convolutions, from the image on, training leaves alone | ≥ 0 |
/// | `input_size` | as they are | same | height and width that images are resized to, masks with them; predictions are resized back | ≥ 1 |
/// | `padding` | reflect | reflect | how the resized image goes on, to a multiple of 2^depth; zeros are amplitudes, before `normalize` | [`Border`] |
/// | `normalize` | mean 0.5, std 0.25; pretrained: the encoder's | same | what is done to amplitudes first, [`Normalize::PER_IMAGE`] for each by itself | std > 0 |
/// | `seed` | 42 | 42 | of the initial weights (He normal) | any |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Architecture {
    /// What looks at the image.
    pub encoder: Encoder,
    /// How the decoder's blocks are wired.
    pub decoder: DecoderKind,
    /// Channels of the image.
    pub in_channels: usize,
    /// What the network sees beside the image.
    // Checkpoints from before there were any have none.
    #[serde(default)]
    pub features: Vec<Feature>,
    /// Channels of the logits.
    pub classes: usize,
    /// How often the size is halved.
    pub depth: usize,
    /// Of the plain encoder: channels at full size; doubled at each level.
    pub base_filters: usize,
    /// Channels behind each block from the deepest up; none: the default.
    pub decoder_channels: Option<Vec<usize>>,
    /// How a block doubles the size.
    pub upsampling: Upsampling,
    /// Behind the decoder's convolutions.
    pub activation: Activation,
    /// Whether a batch norm follows the decoder's convolutions.
    pub batch_norm: bool,
    /// Weight of the newest batch in the running statistics.
    pub batch_norm_momentum: f64,
    /// The probability of dropping a value in training.
    pub dropout: f64,
    /// Whether the decoder joins features at full size.
    pub full_size_skip: bool,
    /// Channels of a block between encoder and decoder.
    pub center: Option<usize>,
    /// Residual blocks in the decoder.
    pub residual: bool,
    /// scSE gates in the decoder.
    pub attention: bool,
    /// Whether the head sees the maps of all levels.
    pub hypercolumns: bool,
    /// Heads on the maps on the way.
    pub deep_supervision: bool,
    /// A head that tells whether there is anything of a class.
    pub presence_head: bool,
    /// Whether a ResNet pools behind its first convolution.
    pub stem_pooling: bool,
    /// Whether the network sees depth beside the image.
    pub coord_channels: bool,
    /// How many of the encoder's convolutions are frozen.
    pub frozen: usize,
    /// Height and width that images are resized to; none: they keep their size.
    // Checkpoints from before there was a choice have none, nor a padding.
    #[serde(default)]
    pub input_size: Option<(usize, usize)>,
    /// How the resized image goes on, up to a size that the network takes.
    #[serde(default)]
    pub padding: Border,
    /// What is done to amplitudes before the network sees them.
    pub normalize: Normalize,
    /// Of the initial weights.
    pub seed: u64,
    /// A model that is built has its weights: this is not kept with it.
    #[serde(skip)]
    pub(crate) start: StartFrom,
}

impl Architecture {
    /// The defaults of the table's first column.
    pub(super) fn unet(encoder: Encoder) -> Architecture {
        let plain = encoder == Encoder::Plain;
        let upsampling = if plain { Upsampling::Transposed { kernel: 3 } } else { Upsampling::Nearest };
        Architecture {
            encoder,
            decoder: DecoderKind::Unet,
            in_channels: 1,
            features: vec![],
            classes: 1,
            depth: if plain { 4 } else { 5 },
            base_filters: 16,
            decoder_channels: None,
            upsampling,
            activation: Activation::Relu,
            batch_norm: true,
            batch_norm_momentum: 0.1,
            dropout: 0.0,
            full_size_skip: plain,
            center: encoder.is_vgg().then_some(512),
            residual: false,
            attention: false,
            hypercolumns: false,
            deep_supervision: false,
            presence_head: false,
            stem_pooling: true,
            coord_channels: false,
            frozen: 0,
            input_size: None,
            padding: Border::Reflect,
            normalize: Normalize::default(),
            seed: 42,
            start: StartFrom::Random,
        }
    }

    /// The network on `device`, with its initial or pretrained weights.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) names the first setting that is out of its range;
    /// [`Error::Weights`](crate::Error::Weights) and those of reading and fetching where weights were asked for.
    pub fn build(&self, device: &Device) -> Result<Model> {
        let mut model = Model::new(Architecture { start: StartFrom::Random, ..self.clone() }, device)?;
        match &self.start {
            StartFrom::Random => {}
            StartFrom::Hub => model.load_pretrained()?,
            StartFrom::File(path) => {
                model.load_weights(path)?;
            }
        }
        Ok(model)
    }

    /// Channels that the encoder sees.
    pub(crate) fn network_channels(&self) -> usize {
        if self.coord_channels { 3 } else { self.in_channels }
    }

    /// Of the plain encoder: channels at each level, from full size down.
    pub(crate) fn filters(&self) -> Vec<usize> {
        (0..=self.depth).map(|level| self.base_filters << level).collect()
    }

    /// Channels of the encoder's features at strides 1, 2 … 2^depth.
    pub(crate) fn encoder_channels(&self) -> Vec<usize> {
        match self.encoder.channels() {
            None => self.filters(),
            Some([0, rest @ ..]) => {
                std::iter::once(self.network_channels()).chain(rest).take(self.depth + 1).collect()
            }
            Some(all) => all[..=self.depth].to_vec(),
        }
    }

    pub(crate) fn deepest_channels(&self) -> usize {
        self.encoder_channels()[self.depth]
    }

    /// Channels of the features that blocks join, from the deepest up.
    pub(crate) fn skip_channels(&self) -> Vec<usize> {
        let first = usize::from(!self.full_size_skip);
        self.encoder_channels()[first..self.depth].iter().rev().copied().collect()
    }

    /// Channels behind each block, from the deepest up.
    pub(crate) fn block_channels(&self) -> Vec<usize> {
        match (&self.decoder_channels, self.encoder) {
            (Some(channels), _) => channels.clone(),
            (None, Encoder::Plain) => self.filters()[..self.depth].iter().rev().copied().collect(),
            (None, _) => [256, 128, 64, 32, 16][..self.depth].to_vec(),
        }
    }

    /// What follows each convolution of the decoder and of the plain encoder.
    pub(crate) fn units(&self) -> UnitConfig {
        UnitConfig {
            batch_norm: self.batch_norm.then_some(self.batch_norm_momentum),
            activation: self.activation,
            dropout: if self.decoder == DecoderKind::UnetPlusPlus { self.dropout } else { 0.0 },
        }
    }

    /// Height and width of an input have to be multiples of this.
    pub(crate) fn size_multiple(&self) -> usize {
        1 << (self.depth - usize::from(!self.stem_pooling))
    }

    /// Height and width of an input have to be this at least: Inception's convolutions without padding need room.
    pub(crate) fn least_size(&self) -> usize {
        match self.encoder {
            Encoder::InceptionV3 => 96,
            _ => self.size_multiple(),
        }
    }
}
