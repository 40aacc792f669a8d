//! Cross-validation: each image is predicted by a model that has not seen it.

use crate::inference::{Ensemble, Probabilities};
use crate::metrics::{ChosenRule, MaskRule, RuleSearch, Score};
use crate::models::Architecture;
use crate::nn::device;
use crate::training::folds::run::{FoldRun, Trained};
use crate::training::{Folds, History, TrainConfig};
use crate::types::Dataset;
use crate::{Error, Result};
use candle_core::Device;
use std::path::PathBuf;

impl Architecture {
    /// Trains a model for each fold of `dataset`, on the other folds, and predicts the fold's own images with it.
    ///
    /// Fold 1 is trained in `fold-1` of the settings' run folder, and so on; the settings' seed decides the folds too. With
    /// `resume(true)` folds that are complete are not trained again, and the one that is not goes on. The file `STOP` in a
    /// fold's folder ends that fold as it ends [`Model::train`](crate::Model::train), and the cross-validation after it.
    ///
    /// ```no_run
    /// use tgs_salt::prelude::*;
    /// let salt = Competition::open("../data/tgs-salt")?;
    /// let config = TrainConfig::default().run_folder("runs/cv").resume(true);
    /// let cv = Unet::new(Encoder::ResNet34).cross_validate(&salt.train, &Folds::of(5), &config)?;
    /// let probabilities = cv.ensemble(&device()?)?.predict(&salt.test)?;
    /// probabilities.threshold(cv.threshold)?.submit("submission.csv")?;
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Dataset::folds_by`] and [`Dataset::folds_together`], [`Architecture::build`] and [`Model::train`](crate::Model::train);
    /// [`Error::Config`] for folds that there are not, labels of other folds, or when the run folder that is to go on is of
    /// other folds.
    pub fn cross_validate(
        &self,
        dataset: &Dataset,
        folds: &Folds,
        config: &TrainConfig,
    ) -> Result<CrossValidation> {
        config.check()?;
        folds.tta.check()?;
        let numbers = folds.numbers()?;
        let parts = folds.parts(dataset, config.seed)?;
        let mut runs = Vec::with_capacity(numbers.len());
        for (number, (train, valid)) in (1..).zip(parts).filter(|(number, _)| numbers.contains(number)) {
            let labels = folds.labels.as_ref().map(|labels| labels.of(number, &valid));
            runs.push(FoldRun { number, train, valid, extra: labels.transpose()?.cloned() });
        }
        let device = device()?;
        let mut done = Vec::with_capacity(runs.len());
        for run in runs {
            let (trained, stopped) = run.run(self, &folds.tta, config, &device)?;
            done.extend(trained.map(|trained| (run, trained)));
            if stopped {
                break;
            }
        }
        CrossValidation::of(done)
    }
}

/// What a cross-validation gave.
#[derive(Clone)]
pub struct CrossValidation {
    /// The folds that were trained.
    pub folds: Vec<Fold>,
    /// Of each image, by the model that has not seen it; in the order of the dataset. Of some folds only, of their images.
    pub probabilities: Probabilities,
    /// The one threshold that suits all these probabilities best.
    pub threshold: f64,
    /// The score of all images at that threshold. One number chosen on all of them flatters it little.
    pub score: Score,
    /// Of the folds' mean precisions at that threshold, the mean.
    pub mean: f64,
    /// The same, the standard deviation from fold to fold (of a sample: divided by one less than there are folds).
    pub sd: f64,
}

/// One fold of a [`CrossValidation`].
#[derive(Clone)]
pub struct Fold {
    /// From 1.
    pub number: usize,
    /// Of its held-out images at the cross-validation's threshold.
    pub score: Score,
    /// How it was trained, and in which run folder.
    pub history: History,
    /// The model that predicts its held-out images, for [`Model::load`](crate::Model::load).
    pub model: PathBuf,
    /// What it was trained on, without pseudo-labelled images.
    pub train: Dataset,
    /// The images that were held out.
    pub valid: Dataset,
}

impl CrossValidation {
    fn of(done: Vec<(FoldRun, Trained)>) -> Result<CrossValidation> {
        let all: Vec<Probabilities> = done.iter().map(|(_, trained)| trained.probabilities.clone()).collect();
        let Some(valid) = joined(done.iter().map(|(run, _)| &run.valid))? else {
            let expected = "at least one epoch before the stop file; resume(true) goes on".into();
            return Err(Error::Config { field: "folds", got: "none with an epoch".into(), expected });
        };
        let probabilities = Probabilities::join(&all)?;
        let score = probabilities.evaluate(&valid)?;
        let rule = MaskRule::default().threshold(score.threshold);
        let fold = |(run, trained): (FoldRun, Trained)| {
            let score = trained.probabilities.evaluate_rule(&run.valid, &rule)?;
            let Trained { history, model, .. } = trained;
            let FoldRun { number, train, valid, .. } = run;
            Ok(Fold { number, score, history, model, train, valid })
        };
        let folds: Vec<Fold> = done.into_iter().map(fold).collect::<Result<_>>()?;
        let (mean, sd) = mean_and_sd(folds.iter().map(|fold| fold.score.mean_precision));
        Ok(CrossValidation { folds, probabilities, threshold: score.threshold, score, mean, sd })
    }

    /// The folds' models together, for images that none of them has seen.
    ///
    /// # Errors
    /// Those of [`Ensemble::load`].
    pub fn ensemble(&self, device: &Device) -> Result<Ensemble> {
        Ensemble::load(&self.folds.iter().map(|fold| &fold.model).collect::<Vec<_>>(), device)
    }

    /// The rule that makes the best masks of the probabilities of all folds, with a score that does not flatter: each fold's
    /// images are scored by the rule that was chosen on the other folds.
    ///
    /// ```no_run
    /// # use tgs_salt::prelude::*;
    /// # fn go(cv: CrossValidation, salt: Competition) -> Result<()> {
    /// let chosen = cv.choose_rule(&RuleSearch::default().min_size(true).gate(true))?;
    /// let masks = cv.ensemble(&device()?)?.predict(&salt.test)?.apply(&chosen.rule)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] with a single fold; those of reading masks.
    pub fn choose_rule(&self, search: &RuleSearch) -> Result<ChosenRule> {
        let (mut sums, mut images) = ([0.0; 3], 0);
        for fold in &self.folds {
            let others = self.folds.iter().filter(|other| other.number != fold.number);
            let Some(others) = joined(others.map(|other| &other.valid))? else {
                let expected = "at least 2, to choose on one and score on the other".into();
                return Err(Error::Config { field: "folds", got: "1".into(), expected });
            };
            let of = |dataset: &Dataset| {
                let ids = dataset.ids();
                self.probabilities.select(&ids.iter().map(String::as_str).collect::<Vec<_>>())
            };
            let rule = of(&others)?.choose_rule(&others, search)?.rule;
            let score = of(&fold.valid)?.evaluate_rule(&fold.valid, &rule)?;
            let weight = fold.valid.len() as f64;
            for (sum, value) in sums.iter_mut().zip([score.mean_precision, score.iou, score.dice]) {
                *sum += weight * value;
            }
            images += fold.valid.len();
        }
        let [mean_precision, iou, dice] = sums.map(|sum| sum / images.max(1) as f64);
        let rule = match joined(self.folds.iter().map(|fold| &fold.valid))? {
            Some(all) => self.probabilities.choose_rule(&all, search)?.rule,
            None => MaskRule::default(),
        };
        Ok(ChosenRule { rule, score: Score { mean_precision, iou, dice, threshold: rule.threshold } })
    }
}

