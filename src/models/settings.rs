//! The setters of an architecture, and what may be set.

use super::architecture::{Architecture, DecoderKind, StartFrom, Upsampling};
use crate::models::Encoder;
use crate::nn::Activation;
use crate::transform::{Border, Feature, Normalize};
use crate::{Error, Result};
use std::path::PathBuf;

/// A field, whether its value is fine, the value, and what would be.
type Rule = (&'static str, bool, String, &'static str);

impl Architecture {
    setters! {
        Architecture,
        /// Channels of the image.
        in_channels: usize,
        /// Channels of the logits.
        classes: usize,
        /// How often the size is halved.
        depth: usize,
        /// Of the plain encoder: channels at full size; doubled at each level.
        base_filters: usize,
        /// How a block doubles the size.
        upsampling: Upsampling,
        /// Behind the decoder's convolutions, and the plain encoder's.
        activation: Activation,
        /// Whether a batch norm follows the decoder's convolutions, and the plain encoder's.
        batch_norm: bool,
        /// Weight of the newest batch in the running statistics (PyTorch's meaning; Keras' 0.99 is 0.01 here).
        batch_norm_momentum: f64,
        /// The probability of dropping a value in training.
        dropout: f64,
        /// Whether the decoder joins features at full size.
        full_size_skip: bool,
        /// Channels of a block between encoder and decoder; none: no such block.
        center: Option<usize>,
        /// Residual blocks in the decoder instead of pairs of convolutions.
        residual: bool,
        /// scSE gates around each block's convolutions (Roy, Navab and Wachinger 2018, <https://arxiv.org/abs/1808.08127>).
        attention: bool,
        /// Whether the head sees the maps of all levels (Hariharan et al. 2014, <https://arxiv.org/abs/1411.5752>).
        hypercolumns: bool,
        /// A head on each map on the way, whose losses training adds.
        deep_supervision: bool,
        /// A head on the deepest features that tells whether there is anything of a class in the image.
        presence_head: bool,
        /// Whether a ResNet pools behind its first convolution.
        stem_pooling: bool,
        /// Whether the network sees image, depth gradient (0 at the top, 1 at the bottom) and their product.
        coord_channels: bool,
        /// How many of the encoder's convolutions, from the image on, training leaves alone, with what follows them;
        /// `usize::MAX` for all. A frozen batch norm keeps its statistics.
        frozen: usize,
        /// How the (resized) image goes on, up to a multiple of 2^depth. [`Border::Zero`] is amplitude 0, black, which
        /// `normalize` then makes `−mean / std` of.
        padding: Border,
        /// What is done to amplitudes before the network sees them; [`Normalize::PER_IMAGE`] standardises each image by itself.
        ///
        /// ```
        /// use tgs_salt::prelude::*;
        /// let network = Unet::new(Encoder::Plain).normalize(Normalize::PER_IMAGE);
        /// let ready = Unet::new(Encoder::ResNet34).in_channels(3).pretrained().normalize(Normalize::PER_IMAGE);
        /// ```
        normalize: Normalize,
        /// Of the initial weights.
        seed: u64,
    }

    /// The network sees these features of an image beside it, a channel each behind the first: it has
    /// `1 + features` [`in_channels`](Architecture::in_channels). They are computed of each image as it is augmented, before
    /// it is resized, less their usual mean and divided by their usual deviation.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let network = Unet::new(Encoder::Plain).depth(2).base_filters(4).features([Feature::Envelope, Feature::Chaos { sigma: 2.0 }]);
    /// assert_eq!(network.in_channels, 3);
    /// let (_, few) = Competition::sample()?.train.split(0.01, 42)?;
    /// let salt = network.build(&Device::Cpu)?.predict(&few)?;
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    pub fn features(mut self, features: impl IntoIterator<Item = Feature>) -> Architecture {
        self.features = features.into_iter().collect();
        self.in_channels = 1 + self.features.len();
        self
    }

    /// Images are resized to this before the network sees them (bilinear, averaged where they shrink; the aspect may change),
    /// masks to the nearest pixel. Predictions are resized back, as probabilities, to the size of their image.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let network = Unet::new(Encoder::Plain).depth(2).base_filters(4).input_size(32, 48);
    /// let test = Competition::sample()?.test;
    /// let two = test.select(&[&test.ids()[0], &test.ids()[1]])?;
    /// let map = network.build(&Device::Cpu)?.predict(&two)?.get(&two.ids()[0])?;
    /// assert_eq!((map.height, map.width), (101, 101));
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    pub fn input_size(mut self, height: usize, width: usize) -> Architecture {
        self.input_size = Some((height, width));
        self
    }

    /// Channels behind each block from the deepest up, one per level of `depth`.
    pub fn decoder_channels(mut self, channels: &[usize]) -> Architecture {
        self.decoder_channels = Some(channels.into());
        self
    }

    /// The encoder starts from weights trained on ImageNet, fetched from the Hugging Face hub or its cache when the model is
    /// built, and `normalize` becomes what they want to see.
    pub fn pretrained(mut self) -> Architecture {
        self.start = StartFrom::Hub;
        self.normalize = self.encoder.normalize();
        self
    }

    /// Without the weights that [`Architecture::pretrained`] or [`Architecture::weights`] asked for, with nothing frozen: for where
    /// there is no network, and to see what those weights are worth.
    pub fn from_scratch(mut self) -> Architecture {
        (self.start, self.frozen) = (StartFrom::Random, 0);
        // What standardises each image is not the weights' but was chosen.
        if !self.normalize.per_image {
            self.normalize = Normalize::default();
        }
        self
    }

