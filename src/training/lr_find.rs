//! The learning-rate range test.

use crate::models::Model;
use crate::nn::{Batch, backward};
use crate::training::TrainConfig;
use crate::training::pass::for_each_training_batch;
use crate::training::sampling::TrainingSet;
use crate::training::step::{batch_loss, dropout_seed};
use crate::training::trainer::{check, check_masks, stepper};
use crate::types::Dataset;
use crate::{Error, Result};
use std::ops::ControlFlow;

/// From where to where the rate grows, in how many steps.
const LOWEST: f64 = 1e-7;
const HIGHEST: f64 = 10.0;
const STEPS: usize = 100;
/// What a smoothed loss keeps of the losses before.
const MEMORY: f64 = 0.9;
/// A loss of so many times the lowest one ends the test.
const DIVERGED: f64 = 4.0;

/// The loss at growing learning rates (Smith 2017, <https://arxiv.org/abs/1506.01186>).
#[derive(Clone, PartialEq)]
pub struct LrFind {
    /// Pairs of a learning rate and the loss there, smoothed over the steps before.
    pub curve: Vec<(f64, f64)>,
    /// In the middle of the longest descent, where the loss falls steadily: for
    /// [`TrainConfig::learning_rate`](crate::TrainConfig::learning_rate).
    pub suggestion: f64,
}

impl Model {
    /// Takes up to a hundred steps at rates that grow from 1e-7 to 10, each on the next batch, and looks at the loss; then the
    /// model is as it was. A few passes over small training sets, a part of one over large ones.
    ///
    /// ```no_run
    /// use tgs_salt::prelude::*;
    /// let (train, _) = Competition::sample()?.train.split(0.2, 42)?;
    /// let mut model = Unet::new(Encoder::Plain).build(&device()?)?;
    /// let found = model.lr_find(&train, &TrainConfig::default())?;
    /// found.plot()?;
    /// let config = TrainConfig::default().learning_rate(found.suggestion);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Model::train`]; but a loss that is not finite only ends the test.
    pub fn lr_find(&mut self, train: &Dataset, config: &TrainConfig) -> Result<LrFind> {
        check(self, config)?;
        check_masks("train", train, self.config().classes)?;
        let train = TrainingSet::new(train, config)?;
        let weights = self.weights().to_tensors()?;
        let losses = losses_at_growing_rates(self, &train, config);
        self.weights().set_tensors(&weights)?;
        let curve = losses?;
        let losses: Vec<f64> = curve.iter().map(|point| point.1).collect();
        match valley(&losses) {
            Some(at) => Ok(LrFind { suggestion: curve[at].0, curve }),
            None => Err(Error::Config {
                field: "learning_rate",
                got: format!("no falling loss in {} steps", curve.len()),
                expected: "a network that learns at some rate from 1e-7 to 10".into(),
            }),
        }
    }
}

fn rate(step: usize) -> f64 {
    LOWEST * libm::pow(HIGHEST / LOWEST, step as f64 / (STEPS - 1) as f64)
}

fn losses_at_growing_rates(
    model: &Model,
    train: &TrainingSet,
    config: &TrainConfig,
) -> Result<Vec<(f64, f64)>> {
    let mut stepper = stepper(model, config);
    let mut curve = Curve::default();
    let layout = model.batch_layout(config.batch_size);
    let batches = train.len().div_ceil(config.batch_size);
    for pass in 1..=STEPS.div_ceil(batches) {
        let left = (STEPS - curve.points.len()) * config.batch_size;
        let step = |batch: Batch| {
            let step = curve.points.len();
            let seed = dropout_seed(config.seed, pass, step);
            let loss = batch_loss(model, (config, 1), &batch, (&batch.images, batch.targets()?), seed)?;
            let value = loss.detach().to_scalar::<f32>().map_err(Error::tensor("loss"))?;
            curve.push(rate(step), f64::from(value));
            if curve.has_ended {
                return Ok(ControlFlow::Break(()));
            }
            stepper.step(&backward(loss)?, rate(step))?;
            // Images of several sizes are more batches than were asked for.
            Ok(if step + 1 < STEPS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        };
        for_each_training_batch(train, layout.clone(), config, (pass, left), step)?;
        if curve.has_ended || curve.points.len() == STEPS {
            break;
        }
    }
    Ok(curve.points)
}

/// Losses, smoothed as they come.
#[derive(Default)]
struct Curve {
    points: Vec<(f64, f64)>,
    mean: f64,
    weight: f64,
    lowest: Option<f64>,
    has_ended: bool,
}

impl Curve {
    fn push(&mut self, rate: f64, loss: f64) {
        self.mean = MEMORY * self.mean + (1.0 - MEMORY) * loss;
        self.weight = MEMORY * self.weight + (1.0 - MEMORY);
        let smoothed = self.mean / self.weight;
        let lowest = self.lowest.map_or(smoothed, |lowest| lowest.min(smoothed));
        self.has_ended = !smoothed.is_finite() || smoothed > DIVERGED * lowest.max(0.0);
        if !self.has_ended {
            self.lowest = Some(lowest);
            self.points.push((rate, smoothed));
        }
    }
}

/// The middle of the second third of the longest falling subsequence, as fastai's `valley`.
fn valley(losses: &[f64]) -> Option<usize> {
    // For each loss, how many falling ones end with it.
    let mut lengths = vec![1; losses.len()];
    for i in 1..losses.len() {
        let before = (0..i).filter(|&j| losses[i] < losses[j]).map(|j| lengths[j]);
        lengths[i] = before.max().map_or(1, |longest| longest + 1);
    }
    let longest = *lengths.iter().max()?;
    let end = lengths.iter().position(|&length| length == longest)?;
    let third = longest as f64 / 3.0;
    (longest > 1).then(|| (end + 1 - longest) + third as usize + (third / 2.0) as usize)
}

impl std::fmt::Debug for LrFind {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let (steps, end) = (self.curve.len(), self.curve.last().map_or(0.0, |point| point.0));
        write!(f, "LrFind: suggests {:.1e}, after {steps} steps up to {end:.1e}", self.suggestion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_grow_by_the_same_factor_each() {
        assert!((rate(0) - 1e-7).abs() < 1e-18 && (rate(STEPS - 1) - 10.0).abs() < 1e-9);
        assert!((rate(51) / rate(50) - rate(1) / rate(0)).abs() < 1e-9);
    }

    #[test]
    fn the_valley_is_the_longest_descent() {
        // Flat with noise, a descent from 30 to 60, then up.
        let loss = |i: usize| match i {
            0..30 => 1.0 + 0.001 * (i % 3) as f64,
            30..60 => 1.0 - 0.03 * (i - 29) as f64,
            _ => 0.1 + 0.5 * (i - 59) as f64,
        };
        let at = valley(&(0..70).map(loss).collect::<Vec<_>>()).unwrap();
        assert!((38..=50).contains(&at), "{at}");
        assert_eq!(valley(&[1.0, 2.0, 3.0]), None);
        assert_eq!(valley(&[]), None);
    }

    #[test]
    fn smoothing_is_without_bias_and_divergence_ends_the_curve() {
        let mut curve = Curve::default();
        for step in 0..5 {
            curve.push(step as f64, 2.0);
        }
        assert!(curve.points.iter().all(|point| (point.1 - 2.0).abs() < 1e-12) && !curve.has_ended);
        curve.push(5.0, 1e3);
        assert!(curve.has_ended && curve.points.len() == 5);
    }
}
