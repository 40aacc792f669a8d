//! Scoring a model on images whose masks are known.

use crate::inference::Probabilities;
use crate::metrics::{Score, ThresholdSearch};
use crate::models::Model;
use crate::types::{Dataset, Mask, Sample};
use crate::{Error, Result};

impl Model {
    /// The competition's score on a dataset with masks, at the threshold that suits it best.
    ///
    /// The threshold is chosen on the very images that are scored, which flatters the score a little.
    ///
    /// # Errors
    /// [`Error::Id`] names the first image without a mask.
    pub fn evaluate(&self, dataset: &Dataset) -> Result<Score> {
        self.predict(dataset)?.evaluate(dataset)
    }
}

impl Probabilities {
    /// As [`Model::evaluate`], for probabilities that are there already. The dataset has to be the one predicted.
    ///
    /// # Errors
    /// [`Error::Id`] when the ids differ or an image has no mask.
    pub fn evaluate(&self, dataset: &Dataset) -> Result<Score> {
        let truths = self.truths(dataset)?;
        let threshold = ThresholdSearch::new(&truths, self.maps())?.best;
        Score::of(&truths, self.threshold(threshold)?.masks(), threshold)
    }

    /// The score at every threshold from 0.05 to 0.95, and the best of them.
    ///
    /// # Errors
    /// As [`Probabilities::evaluate`].
    pub fn threshold_search(&self, dataset: &Dataset) -> Result<ThresholdSearch> {
        ThresholdSearch::new(&self.truths(dataset)?, self.maps())
    }

    fn truths(&self, dataset: &Dataset) -> Result<Vec<Mask>> {
        if self.ids != dataset.ids() {
            let id = self.ids.first().cloned().unwrap_or_default();
            return Err(Error::Id { id, why: "these probabilities are of another dataset".into() });
        }
        let mask = |sample: Sample| match sample.mask {
            Some(mask) => Ok(mask),
            None => Err(Error::Id {
                id: sample.id,
                why: "has no mask to score against; use a part of `train`".into(),
            }),
        };
        dataset.samples()?.into_iter().map(mask).collect()
    }
}
