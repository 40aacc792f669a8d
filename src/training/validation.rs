//! How a model does on the validation set during a run.

use crate::Result;
use crate::losses::Loss;
use crate::metrics::{dice, iou, mean_precision};
use crate::models::Model;
use crate::nn::{Batch, for_each_batch, sigmoid, without_gradients};
use crate::training::objective::mask_loss;
use crate::training::pending::PendingLosses;
use crate::types::{Dataset, Mask};

/// Means over the images; the scores at threshold 0.5 and at the size of the images.
#[derive(Clone, Copy)]
pub(super) struct Validation {
    pub(super) loss: f64,
    pub(super) mean_precision: f64,
    pub(super) iou: f64,
    pub(super) dice: f64,
}

/// Loss and scores of a model on a dataset with masks, after an epoch.
///
/// # Errors
/// [`Error::NotFinite`](crate::Error::NotFinite) names the images of a batch whose loss is not finite.
pub(super) fn validate(
    model: &Model,
    dataset: &Dataset,
    loss: &Loss,
    (batch_size, epoch): (usize, usize),
) -> Result<Validation> {
    let (mut losses, mut scores) = (PendingLosses::new(epoch), [0.0; 3]);
    let indices: Vec<usize> = (0..dataset.len()).collect();
    let layout = model.batch_layout(batch_size);
    let step = |batch: Batch| {
        let logits = batch.crop(&model.logits(&batch.images)?)?;
        losses.push(mask_loss(loss, &logits, batch.targets()?[0])?, &batch.ids);
        losses.read()?;
        // As `predict` does it: probabilities at the size of the image, cut at 0.5.
        let maps = batch.at_original_size(&sigmoid(&logits)?)?;
        let classes = maps.len() / batch.masks.len().max(1);
        for (truth, maps) in batch.masks.iter().zip(maps.chunks(classes.max(1))) {
            let planes = maps.iter().map(|map| map.threshold(0.5)).collect::<Result<Vec<_>>>()?;
            let mask = Mask::stack(&planes)?;
            scores[0] += mean_precision(truth, &mask)?;
            scores[1] += iou(truth, &mask)?;
            scores[2] += dice(truth, &mask)?;
        }
        Ok(())
    };
    // One scope over all batches: weights are folded and packed once.
    without_gradients(|| for_each_batch(dataset, &indices, &layout, |_, sample| Ok(sample), step))?;
    let [mean_precision, iou, dice] = scores.map(|sum| sum / dataset.len().max(1) as f64);
    Ok(Validation { loss: losses.read()?, mean_precision, iou, dice })
}
