//! What a training step minimises.

use crate::Result;
use crate::losses::{bce, weighted_sum};
use crate::models::Outputs;
use crate::nn::Batch;
use candle_core::Tensor;

/// What the head that tells whether there is anything adds.
const PRESENCE_WEIGHT: f64 = 0.1;

/// Binary cross-entropy, averaged over all heads that give a mask (Zhou et al. 2018), plus a tenth of that of the presence head.
/// The outputs have channels last. The targets are those of the batch, wherever they lie: see [`Batch::targets`].
pub(super) fn training_loss(outputs: &Outputs, batch: &Batch, [target, any]: [&Tensor; 2]) -> Result<Tensor> {
    let share = 1.0 / (1 + outputs.side.len()) as f64;
    let mut losses = Vec::new();
    for logits in std::iter::once(&outputs.logits).chain(&outputs.side) {
        losses.push((share, bce(&batch.crop(logits)?, target)?));
    }
    if let Some(presence) = &outputs.presence {
        losses.push((PRESENCE_WEIGHT, bce(presence, any)?));
    }
    weighted_sum(&losses)
}
