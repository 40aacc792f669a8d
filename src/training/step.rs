//! One pass over the training set, step by step.

use crate::Result;
use crate::models::Model;
use crate::nn::{Batch, backward, cumulative_batch_norm, seeded};
use crate::training::averaging::Average;
use crate::training::objective::training_loss;
use crate::training::pass::for_each_training_batch;
use crate::training::pending::PendingLosses;
use crate::training::schedule::Place;
use crate::training::trainer::Trainer;
use crate::training::{Schedule, TrainConfig};
use candle_core::Tensor;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::ops::ControlFlow;

impl Trainer<'_> {
    /// The mean loss before the steps; `None` when the stop file ended it.
    pub(super) fn train_epoch(&mut self, number: usize) -> Result<Option<f64>> {
        let (mut losses, mut batches, mut stopped) = (PendingLosses::new(number), 0, false);
        let config = self.config;
        let (train, layout) = (self.train, self.model.batch_layout(config.batch_size));
        let waited = for_each_training_batch(train, layout, config, (number, train.len()), |batch| {
            stopped = self.folder.stop_file().exists();
            if stopped {
                return Ok(ControlFlow::Break(()));
            }
            let seed = dropout_seed(config.seed, number, batches);
            batches += 1;
            self.step(&batch, (number, seed), &mut losses)?;
            if batches % config.accumulate == 0 {
                self.end_step(number, losses.images())?;
            }
            if self.progress.is_due() {
                self.progress.step(losses.images(), losses.read()?);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if batches % config.accumulate != 0 && !stopped {
            self.end_step(number, losses.images())?;
        }
        self.progress.waited = waited.as_secs_f64();
        let loss = losses.read()?;
        Ok((!stopped).then_some(loss))
    }

    /// Forward, backward, and without accumulation the optimizer's step; `losses` gets the loss before the step.
    fn step(
        &mut self,
        batch: &Batch,
        (number, seed): (usize, u64),
        losses: &mut PendingLosses,
    ) -> Result<()> {
        let learning_rate = self.learning_rate();
        let Trainer { model, stepper, replay, config, .. } = self;
        let loss = |images: &Tensor, targets: [&Tensor; 2]| {
            batch_loss(model, (config, number), batch, (images, targets), seed)
        };
        let targets = batch.targets()?;
        if config.accumulate > 1 || model.device().is_cpu() {
            let loss = loss(&batch.images, targets)?;
            losses.push(loss.detach(), &batch.ids);
            if model.device().is_cpu() {
                // Before the step, so that a loss that is no number changes no weight.
                losses.read()?;
            }
            let gradients = backward(loss)?;
            return match config.accumulate {
                1 => stepper.step(&gradients, learning_rate),
                _ => stepper.accumulate(&gradients, batch.ids.len() as f64),
            };
        }
        stepper.prepare(learning_rate)?;
        let step = |inputs: &[&Tensor]| {
            let loss = loss(inputs[0], [inputs[1], inputs[2]])?;
            let value = loss.detach();
            stepper.descend(&backward(loss)?)?;
            Ok(value)
        };
        // SAFETY: weights, running statistics and what the optimizer remembers are only ever written in place, and the trainer
        // holds the model and the optimizer as long as `replay`.
        let value = unsafe { replay.run(&[&batch.images, targets[0], targets[1]], step) }?;
        losses.push(value, &batch.ids);
        Ok(())
    }

    /// With accumulation the optimizer's step; then what follows a step, after so many images of an epoch.
    fn end_step(&mut self, number: usize, images: usize) -> Result<()> {
        if self.config.accumulate > 1 {
            let learning_rate = self.learning_rate();
            self.stepper.step_accumulated(learning_rate)?;
        }
        self.steps = self.steps_after(number, images);
        let Some(decay) = self.config.ema else { return Ok(()) };
        match &mut self.ema {
            Some(ema) => ema.decay(self.model.weights(), decay),
            None => {
                self.ema = Some(Average::new(self.model.weights())?);
                Ok(())
            }
        }
    }

    /// The running statistics of batch norm become those of an epoch, as the weights are now.
    pub(super) fn measure_batch_norm(&self) -> Result<()> {
        let (model, config) = (&*self.model, self.config);
        let (number, layout) = (config.epochs + 1, model.batch_layout(config.batch_size));
        let mut batches = 0;
        for_each_training_batch(self.train, layout, config, (number, self.train.len()), |batch| {
            let seed = dropout_seed(config.seed, number, batches);
            let forward = || seeded(seed, || model.outputs(&batch.images));
            cumulative_batch_norm(batches, forward)?;
            batches += 1;
            Ok(ControlFlow::Continue(()))
        })
        .map(drop)
    }

    fn steps_per_epoch(&self) -> usize {
        let TrainConfig { batch_size, accumulate, .. } = *self.config;
        self.train.len().div_ceil(batch_size).div_ceil(accumulate)
    }

    /// Steps of the schedule after so many images of an epoch. Where images have several sizes, batches are cut and there are more
    /// steps than these, but the rate goes with the images all the same.
    pub(super) fn steps_after(&self, number: usize, images: usize) -> usize {
        let TrainConfig { batch_size, accumulate, .. } = *self.config;
        let (per_epoch, per_step) = (self.steps_per_epoch(), batch_size.saturating_mul(accumulate).max(1));
        (number - 1) * per_epoch + (images / per_step).min(per_epoch.saturating_sub(1))
    }

    /// Of the next step. From the first average on it stays, unless it goes in cycles.
    pub(super) fn learning_rate(&self) -> f64 {
        let TrainConfig { epochs, warmup, schedule, monitor, swa_from, .. } = *self.config;
        let (mut step, mut values) = (self.steps, self.values());
        if let Some(from) = swa_from.filter(|_| !matches!(schedule, Schedule::CosineRestarts { .. })) {
            step = step.min((from - 1) * self.steps_per_epoch());
            values.truncate(from - 1);
        }
        let steps_per_epoch = self.steps_per_epoch();
        let place = Place { step, steps_per_epoch, epochs, warmup, values: &values, monitor };
        self.config.learning_rate * schedule.factor(place)
    }
}

/// The loss of a batch, whose images and targets may lie elsewhere.
pub(super) fn batch_loss(
    model: &Model,
    (config, epoch): (&TrainConfig, usize),
    batch: &Batch,
    (images, targets): (&Tensor, [&Tensor; 2]),
    seed: u64,
) -> Result<Tensor> {
    let outputs = seeded(seed, || model.outputs(images))?;
    training_loss((config.loss_in(epoch), config.side_weight), &outputs, batch, targets)
}

/// Another one at each batch, and the same one when a run that was stopped comes to that batch again.
pub(super) fn dropout_seed(seed: u64, epoch: usize, batch: usize) -> u64 {
    let place = ((epoch as u64) << 32) | batch as u64;
    ChaCha8Rng::seed_from_u64(seed ^ place.rotate_left(16)).next_u64()
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
