//! What can be set of a training run.

use crate::losses::Loss;
use crate::models::Precision;
use crate::nn::Optimizer;
use crate::training::{Metric, Sampling, Schedule};
use crate::transform::Augment;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How to train; saved inside every checkpoint.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `epochs` | 40 | passes over the training set, at most | ≥ 1 |
/// | `batch_size` | 16 | images per forward pass | ≥ 1 |
/// | `accumulate` | 1 | batches per step of the optimizer | ≥ 1 |
/// | `learning_rate` | 0.001 | at its highest | > 0 |
/// | `encoder_rate` | 1 | factor of the encoder's learning rate, below 1 for a pretrained one | ≥ 0 |
/// | `optimizer` | Adam | how weights follow their gradients | [`Optimizer`] |
/// | `weight_decay` | 0 | L2 penalty of all weights but biases and norms; of AdamW, their decay | ≥ 0 |
/// | `clip_norm` | none | the longest gradient, over all weights together | > 0 |
/// | `loss` | binary cross-entropy | what is minimised, of every head that gives a mask | [`Loss`] |
/// | `loss_from` | none | another loss from an epoch on, counted from 1 | an epoch of the run |
/// | `side_weight` | 1 | weight of each head of deep supervision beside the main one | ≥ 0 |
/// | `schedule` | cosine | how the rate changes over the run | [`Schedule`] |
/// | `warmup` | 0 | epochs in which the rate rises to its full height first | < `epochs` |
/// | `unfreeze_at` | never | the epoch, from 1, with which frozen layers start to learn, with a new optimizer | ≥ 1 |
/// | `monitor` | mean precision | chooses the best epoch and stops early | [`Metric`] |
/// | `patience` | 10 | epochs without a better value before stopping early | ≥ 1 |
/// | `ema` | none | moving average of the weights that is validated and kept: what each step leaves of it | (0, 1) |
/// | `swa_from` | never | the epoch, from 1, with which the averaging of weights begins | ≥ 1 |
/// | `sampling` | shuffled | which images an epoch has | [`Sampling`] |
/// | `augment` | horizontal flip 0.5 | random changes of the samples, mixup | [`Augment`] |
/// | `precision` | f32 | of activations; `Bf16` on CUDA only | [`Precision`] |
/// | `seed` | 42 | of the order of the images, augmentation and dropout | any |
/// | `run_folder` | `runs/last` | where checkpoints and measurements go | a folder that can be written |
/// | `resume` | false | go on from the run folder's checkpoint, where there is one | |
///
/// ```
/// use tgs_salt::prelude::*;
/// let config = TrainConfig::default().epochs(12).optimizer(Optimizer::sgd()).learning_rate(0.01).weight_decay(1e-4);
/// assert_eq!((config.epochs, config.batch_size), (12, 16));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)] // a setting that an older checkpoint does not know has its default
pub struct TrainConfig {
    /// Passes over the training set, at most.
    pub epochs: usize,
    /// Images per forward pass.
    pub batch_size: usize,
    /// Batches per step of the optimizer.
    pub accumulate: usize,
    /// At its highest.
    pub learning_rate: f64,
    /// Factor of the encoder's learning rate.
    pub encoder_rate: f64,
    /// How weights follow their gradients.
    pub optimizer: Optimizer,
    /// L2 penalty of all weights but biases and norms.
    pub weight_decay: f64,
    /// The longest gradient, over all weights together.
    pub clip_norm: Option<f64>,
    /// What is minimised, of every head that gives a mask.
    pub loss: Loss,
    /// Another loss from an epoch on, counted from 1.
    pub loss_from: Option<(usize, Loss)>,
    /// Weight of each head of deep supervision beside the main one.
    pub side_weight: f64,
    /// How the rate changes over the run.
    pub schedule: Schedule,
    /// Epochs in which the rate rises to its full height first.
    pub warmup: usize,
    /// The epoch with which frozen layers start to learn.
    pub unfreeze_at: Option<usize>,
    /// Chooses the best epoch and stops early.
    pub monitor: Metric,
    /// Epochs without a better value before stopping early.
    pub patience: usize,
    /// What each step leaves of the moving average of the weights.
    pub ema: Option<f64>,
    /// The epoch with which the averaging of weights begins.
    pub swa_from: Option<usize>,
    /// Which images an epoch has.
    pub sampling: Sampling,
    /// Random changes of the samples.
    pub augment: Augment,
    /// Of activations.
    pub precision: Precision,
    /// Of the order of the images, augmentation and dropout.
    pub seed: u64,
    /// Where checkpoints and measurements go.
    pub run_folder: PathBuf,
    /// Go on from the run folder's checkpoint, where there is one.
    pub resume: bool,
}

