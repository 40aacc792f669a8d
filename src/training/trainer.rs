//! The training loop.

use crate::metrics::mean_precision;
use crate::models::Model;
use crate::nn::{
    Batch, Optimizer, Replay, UpdateRule, backward, for_each_batch, seeded, sigmoid, without_gradients,
};
use crate::training::history::best_of;
use crate::training::objective::{mask_loss, training_loss};
use crate::training::pending::PendingLosses;
use crate::training::progress::Progress;
use crate::training::run_folder::RunFolder;
use crate::training::{Epoch, History, TrainConfig};
use crate::types::Dataset;
use crate::{Error, Result};
use candle_core::Tensor;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::time::Instant;

impl Model {
    /// Trains on `train`, watching `valid`: the loss of the settings, Adam, a line per epoch, a checkpoint after each.
    ///
    /// Afterwards the model has the weights of the epoch with the best validation score. Whatever stops the run — early
    /// stopping, the file `STOP` in the run folder, a killed kernel — the run folder has a checkpoint of the last whole
    /// epoch, and `resume(true)` goes on from it.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting out of range; [`Error::Id`] for an image without a mask; [`Error::NotFinite`] as
    /// soon as a loss is, on a GPU at the next line of progress, before the next checkpoint; [`Error::Io`] when the run folder cannot be written. After an error the model has the weights
    /// of the best epoch so far, as far as there is one.
    pub fn train(&mut self, train: &Dataset, valid: &Dataset, config: &TrainConfig) -> Result<History> {
        config.check()?;
        self.check_one_class()?;
        check_masks("train", train)?;
        check_masks("valid", valid)?;
        Trainer::new(self, train, valid, config)?.run()
    }
}

struct Trainer<'a> {
    model: &'a mut Model,
    train: &'a Dataset,
    valid: &'a Dataset,
    config: &'a TrainConfig,
    optimizer: Optimizer,
    /// On a GPU, the step as it is recorded.
    replay: Replay,
    folder: RunFolder,
    epochs: Vec<Epoch>,
    progress: Progress,
}

impl<'a> Trainer<'a> {
    fn new(
        model: &'a mut Model,
        train: &'a Dataset,
        valid: &'a Dataset,
        config: &'a TrainConfig,
    ) -> Result<Self> {
        let mut optimizer = Optimizer::new(UpdateRule::adam(), model.weights().trainable());
        let folder = RunFolder::open(config)?;
        let epochs = if config.resume { folder.restore_last(model, &mut optimizer)? } else { vec![] };
        let progress = Progress::new(config.epochs, train.len());
        let replay = Replay::default();
        Ok(Trainer { model, train, valid, config, optimizer, replay, folder, epochs, progress })
    }

    fn run(mut self) -> Result<History> {
        self.progress.start(&format!("{:?}", self.model), self.epochs.len(), self.folder.path());
        let ended = self.run_epochs();
        // Also after an error: the best weights are worth more than those of the step that failed.
        if self.best_epoch().is_some() && self.folder.best().exists() {
            self.model.load_weights(self.folder.best())?;
        }
        let history = History { run_folder: self.folder.path().into(), ended: ended?, epochs: self.epochs };
        self.progress.end(&history);
        Ok(history)
    }

    /// Epoch after epoch; why it ended.
    fn run_epochs(&mut self) -> Result<String> {
        while self.epochs.len() < self.config.epochs {
            let without_gain = self.epochs.len() - self.best_epoch().map_or(0, |best| best.epoch);
            if without_gain >= self.config.patience {
                return Ok(format!("stopped early after {without_gain} epochs without a better score"));
            }
            let Some(epoch) = self.epoch(self.epochs.len() + 1)? else {
                return Ok(format!("stopped by {}", self.folder.stop_file().display()));
            };
            self.epochs.push(epoch);
            let is_best = self.best_epoch() == Some(epoch);
            if is_best {
                self.model.save(self.folder.best())?;
            }
            self.folder.save_last(self.model, &self.optimizer, &self.epochs, self.config)?;
            self.progress.epoch(&epoch, is_best);
        }
        Ok("all epochs done".into())
    }

    /// One pass over the training set and one over the validation set; `None` when the stop file ended it.
    fn epoch(&mut self, number: usize) -> Result<Option<Epoch>> {
        let start = Instant::now();
        let learning_rate = self.learning_rate();
        let Some(train_loss) = self.train_epoch(number)? else { return Ok(None) };
        let train_seconds = start.elapsed().as_secs_f64();
        let (valid_loss, mean_precision) = self.validate()?;
        Ok(Some(Epoch {
            epoch: number,
            train_loss,
            valid_loss,
            mean_precision,
            learning_rate,
            images_per_second: self.train.len() as f64 / train_seconds.max(1e-9),
            seconds: start.elapsed().as_secs_f64(),
        }))
    }

