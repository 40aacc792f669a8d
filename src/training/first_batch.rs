//! The batch that training would begin with, to be looked at.

use crate::Result;
use crate::models::Architecture;
use crate::nn::Batch;
use crate::training::TrainConfig;
use crate::training::pass::for_each_training_batch;
use crate::training::sampling::TrainingSet;
use crate::types::Dataset;
use candle_core::Device;
use std::ops::ControlFlow;

impl Architecture {
    /// The first batch of the first epoch; several where the images have several sizes.
    pub(crate) fn first_batch(&self, train: &Dataset, config: &TrainConfig) -> Result<Vec<Batch>> {
        config.check()?;
        self.check()?;
        let layout = self.batch_layout(config.batch_size, &Device::Cpu);
        let mut batches = Vec::new();
        let train = TrainingSet::new(train, config)?;
        for_each_training_batch(&train, layout, config, (1, config.batch_size), |batch| {
            batches.push(batch);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(batches)
    }
}