impl Default for TrainConfig {
    fn default() -> Self {
        TrainConfig {
            epochs: 40,
            batch_size: 16,
            accumulate: 1,
            learning_rate: 1e-3,
            encoder_rate: 1.0,
            optimizer: Optimizer::adam(),
            weight_decay: 0.0,
            clip_norm: None,
            loss: Loss::Bce,
            loss_from: None,
            side_weight: 1.0,
            schedule: Schedule::Cosine,
            warmup: 0,
            unfreeze_at: None,
            monitor: Metric::MeanPrecision,
            patience: 10,
            ema: None,
            swa_from: None,
            sampling: Sampling::Shuffled,
            augment: Augment::default(),
            precision: Precision::F32,
            seed: 42,
            run_folder: "runs/last".into(),
            resume: false,
        }
    }
}

impl TrainConfig {
    setters! {
        TrainConfig,
        /// Passes over the training set, at most.
        epochs: usize,
        /// Images per forward pass.
        batch_size: usize,
        /// Batches per step of the optimizer: 4 batches of 4 images step as one of 16, but for batch norm, in the memory of 4.
        accumulate: usize,
        /// At its highest. [`Model::lr_find`](crate::Model::lr_find) proposes one.
        learning_rate: f64,
        /// Factor of the encoder's learning rate: a tenth keeps what a pretrained encoder knows.
        encoder_rate: f64,
        /// How weights follow their gradients.
        optimizer: Optimizer,
        /// L2 penalty of all weights but biases and norms; AdamW takes it off the weights themselves.
        weight_decay: f64,
        /// What is minimised, of every head that gives a mask.
        ///
        /// ```
        /// use tgs_salt::prelude::*;
        /// let config = TrainConfig::default().loss(Loss::sum([(1.0, Loss::Bce), (0.5, Loss::Dice)]));
        /// assert_eq!(config.loss.to_string(), "1 × bce + 0.5 × dice");
        /// ```
        loss: Loss,
        /// Weight of each head of deep supervision beside the main one, whose weight is 1; they add up to one loss.
        side_weight: f64,
        /// How the rate changes over the run.
        schedule: Schedule,
        /// Epochs in which the rate rises from 0 to its full height, before `schedule` begins.
        warmup: usize,
        /// Chooses the best epoch and stops early.
        monitor: Metric,
        /// Epochs without a better value before stopping early.
        patience: usize,
        /// Which images an epoch has: `Balanced`, where classes are rare or most images have none.
        sampling: Sampling,
        /// Random changes of the samples.
        augment: Augment,
        /// Of activations; weights, their gradients and the optimizer are f32 in any case.
        precision: Precision,
        /// Of the order of the images, augmentation and dropout.
        seed: u64,
        /// Go on from the run folder's checkpoint, where there is one; else start afresh. With the same settings the
        /// weights end up bit for bit as if the run had never been interrupted.
        resume: bool,
    }

    /// Another loss from this epoch on, counted from 1, for losses that only work on a network that has learnt something:
    /// `.loss_from(31, Loss::LovaszElu)`, as the winners of the competition trained. The losses of a history change their
    /// meaning there.
    pub fn loss_from(mut self, epoch: usize, loss: Loss) -> Self {
        self.loss_from = Some((epoch, loss));
        self
    }

    /// What is minimised in an epoch, counted from 1.
    pub(crate) fn loss_in(&self, epoch: usize) -> &Loss {
        match &self.loss_from {
            Some((from, loss)) if epoch >= *from => loss,
            _ => &self.loss,
        }
    }

