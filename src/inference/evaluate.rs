//! Scoring a model on images whose masks are known.

use crate::inference::{Masks, Probabilities};
use crate::metrics::{Calibration, ChosenRule, MaskRule, RuleSearch, Score, ThresholdSearch};
use crate::models::Model;
use crate::types::{Dataset, Mask};
use crate::{Error, Result};
use rayon::prelude::*;

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
    /// [`Error::Id`] when the ids differ or an image has no mask; [`Error::Image`] when what was predicted of one is not in
    /// `[0, 1]`.
    pub fn evaluate(&self, dataset: &Dataset) -> Result<Score> {
        let truths = self.truths(dataset)?;
        let threshold = ThresholdSearch::new(&each_class(&truths)?, self.maps())?.best;
        Score::of(&truths, &self.threshold(threshold)?.masks().collect::<Vec<_>>(), threshold)
    }

    /// The score at every threshold from 0.05 to 0.95, and the best of them.
    ///
    /// # Errors
    /// As [`Probabilities::evaluate`].
    pub fn threshold_search(&self, dataset: &Dataset) -> Result<ThresholdSearch> {
        ThresholdSearch::new(&each_class(&self.truths(dataset)?)?, self.maps())
    }

    /// Whether the probabilities are what they say: how often the pixels given 0.7 are salt.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, valid) = Competition::sample()?.train.split(0.05, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let calibration = model.predict(&valid)?.calibration(&valid)?;
    /// assert!(calibration.expected_error > 0.1); // nothing is trained
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Probabilities::evaluate`].
    pub fn calibration(&self, dataset: &Dataset) -> Result<Calibration> {
        Calibration::new(&each_class(&self.truths(dataset)?)?, self.maps())
    }

    /// The rule that makes the best masks of these probabilities, and its score; `search` says which parts of it to choose.
    ///
    /// The score flatters: it is that of the images that the rule was chosen on, and a rule of three parts fits them better
    /// than it will fit others. For an honest one choose on one part of the validation images and call
    /// [`Probabilities::evaluate_rule`] on the other, or see `CrossValidation::choose_rule`.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, valid) = Competition::sample()?.train.split(0.05, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let probabilities = model.predict(&valid)?;
    /// let chosen = probabilities.choose_rule(&valid, &RuleSearch::default().min_size(true).gate(true))?;
    /// assert_eq!(probabilities.evaluate_rule(&valid, &chosen.rule)?, chosen.score);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Probabilities::evaluate`].
    pub fn choose_rule(&self, dataset: &Dataset, search: &RuleSearch) -> Result<ChosenRule> {
        search.choose(&each_class(&self.truths(dataset)?)?, self.maps(), &self.presence())
    }

    /// The score of the masks that a rule makes.
    ///
    /// # Errors
    /// As [`Probabilities::evaluate`]; [`Error::Config`] for a rule out of range.
    pub fn evaluate_rule(&self, dataset: &Dataset, rule: &MaskRule) -> Result<Score> {
        self.apply(rule)?.score(dataset, rule.threshold)
    }

    pub(crate) fn truths(&self, dataset: &Dataset) -> Result<Vec<Mask>> {
        self.check_unedited()?;
        let truths = truths(&self.ids, dataset)?;
        self.check_values()?;
        Ok(truths)
    }

    /// # Errors
    /// [`Error::Image`] names the first image of which something is no probability, as a network that has diverged says.
    fn check_values(&self) -> Result<()> {
        let wrong = |values: &[f32]| values.iter().copied().find(|value| !(0.0..=1.0).contains(value));
        let maps = self.maps().par_iter().enumerate();
        let map = maps.find_map_first(|(i, map)| wrong(&map.pixels).map(|value| (i, value)));
        let head = || self.head()?.iter().enumerate().find_map(|(i, &p)| wrong(&[p]).map(|value| (i, value)));
        let Some((i, value)) = map.or_else(head) else { return Ok(()) };
        let id = self.ids.get(i / self.class_names().len().max(1)).cloned().unwrap_or_default();
        let why = format!("was predicted as {value}, which is no probability; the network may have diverged");
        Err(Error::Image { id, why })
    }
}

