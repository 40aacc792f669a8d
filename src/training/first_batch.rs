//! The batch that training would begin with, to be looked at.

use crate::Result;
use crate::models::Architecture;
use crate::nn::{Batch, for_each_batch};
use crate::training::TrainConfig;
use crate::training::trainer::shuffled;
use crate::types::Dataset;
use candle_core::Device;

impl Architecture {
    /// The first batch of the first epoch; several where the images have several sizes.
    pub(crate) fn first_batch(&self, train: &Dataset, config: &TrainConfig) -> Result<Vec<Batch>> {
        config.check()?;
        self.check()?;
        let (seed, epoch) = (config.seed, 1);
        let order = shuffled(train.len(), seed, epoch);
        let first = order.get(..config.batch_size).unwrap_or(&order);
        let mut layout = self.batch_layout(config.batch_size, &Device::Cpu);
        layout.mixup = config.augment.mixing(seed, epoch);
        let mut batches = Vec::new();
        let augment = |i, sample| config.augment.apply(sample, seed, epoch, i);
        for_each_batch(train, first, &layout, augment, |batch| {
            batches.push(batch);
            Ok(())
        })?;
        Ok(batches)
    }
}
