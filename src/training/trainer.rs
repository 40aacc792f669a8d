//! The training loop: epochs, checkpoints, averages.

use crate::models::Model;
use crate::nn::{Parameter, Replay, Stepper, takes_weight_decay};
use crate::training::averaging::Average;
use crate::training::history::best_of;
use crate::training::progress::Progress;
use crate::training::run_folder::RunFolder;
use crate::training::sampling::TrainingSet;
use crate::training::validation::{Validation, validate};
use crate::training::{Epoch, History, Schedule, TrainConfig};
use crate::types::Dataset;
use crate::{Error, Result};
use std::time::Instant;

impl Model {
    /// Trains on `train`, watching `valid`: a line per epoch, a checkpoint after each.
    ///
    /// Afterwards the model has the weights of the epoch with the best validation score. Whatever stops the run — early
    /// stopping, the file `STOP` in the run folder, a killed kernel — the run folder has a checkpoint of the last whole
    /// epoch, and `resume(true)` goes on from it. What the folder holds, [`Run`](crate::training::Run) tells.
    /// A run uses all cores. Several at a time belong on threads of their own, not into rayon's `par_iter`: a thread of its pool
    /// that waits takes up other work, here another run in the middle of this one.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting out of range; [`Error::Id`] for an image without a mask; [`Error::NotFinite`] as
    /// soon as a loss is, on a GPU at the next line of progress, before the next checkpoint; [`Error::Io`] when the run
    /// folder cannot be written. After an error the model has the weights of the best epoch so far, as far as there is one.
    pub fn train(&mut self, train: &Dataset, valid: &Dataset, config: &TrainConfig) -> Result<History> {
        check(self, config)?;
        check_masks("train", train, self.config().classes)?;
        check_masks("valid", valid, self.config().classes)?;
        Trainer::new(self, &TrainingSet::new(train, config)?, valid, config)?.run()
    }
}

pub(super) struct Trainer<'a> {
    pub(super) model: &'a mut Model,
    pub(super) train: &'a TrainingSet,
    valid: &'a Dataset,
    pub(super) config: &'a TrainConfig,
    pub(super) stepper: Stepper,
    /// On a GPU, the step as it is recorded.
    pub(super) replay: Replay,
    pub(super) folder: RunFolder,
    epochs: Vec<Epoch>,
    /// Of the schedule, those before a resume included.
    pub(super) steps: usize,
    pub(super) ema: Option<Average>,
    swa: Option<Average>,
    pub(super) progress: Progress,
}

impl<'a> Trainer<'a> {
    pub(super) fn new(
        model: &'a mut Model,
        train: &'a TrainingSet,
        valid: &'a Dataset,
        config: &'a TrainConfig,
    ) -> Result<Self> {
        let folder = RunFolder::open(config)?;
        let saved = if config.resume { folder.read_last(model.device())? } else { None };
        let done = saved.as_ref().map_or(0, |saved| saved.epochs.len());
        if config.unfreeze_at.is_some_and(|epoch| done >= epoch) {
            model.unfreeze()?;
        }
        let mut stepper = stepper(model, config);
        let (mut epochs, mut ema, mut swa) = (vec![], None, None);
        if let Some(saved) = saved {
            saved.restore(model, &mut stepper)?;
            (epochs, ema, swa) = (saved.epochs, saved.ema, saved.swa);
        }
        let (progress, replay) = (Progress::new(config.epochs, train.len()), Replay::default());
        let steps = 0;
        Ok(Trainer {
            model,
            train,
            valid,
            config,
            stepper,
            replay,
            folder,
            epochs,
            steps,
            ema,
            swa,
            progress,
        })
    }

    fn run(mut self) -> Result<History> {
        self.progress.start(&format!("{:?}", self.model), self.epochs.len(), self.folder.path());
        let ended = self.run_epochs();
        // Also after an error: the best weights are worth more than those of the step that failed.
        if self.best_epoch().is_some() && self.folder.best().exists() {
            self.model.load_weights(self.folder.best())?;
        }
        let mut history = self.history(ended?);
        history.averaged = self.finish_average(&history)?;
        self.folder.record(self.model, self.config, &history)?;
        self.progress.end(&history);
        Ok(history)
    }