    /// The model starts from a `.safetensors` or PyTorch `.pth` file: of the whole network, or of the encoder alone, for which
    /// `normalize` becomes what ImageNet's weights want to see. Call [`Architecture::normalize`] behind it for others.
    pub fn weights(mut self, path: impl Into<PathBuf>) -> Architecture {
        self.start = StartFrom::File(path.into());
        self.normalize = self.encoder.normalize();
        self
    }

    /// # Errors
    /// [`Error::Config`] for the first setting that is out of its range.
    pub(crate) fn check(&self) -> Result<()> {
        self.features.iter().try_for_each(Feature::check)?;
        let rules = self.size_rules().into_iter().chain(self.decoder_rules()).chain(self.input_rules());
        match rules.into_iter().find(|(_, holds, ..)| !holds) {
            Some((field, _, got, expected)) => Err(Error::Config { field, got, expected: expected.into() }),
            None => Ok(()),
        }
    }

    fn size_rules(&self) -> [Rule; 6] {
        let deepest = if self.encoder == Encoder::Plain { 6 } else { 5 };
        let nested = self.decoder == DecoderKind::UnetPlusPlus;
        let depth = self.depth;
        let depths = "1 to 5, over the plain encoder to 6";
        [
            ("in_channels", self.in_channels > 0, self.in_channels.to_string(), "at least 1"),
            ("classes", self.classes > 0, self.classes.to_string(), "at least 1"),
            ("depth", (1..=deepest).contains(&depth), depth.to_string(), depths),
            ("depth", !nested || depth > 1, depth.to_string(), "at least 2 for a UNet++"),
            (
                "base_filters",
                (1..=256).contains(&self.base_filters),
                self.base_filters.to_string(),
                "1 to 256",
            ),
            (
                "decoder_channels",
                self.channels_fit(),
                format!("{:?}", self.decoder_channels),
                "one number above 0 for each level of depth",
            ),
        ]
    }

    fn decoder_rules(&self) -> [Rule; 7] {
        let nested = self.decoder == DecoderKind::UnetPlusPlus;
        let upsampling =
            matches!(self.upsampling, Upsampling::Nearest | Upsampling::Transposed { kernel: 2 | 3 });
        let kinds = "Nearest, or Transposed with kernel 2 or 3";
        let momentum = self.batch_norm_momentum;
        let gates = "16 decoder_channels or more in each block";
        [
            ("upsampling", upsampling, format!("{:?}", self.upsampling), kinds),
            (
                "batch_norm_momentum",
                momentum > 0.0 && momentum <= 1.0,
                momentum.to_string(),
                "above 0, at most 1",
            ),
            ("dropout", (0.0..1.0).contains(&self.dropout), self.dropout.to_string(), "0 to below 1"),
            ("center", self.center != Some(0), "0".into(), "at least 1 channel, or none"),
            ("center", !nested || self.center.is_none(), "a block".into(), "none in a UNet++"),
            ("residual", self.batch_norm || !self.residual, "true".into(), "false without batch_norm"),
            ("attention", self.gates_fit(), "true".into(), gates),
        ]
    }

    fn input_rules(&self) -> [Rule; 5] {
        let Normalize { mean, std, .. } = self.normalize;
        let pooled = self.stem_pooling
            || self.encoder.is_resnet() && self.upsampling == Upsampling::Nearest && self.depth > 1;
        let channels = 1 + self.features.len();
        let finite = mean.iter().all(|mean| mean.is_finite()) && std.iter().all(|&std| std > 0.0);
        [
            (
                "input_size",
                self.input_size.is_none_or(|(height, width)| self.has_room(height.min(width))),
                format!("{:?}", self.input_size.unwrap_or_default()),
                "height and width of at least 1; over inception_v3 96, as far as padding does not make up for it",
            ),
            (
                "in_channels",
                self.features.is_empty() || self.in_channels == channels,
                self.in_channels.to_string(),
                "one for the image and one for each of the features, as `features` sets it",
            ),
            ("stem_pooling", pooled, "false".into(), "true, but over a ResNet with nearest upsampling"),
            (
                "coord_channels",
                !self.coord_channels || self.in_channels == 1,
                format!("true with {} in_channels", self.in_channels),
                "in_channels 1, to which depth adds two",
            ),
            (
                "normalize",
                finite,
                format!("{:?}", self.normalize),
                "finite means and standard deviations above 0",
            ),
        ]
    }

    /// Whether an image of this side, padded, is large enough; a depth that is none has a rule of its own.
    fn has_room(&self, side: usize) -> bool {
        let multiple = if self.depth > 6 { 1 } else { self.size_multiple() };
        side > 0
            && (self.encoder != Encoder::InceptionV3 || side.next_multiple_of(multiple) >= self.least_size())
    }

    fn channels_fit(&self) -> bool {
        let given = self.decoder_channels.as_ref();
        given.is_none_or(|channels| channels.len() == self.depth && !channels.contains(&0))
    }

    /// The channel gate of scSE sees a sixteenth of the channels.
    fn gates_fit(&self) -> bool {
        !self.attention || (self.channels_fit() && self.block_channels().iter().all(|&c| c >= 16))
    }
}
