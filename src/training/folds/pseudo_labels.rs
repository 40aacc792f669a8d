//! Pseudo-labels: masks that models predict for images without any, to train on where the models can be trusted.
//!
//! Lee 2013, "Pseudo-Label"; in the competition the first place trained on test images of which nine in ten pixels were
//! predicted surely (b.e.s. and phalanx 2018).

use crate::inference::{Ensemble, Tta};
use crate::nn::device;
use crate::training::folds::labelling::label;
use crate::training::folds::labels::{Source, check_same_folds};
use crate::training::{CrossValidation, FoldLabels};
use crate::types::Dataset;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// When a predicted mask is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Trust {
    /// When so large a share of the image's pixels has a probability below `low` or above `high`, of the mean of the models.
    Confidence {
        /// Below it a pixel is surely no salt.
        low: f64,
        /// Above it a pixel is surely salt.
        high: f64,
        /// The least share of sure pixels.
        share: f64,
    },
    /// When the masks of several models have at least this mean IoU, over all pairs; two empty masks agree.
    Agreement {
        /// The least mean IoU.
        iou: f64,
    },
}

/// How pseudo-labels are made.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `trust` | 90 % of the pixels below 0.2 or above 0.8 | which predictions become labels | [`Trust`] |
/// | `threshold` | 0.5 | the probability above which a pixel is salt | [0, 1] |
/// | `tta` | none | the views over which images are predicted | [`Tta`] |
/// | `seed` | 42 | of which trusted images are left out | any |
///
/// Sure predictions are mostly of empty masks, so of the kind that there is too much of, empty or not, only as many are kept as
/// give the training set's share of empty masks. Which ones is drawn from the seed: the surest would be the easiest, of which
/// a model learns least.
///
/// ```
/// use tgs_salt::prelude::*;
/// let by_confidence = PseudoLabels::confident();
/// let by_agreement = PseudoLabels::agreeing().trust(Trust::Agreement { iou: 0.95 }).tta(Tta::default());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PseudoLabels {
    /// Which predictions become labels.
    pub trust: Trust,
    /// The probability above which a pixel is salt.
    pub threshold: f64,
    /// The views over which images are predicted.
    pub tta: Tta,
    /// Of which trusted images are left out.
    pub seed: u64,
}

impl Default for PseudoLabels {
    fn default() -> Self {
        let trust = Trust::Confidence { low: 0.2, high: 0.8, share: 0.9 };
        PseudoLabels { trust, threshold: 0.5, tta: Tta::none(), seed: 42 }
    }
}

impl PseudoLabels {
    /// The default: of images of which 90 % of the pixels are below 0.2 or above 0.8.
    pub fn confident() -> PseudoLabels {
        PseudoLabels::default()
    }

    /// Of images on which several models agree, with a mean IoU of 0.9.
    pub fn agreeing() -> PseudoLabels {
        PseudoLabels::default().trust(Trust::Agreement { iou: 0.9 })
    }

    setters! {
        PseudoLabels,
        /// Which predictions become labels.
        trust: Trust,
        /// The probability above which a pixel is salt.
        threshold: f64,
        /// The views over which images are predicted.
        tta: Tta,
        /// Of which trusted images are left out.
        seed: u64,
    }

    pub(super) fn check(&self, models: usize) -> Result<()> {
        self.tta.check()?;
        let numbers = match self.trust {
            Trust::Confidence { low, high, share } => vec![("low", low), ("high", high), ("share", share)],
            Trust::Agreement { iou } => vec![("iou", iou)],
        };
        for (field, value) in numbers {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::Config {
                    field,
                    got: value.to_string(),
                    expected: "a number in [0, 1]".into(),
                });
            }
        }
        if matches!(self.trust, Trust::Agreement { .. }) && models < 2 {
            let expected = "at least 2 to agree; with one, use PseudoLabels::confident()".into();
            return Err(Error::Config { field: "models", got: models.to_string(), expected });
        }
        Ok(())
    }
}

