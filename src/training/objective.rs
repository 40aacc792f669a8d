//! What a training step minimises.

use crate::Result;
use crate::losses::{Loss, Order, bce, weighted_sum};
use crate::models::Outputs;
use crate::nn::Batch;
use candle_core::Tensor;

/// What the head that tells whether there is anything adds.
const PRESENCE_WEIGHT: f64 = 0.1;

/// The loss of the run, averaged over all heads that give a mask (Zhou et al. 2018), plus a tenth of the cross-entropy of the
/// presence head.
/// The outputs have channels last. The targets are those of the batch, wherever they lie: see [`Batch::targets`].
pub(super) fn training_loss(
    loss: &Loss,
    outputs: &Outputs,
    batch: &Batch,
    [target, any]: [&Tensor; 2],
) -> Result<Tensor> {
    let share = 1.0 / (1 + outputs.side.len()) as f64;
    let mut losses = Vec::new();
    for logits in std::iter::once(&outputs.logits).chain(&outputs.side) {
        losses.push((share, mask_loss(loss, &batch.crop(logits)?, target)?));
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
