//! What a training step minimises.

use crate::losses::{bce, weighted_sum};
use crate::models::Outputs;
use crate::nn::Batch;
use crate::{Error, Result};
use candle_core::Tensor;

/// What the head that tells whether there is anything adds.
const PRESENCE_WEIGHT: f64 = 0.1;

/// Binary cross-entropy, averaged over all heads that give a mask (Zhou et al. 2018), plus a tenth of that of the presence head.
/// The outputs have channels last.
pub(super) fn training_loss(outputs: &Outputs, batch: &Batch) -> Result<Tensor> {
    let target = batch.target()?;
    let share = 1.0 / (1 + outputs.side.len()) as f64;
    let mut losses = Vec::new();
    for logits in std::iter::once(&outputs.logits).chain(&outputs.side) {
        losses.push((share, bce(&batch.crop(logits)?, &target)?));
    }
    if let Some(presence) = &outputs.presence {
        let any: Vec<f32> = batch.masks.iter().map(|mask| f32::from(u8::from(!mask.is_empty()))).collect();
        let any = Tensor::from_vec(any, (batch.masks.len(), 1, 1, 1), presence.device());
        losses.push((PRESENCE_WEIGHT, bce(presence, &any.map_err(Error::tensor("presence"))?)?));
    }
    weighted_sum(&losses)
}
