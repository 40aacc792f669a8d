//! The batches of one pass over a training set.

use crate::Result;
use crate::models::Precision;
use crate::nn::{Batch, BatchLayout, for_each_batch};
use crate::training::TrainConfig;
use crate::types::{Dataset, Sample};
use candle_core::DType;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::time::Duration;

/// Calls `step` with the batches of an epoch, counted from 1, in the epoch's order, augmented and mixed; of `images` at most.
/// How long the steps have waited for them.
pub(super) fn for_each_training_batch(
    train: &Dataset,
    mut layout: BatchLayout,
    config: &TrainConfig,
    (epoch, images): (usize, usize),
    step: impl FnMut(Batch) -> Result<()>,
) -> Result<Duration> {
    let TrainConfig { augment, seed, .. } = config;
    layout.mixup = augment.mixing(*seed, epoch);
    layout.dtype = match config.precision {
        Precision::F32 => DType::F32,
        Precision::Bf16 => DType::BF16,
    };
    let mut order = shuffled(train.len(), *seed, epoch);
    order.truncate(images);
    let prepare = |i, sample: Sample| augment.apply(sample, *seed, epoch, i);
    for_each_batch(train, &order, &layout, prepare, step)
}

fn shuffled(len: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((epoch as u64) << 32);
    let mut order: Vec<usize> = (0..len).collect();
    order.shuffle(&mut rng);
    order
}
