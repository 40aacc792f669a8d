//! What a training step minimises.

use crate::Result;
use crate::losses::{Loss, Order, bce, weighted_sum};
use crate::models::Outputs;
use crate::nn::Batch;
use candle_core::Tensor;

/// What the head that tells whether there is anything adds.
const PRESENCE_WEIGHT: f64 = 0.1;

/// The loss of the run over all heads that give a mask, those on the way weighing `side_weight` beside the main one's 1, as a mean
/// (Zhou et al. 2018 with the weight 1), plus a tenth of the cross-entropy of the presence head.
/// The outputs have channels last. The targets are those of the batch, wherever they lie: see [`Batch::targets`].
pub(super) fn training_loss(
    (loss, side_weight): (&Loss, f64),
    outputs: &Outputs,
    batch: &Batch,
    [target, any]: [&Tensor; 2],
) -> Result<Tensor> {
    let sides = outputs.side.iter().map(|side| (side_weight, side)).filter(|(weight, _)| *weight > 0.0);
    let heads: Vec<(f64, &Tensor)> = std::iter::once((1.0, &outputs.logits)).chain(sides).collect();
    let all: f64 = heads.iter().map(|(weight, _)| weight).sum();
    let mut losses = Vec::new();
    for (weight, logits) in heads {
        losses.push((weight / all, mask_loss(loss, &batch.crop(logits)?, target)?));
    }
    if let Some(presence) = &outputs.presence {
        losses.push((PRESENCE_WEIGHT, bce(presence, any)?));
    }
    weighted_sum(&losses)
}

/// The loss of logits with channels last.
pub(super) fn mask_loss(loss: &Loss, logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    loss.compute_in(Order::ChannelsLast, logits, target)
}