    fn train_epoch(&mut self, number: usize) -> Result<Option<f64>> {
        let order = shuffled(self.train.len(), self.config.seed, number);
        let (augment, seed, mut layout) =
            (self.config.augment.clone(), self.config.seed, self.model.batch_layout(self.config.batch_size));
        layout.mixup = augment.mixing(seed, number);
        let (mut losses, mut stopped) = (PendingLosses::new(number), false);
        for_each_batch(
            self.train,
            &order,
            &layout,
            |i, sample| augment.apply(sample, seed, number, i),
            |batch| {
                stopped = stopped || self.folder.stop_file().exists();
                if !stopped {
                    self.step(&batch, &mut losses)?;
                    if self.progress.is_due() {
                        self.progress.step(losses.images(), losses.read()?);
                    }
                }
                Ok(())
            },
        )?;
        let loss = losses.read()?;
        Ok((!stopped).then_some(loss))
    }

    /// Forward, backward, Adam; `losses` gets the loss before the step.
    fn step(&mut self, batch: &Batch, losses: &mut PendingLosses) -> Result<()> {
        let learning_rate = self.learning_rate();
        let seed = dropout_seed(self.config.seed, self.optimizer.steps());
        let Trainer { model, optimizer, replay, config, .. } = self;
        let loss = |images: &Tensor, targets: [&Tensor; 2]| {
            let outputs = seeded(seed, || model.outputs(images))?;
            training_loss(&config.loss, &outputs, batch, targets)
        };
        let targets = batch.targets()?;
        if model.device().is_cpu() {
            let loss = loss(&batch.images, targets)?;
            losses.push(loss.detach(), &batch.ids);
            // Before the step, so that a loss that is no number changes no weight.
            losses.read()?;
            return optimizer.step(&backward(loss)?, learning_rate);
        }
        optimizer.prepare(learning_rate)?;
        let step = |inputs: &[&Tensor]| {
            let loss = loss(inputs[0], [inputs[1], inputs[2]])?;
            let value = loss.detach();
            optimizer.descend(&backward(loss)?)?;
            Ok(value)
        };
        // SAFETY: weights, running statistics and what the optimizer remembers are only ever written in place, and the trainer
        // holds the model and the optimizer as long as `replay`.
        let value = unsafe { replay.run(&[&batch.images, targets[0], targets[1]], step) }?;
        losses.push(value, &batch.ids);
        Ok(())
    }

    /// Loss and score of the validation set, the score at threshold 0.5 and at the size of the images.
    fn validate(&self) -> Result<(f64, f64)> {
        // One scope over all batches: weights are folded and packed once.
        without_gradients(|| self.validate_batches())
    }

    fn validate_batches(&self) -> Result<(f64, f64)> {
        let (mut loss, mut score) = (0.0, 0.0);
        let indices: Vec<usize> = (0..self.valid.len()).collect();
        let layout = self.model.batch_layout(self.config.batch_size);
        for_each_batch(
            self.valid,
            &indices,
            &layout,
            |_, sample| Ok(sample),
            |batch| {
                let logits = batch.crop(&self.model.logits(&batch.images)?)?;
                let value = mask_loss(&self.config.loss, &logits, batch.targets()?[0])?;
                let value = value.to_scalar::<f32>().map_err(Error::tensor("loss"))?;
                loss += f64::from(value) * batch.ids.len() as f64;
                // As `predict` does it: probabilities at the size of the image, cut at 0.5.
                for (truth, map) in batch.masks.iter().zip(batch.at_original_size(&sigmoid(&logits)?)?) {
                    score += mean_precision(truth, &map.threshold(0.5)?)?;
                }
                Ok(())
            },
        )?;
        let images = self.valid.len().max(1) as f64;
        Ok((loss / images, score / images))
    }

    fn learning_rate(&self) -> f64 {
        let steps = self.config.epochs * self.train.len().div_ceil(self.config.batch_size);
        self.config.learning_rate * self.config.schedule.factor(self.optimizer.steps(), steps)
    }

    fn best_epoch(&self) -> Option<Epoch> {
        best_of(&self.epochs)
    }
}

pub(super) fn shuffled(len: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((epoch as u64) << 32);
    let mut order: Vec<usize> = (0..len).collect();
    order.shuffle(&mut rng);
    order
}

/// Another one at each step, and the same one when a run that was stopped comes to that step again.
fn dropout_seed(seed: u64, step: usize) -> u64 {
    ChaCha8Rng::seed_from_u64(seed ^ (step as u64).rotate_left(32)).next_u64()
}

fn check_masks(name: &str, dataset: &Dataset) -> Result<()> {
    if dataset.is_empty() {
        return Err(Error::Shape {
            what: format!("{name} dataset"),
            expected: "at least one image".into(),
            got: "none".into(),
            hint: "split a larger dataset".into(),
        });
    }
    match dataset.coverages()?.iter().position(Option::is_none) {
        Some(at) => {
            let id = dataset.ids().swap_remove(at);
            Err(Error::Id { id, why: format!("has no mask, so it cannot be in the {name} dataset") })
        }
        None => Ok(()),
    }
}
