//! The batches of one pass over a training set.

use crate::Result;
use crate::models::Precision;
use crate::nn::{Batch, BatchLayout, for_each_read};
use crate::training::TrainConfig;
use crate::training::sampling::{TrainingSet, shuffled};
use candle_core::DType;
use std::ops::ControlFlow;
use std::time::Duration;

/// Calls `step` with the batches of an epoch, counted from 1, in the epoch's order, augmented and mixed; of `images` at most, and
/// until a step breaks. How long the steps have waited for them.
pub(super) fn for_each_training_batch(
    train: &TrainingSet,
    mut layout: BatchLayout,
    config: &TrainConfig,
    (epoch, images): (usize, usize),
    step: impl FnMut(Batch) -> Result<ControlFlow<()>>,
) -> Result<Duration> {
    let TrainConfig { augment, seed, .. } = config;
    layout.mixup = augment.mixing(*seed, epoch);
    layout.dtype = match config.precision {
        Precision::F32 => DType::F32,
        Precision::Bf16 => DType::BF16,
    };
    let draws = train.draws(*seed, epoch);
    let mut order = shuffled(draws.len(), *seed, epoch);
    order.truncate(images);
    // Augmentation depends on the number of the draw: an image that is drawn twice is seen in two ways.
    let read = |draw: usize| augment.apply(train.get(draws[draw])?, *seed, epoch, draw);
    for_each_read(&order, &layout, |draw| train.id(draws[draw]), read, step)
}
