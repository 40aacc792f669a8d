//! Encoder → decoder → heads.

use crate::models::decoders::Decoder;
use crate::models::encoders::{self, EncoderLayers};
use crate::models::{Architecture, Upsampling};
use crate::nn::{Conv2d, Conv2dConfig, Linear, Mode, concat_all, global_avg_pool2d, upsample_bilinear2d};
use crate::{Error, Result};
use candle_core::{Device, Tensor};
use candle_nn::VarBuilder;

/// What [`Architecture`] describes, as layers.
#[derive(Debug)]
pub(crate) struct Network {
    encoder: EncoderLayers,
    decoder: Decoder,
    head: Conv2d,
    side_heads: Vec<Conv2d>,
    presence: Option<Linear>,
    hypercolumns: bool,
    coord_channels: bool,
}

/// Which heads answer.
#[derive(Clone, Copy, PartialEq)]
enum Heads {
    Mask,
    MaskAndPresence,
    All,
}

/// What a forward pass in training gives.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// `(N, classes, H, W)`.
    pub logits: Tensor,
    /// With `deep_supervision`, logits of the same shape from the maps on the way, coarse ones first.
    pub side: Vec<Tensor>,
    /// With `presence_head`, logits `(N, classes)` of there being anything of the class.
    pub presence: Option<Tensor>,
}

impl Network {
    /// Parameters `encoder`, `decoder`, `segmentation_head.0`, `side_heads.0.0` … and `classification_head.3` under `vb`.
    pub(crate) fn new(config: &Architecture, vb: VarBuilder) -> Result<Network> {
        let encoder = encoders::build(config, vb.pp("encoder"))?;
        let decoder = Decoder::new(config, vb.pp("decoder"))?;
        let side = Decoder::side_channels(config);
        // segmentation_models.pytorch's head is 3×3, those of the walkthroughs with transposed convolutions are 1×1.
        let kernel = if config.upsampling == Upsampling::Nearest { 3 } else { 1 };
        let last = config.block_channels()[config.depth - 1];
        let seen = if config.hypercolumns { last + side.iter().sum::<usize>() } else { last };
        let head = |channels, kernel, vb: VarBuilder| {
            Conv2d::new(channels, config.classes, Conv2dConfig::new(kernel), vb.pp(0))
        };
        let mut side_heads = Vec::new();
        if config.deep_supervision {
            for (i, &channels) in side.iter().enumerate() {
                side_heads.push(head(channels, 1, vb.pp("side_heads").pp(i))?);
            }
        }
        let presence = config.presence_head.then(|| {
            Linear::new(config.deepest_channels(), config.classes, vb.pp("classification_head").pp(3))
        });
        Ok(Network {
            encoder,
            decoder,
            head: head(seen, kernel, vb.pp("segmentation_head"))?,
            side_heads,
            presence: presence.transpose()?,
            hypercolumns: config.hypercolumns,
            coord_channels: config.coord_channels,
        })
    }

    fn run(&self, xs: &Tensor, mode: Mode, heads: Heads) -> Result<Outputs> {
        let (_, height, width, _) = xs.dims4().map_err(Error::tensor("model input"))?;
        let xs = if self.coord_channels { with_depth(xs)? } else { xs.clone() };
        let features = self.encoder.forward(&xs, mode)?;
        let decoded = self.decoder.forward(&features, mode)?;
        let enlarge = |map: &Tensor| upsample_bilinear2d(map, height, width, false);
        let ys = match self.hypercolumns {
            true => {
                let mut maps = vec![decoded.ys.clone()];
                for map in &decoded.side {
                    maps.push(enlarge(map)?);
                }
                concat_all(&maps)?
            }
            false => decoded.ys.clone(),
        };
        let mut outputs = Outputs { logits: self.head.forward(&ys)?, side: vec![], presence: None };
        if heads == Heads::All {
            for (head, map) in self.side_heads.iter().zip(&decoded.side) {
                outputs.side.push(enlarge(&head.forward(map)?)?);
            }
        }
        if heads != Heads::Mask {
            outputs.presence = self.presence(&features)?;
        }
        Ok(outputs)
    }

    /// `(N, H, W, in_channels)` → logits `(N, H, W, classes)`, in training those of the other heads too; their presence is
    /// `(N, 1, 1, classes)`.
    pub(crate) fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Outputs> {
        self.run(xs, mode, if mode == Mode::Train { Heads::All } else { Heads::Mask })
    }

    /// As [`Network::forward`], always with all heads.
    pub(crate) fn forward_heads(&self, xs: &Tensor, mode: Mode) -> Result<Outputs> {
        self.run(xs, mode, Heads::All)
    }

    /// As [`Network::forward`] for prediction, with presence.
    pub(crate) fn forward_presence(&self, xs: &Tensor) -> Result<Outputs> {
        self.run(xs, Mode::Eval, Heads::MaskAndPresence)
    }

    fn presence(&self, features: &[Tensor]) -> Result<Option<Tensor>> {
        match (&self.presence, features.last()) {
            (Some(head), Some(deepest)) => head.forward(&global_avg_pool2d(deepest)?).map(Some),
            _ => Ok(None),
        }
    }

    /// Logits `(N, 1, 1, classes)` of there being anything of a class, for prediction; none without such a head.
    pub(crate) fn predict_presence(&self, xs: &Tensor) -> Result<Option<Tensor>> {
        let xs = if self.coord_channels { with_depth(xs)? } else { xs.clone() };
        self.presence(&self.encoder.forward(&xs, Mode::Eval)?)
    }
}

/// `(N, H, W, 1)` → `(N, H, W, 3)`: image, depth from 0 at the top to 1 at the bottom, and their product.
fn with_depth(xs: &Tensor) -> Result<Tensor> {
    let run = || {
        let (n, height, width, _) = xs.dims4()?;
        let bottom = (height.max(2) - 1) as f32;
        let rows: Vec<f32> = (0..height).map(|row| row as f32 / bottom).collect();
        let depth = Tensor::from_vec(rows, (1, height, 1, 1), &Device::Cpu)?.to_device(xs.device())?;
        let depth = depth.to_dtype(xs.dtype())?.broadcast_as((n, height, width, 1))?;
        Tensor::cat(&[xs, &depth, &(xs * &depth)?], 3)
    };
    run().map_err(Error::tensor("depth channels"))
}