    /// Epoch after epoch; why it ended.
    fn run_epochs(&mut self) -> Result<String> {
        while self.epochs.len() < self.config.epochs {
            let without_gain = self.epochs.len() - self.best_epoch().map_or(0, |best| best.epoch);
            if without_gain >= self.config.patience {
                let monitor = self.config.monitor;
                return Ok(format!("stopped early after {without_gain} epochs without a better {monitor}"));
            }
            let Some(epoch) = self.epoch(self.epochs.len() + 1)? else {
                return Ok(format!("stopped by {}", self.folder.stop_file().display()));
            };
            self.epochs.push(epoch);
            self.keep(epoch)?;
        }
        Ok("all epochs done".into())
    }

    /// One pass over the training set and one over the validation set; `None` when the stop file ended it.
    fn epoch(&mut self, number: usize) -> Result<Option<Epoch>> {
        let start = Instant::now();
        if self.config.unfreeze_at == Some(number) && self.model.config().frozen > 0 {
            self.model.unfreeze()?;
            (self.stepper, self.replay) = (stepper(self.model, self.config), Replay::default());
        }
        if self.config.loss_from.as_ref().is_some_and(|(from, _)| *from == number) {
            // What was recorded has the other loss.
            self.replay = Replay::default();
        }
        self.steps = self.steps_after(number, 0);
        let learning_rate = self.learning_rate();
        let Some(train_loss) = self.train_epoch(number)? else { return Ok(None) };
        let train_seconds = start.elapsed().as_secs_f64();
        let valid = || {
            validate(self.model, self.valid, self.config.loss_in(number), (self.config.batch_size, number))
        };
        let valid = match &self.ema {
            Some(ema) => ema.with(self.model.weights(), valid)?,
            None => valid()?,
        };
        let images_per_second = self.train.len() as f64 / train_seconds.max(1e-9);
        let epoch = epoch(number, train_loss, valid);
        let seconds = start.elapsed().as_secs_f64();
        Ok(Some(Epoch { learning_rate, images_per_second, waited: self.progress.waited, seconds, ..epoch }))
    }

    /// Checkpoints, averages and measurements after an epoch.
    fn keep(&mut self, epoch: Epoch) -> Result<()> {
        let (number, weights) = (epoch.epoch, self.model.weights().clone());
        let is_best = self.best_epoch().map(|best| best.epoch) == Some(number);
        let ends_cycle = self.ends_cycle(number);
        let save = |path| self.model.save(path);
        let kept = [
            (is_best, self.folder.best()),
            (ends_cycle.is_some(), self.folder.snapshot(ends_cycle.unwrap_or(0))),
        ];
        for path in kept.into_iter().filter(|(is_due, _)| *is_due).map(|(_, path)| path) {
            match &self.ema {
                Some(ema) => ema.with(&weights, || save(path))?,
                None => save(path)?,
            }
        }
        let cyclic = matches!(self.config.schedule, Schedule::CosineRestarts { .. });
        if self.config.swa_from.is_some_and(|from| number >= from) && (ends_cycle.is_some() || !cyclic) {
            match &mut self.swa {
                Some(swa) => swa.add(&weights)?,
                None => self.swa = Some(Average::new(&weights)?),
            }
        }
        let averages = [&self.ema, &self.swa];
        self.folder.save_last(self.model, &self.stepper, &self.epochs, averages, self.config)?;
        self.folder.record(self.model, self.config, &self.history("going on".into()))?;
        self.progress.epoch(&epoch, self.config.monitor, is_best);
        Ok(())
    }

    /// Which cycle of the schedule ends with this epoch, from 1.
    fn ends_cycle(&self, epoch: usize) -> Option<usize> {
        let TrainConfig { schedule, epochs, warmup, .. } = *self.config;
        let ends = |epoch: &usize| schedule.ends_cycle(*epoch, epochs, warmup);
        ends(&epoch).then(|| (1..=epoch).filter(ends).count())
    }