impl Masks {
    /// The competition's score of these masks, in `[0, 1]`: of what a CRF or a rule made of them, say. The dataset has to be
    /// the one predicted.
    ///
    /// # Errors
    /// [`Error::Id`] when the ids differ or an image has no mask.
    pub fn mean_precision(&self, dataset: &Dataset) -> Result<f64> {
        // No measure looks at the threshold.
        Ok(self.score(dataset, 0.5)?.mean_precision)
    }

    fn score(&self, dataset: &Dataset, threshold: f64) -> Result<Score> {
        Score::mean(&self.measured(dataset, Score::of_image)?, threshold)
    }

    /// What `measure` says of the truth and the prediction of each image, in order; they are read and drawn image by image.
    ///
    /// # Errors
    /// [`Error::Id`] when the ids differ or an image has no mask; those of `measure`.
    pub(crate) fn measured<T: Send>(
        &self,
        dataset: &Dataset,
        measure: impl Fn(&Mask, &Mask) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        self.check_unedited()?;
        check_ids(&self.ids, dataset)?;
        let one = |(i, mask): (usize, Mask)| measure(&truth(&self.ids, dataset, i)?, &mask);
        // Collected first, so that of several errors it is always the first one in order.
        let measures: Vec<Result<T>> = self.masks().enumerate().map(one).collect();
        measures.into_iter().collect()
    }
}

/// The classes of all masks, image by image.
pub(super) fn each_class(masks: &[Mask]) -> Result<Vec<Mask>> {
    masks.iter().flat_map(|mask| (0..mask.classes()).map(|class| mask.class(class))).collect()
}

/// The masks of the images that were predicted.
pub(super) fn truths(ids: &[String], dataset: &Dataset) -> Result<Vec<Mask>> {
    check_ids(ids, dataset)?;
    let masks: Vec<Result<Mask>> = (0..ids.len()).into_par_iter().map(|i| truth(ids, dataset, i)).collect();
    masks.into_iter().collect()
}

fn truth(ids: &[String], dataset: &Dataset, i: usize) -> Result<Mask> {
    dataset.mask(i)?.ok_or_else(|| no_truth(ids.get(i).map_or("", String::as_str)))
}

fn check_ids(ids: &[String], dataset: &Dataset) -> Result<()> {
    if ids == dataset.ids() {
        return Ok(());
    }
    let id = ids.first().cloned().unwrap_or_default();
    Err(Error::Id { id, why: "these predictions are of another dataset".into() })
}

/// What an image without a mask cannot do.
pub(super) fn no_truth(id: &str) -> Error {
    Error::Id { id: id.into(), why: "has no mask to score against; use a part of `train`".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Image, Sample};

    #[test]
    fn what_is_no_probability_names_its_image() {
        let plane = Mask::new(1, 2, vec![0, 1]).unwrap();
        let image = Image::new(1, 2, vec![0.2, 0.8]).unwrap();
        let sample = |id: &&str| Sample {
            id: id.to_string(),
            z: None,
            image: image.clone(),
            mask: Mask::stack(&[plane.clone(), plane.clone()]).ok(),
        };
        let dataset = Dataset::from_samples(["a", "b"].iter().map(sample).collect()).unwrap();
        let of = |third: [f32; 2], presence: f32| {
            let mut maps = vec![image.clone(); 4];
            maps[2].pixels = third.to_vec();
            let all = Probabilities::new(dataset.ids(), maps).with_class_names(dataset.class_names());
            all.with_presence(Some(vec![0.5, 0.5, presence, 0.5]))
        };
        assert!(of([0.0, 1.0], 1.0).evaluate(&dataset).is_ok());
        for broken in [of([f32::NAN, 0.5], 0.5), of([0.5, 1.5], 0.5), of([0.5, 0.5], f32::NAN)] {
            let search = RuleSearch::default();
            for error in [
                broken.evaluate(&dataset).err(),
                broken.threshold_search(&dataset).err(),
                broken.calibration(&dataset).err(),
                broken.choose_rule(&dataset, &search).err(),
                broken.choose_rules(&dataset, &search).err(),
            ] {
                assert!(matches!(&error, Some(Error::Image { id, .. }) if id == "b"), "{error:?}");
            }
        }
    }
}
