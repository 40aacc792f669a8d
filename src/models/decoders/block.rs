//! A step up of a decoder: enlarge, join the skip, convolve.

use super::residual::ResidualPair;
use crate::Result;
use crate::models::units::{ConvPair, Unit};
use crate::models::{Architecture, DecoderKind, Upsampling};
use crate::nn::{
    ConvTranspose2d, ConvTranspose2dConfig, Mode, ScSe, concat, training_dropout, upsample_concat,
    upsample_nearest2d,
};
use candle_core::Tensor;
use candle_nn::VarBuilder;

/// The channel gate of scSE looks at this share of the channels.
const REDUCTION: usize = 16;

#[derive(Debug)]
pub(super) struct Block {
    /// None: to the nearest pixel.
    up: Option<ConvTranspose2d>,
    /// Before the convolutions, where there is a skip, and behind them.
    attention: [Option<ScSe>; 2],
    /// The probability of dropping a value behind the join.
    dropout: f64,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Pair(Box<ConvPair>),
    Residual(Box<ResidualPair>),
}

impl Block {
    /// From `in_channels` below and `skip_channels` beside to `out_channels`. Parameters under `vb`: `up`, `attention1`, `conv1`,
    /// `conv2`, `attention2` (segmentation_models.pytorch's, and `up`), or those of [`ResidualPair`].
    pub(super) fn new(
        [in_channels, skip_channels, out_channels]: [usize; 3],
        config: &Architecture,
        vb: VarBuilder,
    ) -> Result<Block> {
        let up = match config.upsampling {
            Upsampling::Nearest => None,
            Upsampling::Transposed { kernel } => {
                let config = transposed(kernel);
                Some(ConvTranspose2d::new(in_channels, out_channels, config, vb.pp("up"))?)
            }
        };
        let joined = skip_channels + if up.is_some() { out_channels } else { in_channels };
        let gate = |wanted: bool, channels, name: &str| {
            wanted.then(|| ScSe::new(channels, REDUCTION, vb.pp(name).pp("attention"))).transpose()
        };
        let attention = [
            gate(config.attention && skip_channels > 0, joined, "attention1")?,
            gate(config.attention, out_channels, "attention2")?,
        ];
        let body = match config.residual {
            false => Body::Pair(Box::new(ConvPair::new([joined, out_channels], &config.units(), vb)?)),
            true => Body::Residual(Box::new(ResidualPair::new([joined, out_channels], &config.units(), vb)?)),
        };
        let dropout = if config.decoder == DecoderKind::Unet { config.dropout } else { 0.0 };
        Ok(Block { up, attention, dropout, body })
    }

    /// `xs` enlarged to `size`, joined with `skip`, convolved.
    pub(super) fn forward(
        &self,
        xs: &Tensor,
        skip: Option<&Tensor>,
        size: [usize; 2],
        mode: Mode,
    ) -> Result<Tensor> {
        let [height, width] = size;
        let mut joined = match (&self.up, skip) {
            (None, Some(skip)) => upsample_concat(xs, skip)?,
            (None, None) => upsample_nearest2d(xs, height, width)?,
            (Some(up), skip) => {
                let mut ys = up.forward(xs)?;
                // Features of an encoder that does not pad are not halves of each other.
                if super::size(&ys)? != size {
                    ys = upsample_nearest2d(&ys, height, width)?;
                }
                skip.map_or(Ok(ys.clone()), |skip| concat(&ys, skip))?
            }
        };
        let [before, behind] = &self.attention;
        if let Some(before) = before {
            joined = before.forward(&joined)?;
        }
        let joined = training_dropout(&joined, self.dropout, mode)?;
        let ys = match &self.body {
            Body::Pair(pair) => pair.forward(&joined, mode)?,
            Body::Residual(pair) => pair.forward(&joined, mode)?,
        };
        behind.as_ref().map_or(Ok(ys.clone()), |behind| behind.forward(&ys))
    }
}

/// What lies between the encoder and the first block: two units, or a residual pair that changes the channels.
#[derive(Debug)]
pub(super) enum Center {
    Pair(Box<[Unit; 2]>),
    Residual(Box<ResidualPair>),
}

impl Center {
    /// Parameters `0` and `1` under `vb` as in segmentation_models.pytorch, or those of [`ResidualPair`].
    pub(super) fn new(channels: [usize; 2], config: &Architecture, vb: VarBuilder) -> Result<Center> {
        let units = config.units();
        let unit = |channels, vb| Unit::new(channels, &units, vb);
        Ok(match config.residual {
            true => Center::Residual(Box::new(ResidualPair::new(channels, &units, vb)?)),
            false => Center::Pair(Box::new([unit(channels, vb.pp(0))?, unit([channels[1]; 2], vb.pp(1))?])),
        })
    }

    pub(super) fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        match self {
            Center::Pair(units) => units[1].forward(&units[0].forward(xs, mode)?, mode),
            Center::Residual(pair) => pair.forward(xs, mode),
        }
    }
}

/// One that doubles the size exactly.
fn transposed(kernel: usize) -> ConvTranspose2dConfig {
    let padding = [usize::from(kernel == 3); 2];
    ConvTranspose2dConfig {
        kernel: [kernel; 2],
        padding,
        output_padding: padding,
        ..ConvTranspose2dConfig::default()
    }
}