    /// The longest gradient, over all weights together; a longer one is shortened (Pascanu et al. 2013,
    /// <https://arxiv.org/abs/1211.5063>).
    pub fn clip_norm(mut self, norm: f64) -> Self {
        self.clip_norm = Some(norm);
        self
    }

    /// The epoch, counted from 1, with which all frozen layers start to learn. The optimizer forgets the steps before.
    pub fn unfreeze_at(mut self, epoch: usize) -> Self {
        self.unfreeze_at = Some(epoch);
        self
    }

    /// Validates and keeps a moving average of the weights, of which each step leaves the share `decay`; 0.999 is usual. In
    /// the first steps it is `(1 + t) / (10 + t)` at most, so that the start is soon forgotten.
    pub fn ema(mut self, decay: f64) -> Self {
        self.ema = Some(decay);
        self
    }

    /// Stochastic weight averaging (Izmailov et al. 2018, <https://arxiv.org/abs/1803.05407>): from this epoch on, counted
    /// from 1, the weights at the end of each epoch are averaged, and the learning rate stays where it is then; with
    /// [`Schedule::CosineRestarts`] it does not, and the ends of its cycles are averaged. After the last epoch batch norm
    /// measures its statistics anew. The model gets the averaged weights if they are not worse than the best epoch's.
    pub fn swa_from(mut self, epoch: usize) -> Self {
        self.swa_from = Some(epoch);
        self
    }

    /// Where checkpoints and measurements go.
    pub fn run_folder(mut self, run_folder: impl AsRef<Path>) -> Self {
        self.run_folder = run_folder.as_ref().into();
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        match self.counts().into_iter().chain(self.numbers()).find(|rule| !rule.1) {
            Some((field, _, got, expected)) => {
                return Err(Error::Config { field, got, expected: expected.into() });
            }
            None => self.schedule.check()?,
        }
        self.optimizer.check()?;
        self.loss.check()?;
        self.loss_in(usize::MAX).check()?;
        self.augment.check()
    }

    fn counts(&self) -> [Rule; 9] {
        let at_least_1 = |field, count: usize| (field, count > 0, count.to_string(), "at least 1");
        let swa_from = self.swa_from.unwrap_or(1);
        let loss_from = self.loss_from.as_ref().map_or(1, |(epoch, _)| *epoch);
        let is_in_run = (1..=self.epochs).contains(&loss_from);
        [
            at_least_1("epochs", self.epochs),
            ("loss_from", is_in_run, loss_from.to_string(), "an epoch of the run"),
            at_least_1("batch_size", self.batch_size),
            at_least_1("accumulate", self.accumulate),
            at_least_1("patience", self.patience),
            at_least_1("unfreeze_at", self.unfreeze_at.unwrap_or(1)),
            at_least_1("swa_from", swa_from),
            ("swa_from", swa_from <= self.epochs, swa_from.to_string(), "an epoch of the run"),
            ("warmup", self.warmup < self.epochs, self.warmup.to_string(), "fewer epochs than the run has"),
        ]
    }

    fn numbers(&self) -> [Rule; 6] {
        let positive = |field, value: f64| {
            (field, value > 0.0 && value.is_finite(), value.to_string(), "a number above 0")
        };
        let factor = |field, value: f64| {
            (field, value >= 0.0 && value.is_finite(), value.to_string(), "a number, at least 0")
        };
        let ema = self.ema.unwrap_or(0.5);
        [
            positive("learning_rate", self.learning_rate),
            positive("clip_norm", self.clip_norm.unwrap_or(1.0)),
            factor("weight_decay", self.weight_decay),
            factor("encoder_rate", self.encoder_rate),
            factor("side_weight", self.side_weight),
            ("ema", ema > 0.0 && ema < 1.0, ema.to_string(), "a share above 0 and below 1"),
        ]
    }
}

/// A field, whether its value is fine, the value, and what would be.
type Rule = (&'static str, bool, String, &'static str);

#[cfg(test)]
mod tests;
