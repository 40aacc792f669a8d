//! The decoder of UNet++ (Zhou, Siddiquee, Tajbakhsh and Liang 2018, <https://arxiv.org/abs/1807.10165>): a U-Net from each depth
//! up, where each map is joined with all those of its size that came before.
//!
//! Rows are counted from the deepest skip up and blocks named `x_{column}_{row}` as in segmentation_models.pytorch: block
//! `x_c_r` enlarges block `x_c_{r-1}`, or for `c = r` the encoder's features one level below, and joins blocks `x_{c+1}_r` to
//! `x_r_r` and the skip of row `r`. `x_0_r` is the path of a plain U-Net. (segmentation_models.pytorch builds a centre block for
//! VGG here too, but does not use it; here it is not built.)

use super::block::Block;
use super::{Decoded, no_features, size};
use crate::Result;
use crate::models::Architecture;
use crate::nn::{Mode, concat_all};
use candle_core::Tensor;
use candle_nn::VarBuilder;

#[derive(Debug)]
pub(crate) struct UnetPlusPlusDecoder {
    /// Row by row, in each from column 0 to the row's number.
    rows: Vec<Vec<Block>>,
    /// To the image's size, where the encoder has no skip of it.
    last: Option<Box<Block>>,
}

/// How many rows there are: as many as skips.
pub(super) fn rows(config: &Architecture) -> usize {
    config.skip_channels().len()
}

impl UnetPlusPlusDecoder {
    /// Parameters `blocks.x_0_0`, … under `vb`.
    pub(super) fn new(config: &Architecture, vb: VarBuilder) -> Result<UnetPlusPlusDecoder> {
        let (skips, channels) = (config.skip_channels(), config.block_channels());
        let deepest = config.deepest_channels();
        let block = |column: usize, row: usize, channels| {
            Block::new(channels, config, vb.pp("blocks").pp(format!("x_{column}_{row}")))
        };
        // What lies below row 0 is the deepest feature.
        let below = |row: usize, of: &[usize]| if row == 0 { deepest } else { of[row - 1] };
        let mut built = Vec::new();
        for (row, &skip) in skips.iter().enumerate() {
            let blocks = (0..=row).map(|column| match column {
                0 => block(0, row, [below(row, &channels), skip * (row + 1), channels[row]]),
                _ => block(column, row, [below(row, &skips), skip * (row + 1 - column), skip]),
            });
            built.push(blocks.collect::<Result<Vec<_>>>()?);
        }
        let rows = skips.len();
        let last = (rows < channels.len()).then(|| block(0, rows, [channels[rows - 1], 0, channels[rows]]));
        Ok(UnetPlusPlusDecoder { rows: built, last: last.transpose()?.map(Box::new) })
    }

    pub(super) fn forward(&self, features: &[Tensor], mode: Mode) -> Result<Decoded> {
        let (_, skips) = features.split_last().ok_or_else(no_features)?;
        // By column; the last of each is what the row before made.
        let mut below: Vec<Tensor> = Vec::new();
        for (row, blocks) in self.rows.iter().enumerate() {
            let at = skips.len().checked_sub(row + 1).ok_or_else(no_features)?;
            let (skip, from) = (&skips[at], features.get(at + 1).ok_or_else(no_features)?);
            let mut made: Vec<Tensor> = Vec::new();
            for (column, block) in blocks.iter().enumerate().rev() {
                let beside: Vec<Tensor> = made.iter().rev().chain([skip]).cloned().collect();
                let xs = if column == row { from } else { &below[column] };
                made.push(block.forward(xs, Some(&concat_all(&beside)?), size(skip)?, mode)?);
            }
            made.reverse();
            below = made;
        }
        if below.is_empty() {
            return Err(no_features());
        }
        let ys = below.remove(0);
        below.reverse();
        match &self.last {
            Some(last) => {
                let ys = last.forward(&ys, None, size(&features[0])?, mode)?;
                Ok(Decoded { ys, side: below })
            }
            None => Ok(Decoded { ys, side: below }),
        }
    }
}