    /// Measures the averaged weights and leaves them in the model if they are not worse than what it has.
    fn finish_average(&mut self, history: &History) -> Result<Option<Epoch>> {
        let Some(swa) = self.swa.take().filter(|_| !self.folder.stop_file().exists()) else {
            return Ok(None);
        };
        let start = Instant::now();
        let best = self.model.weights().to_tensors()?;
        self.model.weights().set_tensors(swa.tensors())?;
        self.measure_batch_norm()?;
        let number = self.config.epochs;
        let valid =
            validate(self.model, self.valid, self.config.loss_in(number), (self.config.batch_size, number))?;
        self.model.save(self.folder.swa())?;
        let last = history.epochs.last().copied();
        let averaged = last.map(|last| {
            let epoch = epoch(number, last.train_loss, valid);
            let seconds = start.elapsed().as_secs_f64();
            Epoch { learning_rate: last.learning_rate, images_per_second: 0.0, seconds, ..epoch }
        });
        match averaged.is_none_or(|averaged| history.keeps(&averaged)) {
            true => self.model.save(self.folder.best())?,
            false => self.model.weights().set_tensors(&best)?,
        }
        Ok(averaged)
    }

    fn history(&self, ended: String) -> History {
        let cycles = (1..=self.epochs.len()).filter_map(|epoch| self.ends_cycle(epoch));
        History {
            run_folder: self.folder.path().into(),
            ended,
            epochs: self.epochs.clone(),
            monitor: self.config.monitor,
            averaged: None,
            snapshots: cycles.map(|cycle| self.folder.snapshot(cycle)).collect(),
        }
    }

    fn best_epoch(&self) -> Option<Epoch> {
        best_of(&self.epochs, self.config.monitor)
    }

    /// The monitored metric after each epoch.
    pub(super) fn values(&self) -> Vec<f64> {
        self.epochs.iter().map(|epoch| self.config.monitor.of(epoch)).collect()
    }
}

fn epoch(number: usize, train_loss: f64, valid: Validation) -> Epoch {
    Epoch {
        epoch: number,
        train_loss,
        valid_loss: valid.loss,
        mean_precision: valid.mean_precision,
        iou: valid.iou,
        dice: valid.dice,
        learning_rate: 0.0,
        images_per_second: 0.0,
        waited: 0.0,
        seconds: 0.0,
    }
}

/// The optimizer of what the model may learn now.
pub(super) fn stepper(model: &Model, config: &TrainConfig) -> Stepper {
    let parameter = |(name, value): (String, candle_core::Var)| {
        let learning_rate = if name.starts_with("encoder.") { config.encoder_rate } else { 1.0 };
        let weight_decay = if takes_weight_decay(&name, &value) { config.weight_decay } else { 0.0 };
        Parameter { name, value, learning_rate, weight_decay }
    };
    let parameters = model.weights().trainable().into_iter().map(parameter).collect();
    Stepper::new(config.optimizer, parameters).clip_norm(config.clip_norm)
}

pub(super) fn check(model: &Model, config: &TrainConfig) -> Result<()> {
    config.check()?;
    if config.precision != crate::models::Precision::F32 && model.device().is_cpu() {
        let (got, expected) = ("Bf16".into(), "F32 for training on a CPU".into());
        return Err(Error::Config { field: "precision", got, expected });
    }
    Ok(())
}

pub(super) fn check_masks(name: &str, dataset: &Dataset, classes: usize) -> Result<()> {
    if dataset.is_empty() {
        return Err(Error::Shape {
            what: format!("{name} dataset"),
            expected: "at least one image".into(),
            got: "none".into(),
            hint: "split a larger dataset".into(),
        });
    }
    let got = dataset.class_names().len();
    if got != classes {
        return Err(Error::Shape {
            what: format!("masks of the {name} dataset"),
            expected: format!("{classes} classes as the network"),
            got: got.to_string(),
            hint: "build the network with `classes(…)` of the dataset".into(),
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