/// All samples of these datasets; none without any.
fn joined<'a>(mut parts: impl Iterator<Item = &'a Dataset>) -> Result<Option<Dataset>> {
    let Some(first) = parts.next() else { return Ok(None) };
    parts.try_fold(first.clone(), |all, part| all.join(part)).map(Some)
}

fn mean_and_sd(values: impl ExactSizeIterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.clone().sum::<f64>() / count.max(1.0);
    let squares = values.map(|value| (value - mean) * (value - mean)).sum::<f64>();
    (mean, (squares / (count - 1.0).max(1.0)).sqrt())
}

impl std::fmt::Debug for CrossValidation {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let CrossValidation { folds, score, mean, sd, .. } = self;
        writeln!(f, "CrossValidation of {} images: {score:?}", self.probabilities.len())?;
        let each = folds.iter().map(|fold| format!("fold {} {:.4}", fold.number, fold.score.mean_precision));
        write!(f, "{}; mean {mean:.4}, sd {sd:.4}", each.collect::<Vec<_>>().join(", "))
    }
}

impl std::fmt::Debug for Fold {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Fold {}: {:?}; {:?}", self.number, self.score, self.history)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        let (mean, sd) = mean_and_sd([2.0, 4.0, 9.0].into_iter());
        assert_eq!((mean, sd), (5.0, 13f64.sqrt()));
        assert_eq!(mean_and_sd([3.0].into_iter()), (3.0, 0.0));
    }
}