/// Pseudo-labelled images, and how they came about.
#[derive(Clone)]
pub struct PseudoLabelled {
    /// The images with their predicted masks; `train.join(&dataset)` adds them to a training set.
    pub dataset: Dataset,
    /// How many images were predicted.
    pub predicted: usize,
    /// How many of them were trusted.
    pub trusted: usize,
    /// The share of masks without salt among those that were kept.
    pub empty_share: f64,
    /// The same of the training set.
    pub train_empty_share: f64,
}

impl Ensemble {
    /// Labels images without masks; `train` says which share of them is to be empty. Score what is trained on them on images
    /// that none of these models has seen; for a cross-validation see [`CrossValidation::pseudo_labels`].
    ///
    /// # Errors
    /// [`Error::Config`] for a setting out of range; those of [`Model::predict_tta`](crate::Model::predict_tta) and of reading the masks of `train`.
    pub fn pseudo_labels(
        &self,
        unlabelled: &Dataset,
        train: &Dataset,
        config: &PseudoLabels,
    ) -> Result<PseudoLabelled> {
        label(self.models(), unlabelled, train, config)
    }
}

impl CrossValidation {
    /// Labels images without masks anew for each fold, by that fold's model alone: the others have seen the fold's held-out
    /// images, and would tell of them through their labels. The share of empty masks is that of the fold's training images.
    ///
    /// One thing of the held-out images remains: the epoch whose weights were the best on them.
    ///
    /// ```no_run
    /// # use tgs_salt::prelude::*;
    /// # fn go(cv: CrossValidation, salt: Competition, unet: Architecture) -> Result<()> {
    /// let labels = cv.pseudo_labels(&salt.test, &PseudoLabels::confident())?;
    /// let config = TrainConfig::default().run_folder("runs/second-round");
    /// let second = unet.cross_validate(&salt.train, &Folds::of(5).labels(labels), &config)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Ensemble::pseudo_labels`]; those of reading the folds' checkpoints.
    pub fn pseudo_labels(&self, unlabelled: &Dataset, config: &PseudoLabels) -> Result<FoldLabels> {
        CrossValidation::pseudo_labels_of(std::slice::from_ref(self), unlabelled, config)
    }

    /// As [`CrossValidation::pseudo_labels`], each fold by its models of several cross-validations over the same folds:
    /// by different networks, say, which may then be asked to agree.
    ///
    /// # Errors
    /// As [`CrossValidation::pseudo_labels`]; [`Error::Config`] without any, or when they are over different folds.
    pub fn pseudo_labels_of(
        all: &[CrossValidation],
        unlabelled: &Dataset,
        config: &PseudoLabels,
    ) -> Result<FoldLabels> {
        config.check(all.len())?;
        let first = check_same_folds(all)?;
        let device = device()?;
        let mut sources = Vec::with_capacity(first.folds.len());
        for (i, fold) in first.folds.iter().enumerate() {
            let models = all.iter().map(|cv| &cv.folds[i].model).collect::<Vec<_>>();
            let models = Ensemble::load(&models, &device)?;
            let labelled = label(models.models(), unlabelled, &fold.train, config)?;
            println!("fold {}: {labelled:?}", fold.number);
            sources.push(Source { fold: fold.number, held_out: fold.valid.ids(), labelled });
        }
        Ok(FoldLabels::new(sources))
    }
}

impl std::fmt::Debug for PseudoLabelled {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let PseudoLabelled { dataset, predicted, trusted, empty_share, train_empty_share } = self;
        write!(
            f,
            "Pseudo-labels: {} kept of {trusted} trusted of {predicted} images, {:.1} % of them empty ({:.1} % in training)",
            dataset.len(),
            100.0 * empty_share,
            100.0 * train_empty_share
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_model_cannot_agree() {
        let line = PseudoLabels::agreeing().check(1).unwrap_err().to_string();
        assert!(line.contains("at least 2"), "{line}");
        assert!(PseudoLabels::agreeing().check(2).is_ok() && PseudoLabels::confident().check(1).is_ok());
        let trust = Trust::Confidence { low: 0.2, high: 1.8, share: 0.9 };
        assert!(PseudoLabels::default().trust(trust).check(1).unwrap_err().to_string().starts_with("high"));
    }
}
