//! Predictions image by image: how much salt, and how good where the truth is known.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::inference::evaluate::no_truth;
use crate::inference::masks::not_predicted;
use crate::inference::{Masks, Probabilities};
use crate::metrics::{binary_cross_entropy, iou, mean_precision};
use crate::types::{Dataset, Image, Mask};
use crate::{Error, Result};

/// The threshold by which probabilities become masks where nobody has chosen one.
const THRESHOLD: f64 = 0.5;

/// One image's prediction in numbers.
pub(crate) struct ImageScore {
    pub(crate) id: String,
    /// Depth in feet.
    pub(crate) z: Option<f32>,
    /// Predicted share of salt, in `[0, 1]`.
    pub(crate) predicted: f64,
    pub(crate) known: Option<Known>,
}

/// What is known where there is a true mask.
pub(crate) struct Known {
    /// True share of salt, in `[0, 1]`.
    pub(crate) coverage: f64,
    pub(crate) iou: f64,
    /// Mean of the IoU of salt and that of background.
    pub(crate) mean_iou: f64,
    /// For tables.
    #[cfg(feature = "frames")]
    pub(crate) dice: f64,
    pub(crate) mean_precision: f64,
    /// How many pixels are predicted wrongly.
    pub(crate) wrong: usize,
    /// Binary cross-entropy, of probabilities.
    pub(crate) loss: Option<f64>,
}

impl ImageScore {
    /// # Errors
    /// [`Error::Id`] when the image has no mask.
    pub(crate) fn known(&self) -> Result<&Known> {
        self.known.as_ref().ok_or_else(|| no_truth(&self.id))
    }
}

impl Probabilities {
    /// Each image of the dataset in its order, salt being where the probability is above 0.5.
    ///
    /// # Errors
    /// [`Error::Id`] when an image was not predicted; [`Error::Config`] when there are several classes; [`Error::Image`] when a probability is not in `[0, 1]`; as
    /// [`Dataset::get`].
    pub(crate) fn image_scores(&self, dataset: &Dataset) -> Result<Vec<ImageScore>> {
        self.check_one_class()?;
        self.check_unedited()?;
        scores(dataset, &self.ids, |i| {
            let map = &self.maps()[i];
            Ok((map.threshold(THRESHOLD)?, Some(map)))
        })
    }
}

impl Masks {
    /// Each image of the dataset in its order.
    ///
    /// # Errors
    /// [`Error::Id`] when an image was not predicted; as [`Dataset::get`].
    pub(crate) fn image_scores(&self, dataset: &Dataset) -> Result<Vec<ImageScore>> {
        self.check_unedited()?;
        scores(dataset, &self.ids, |i| Ok((self.labels()[i].mask(), None)))
    }
}

/// `predict` gives the mask, and the probabilities where there are any, of the `i`-th of the predicted `ids`.
fn scores<'a>(
    dataset: &Dataset,
    ids: &[String],
    predict: impl Fn(usize) -> Result<(Mask, Option<&'a Image>)> + Sync,
) -> Result<Vec<ImageScore>> {
    let (wanted, depths) = (dataset.ids(), dataset.depths());
    let places = places(ids, &wanted)?;
    let one = |i: usize| {
        let (mask, map) = predict(places[i])?;
        let id = &wanted[i];
        let known = dataset.mask(i)?.map(|truth| known(id, &truth, &mask, map)).transpose()?;
        Ok(ImageScore { id: id.clone(), z: depths[i], predicted: mask.coverage(), known })
    };
    // Of several errors always the first in order.
    let scores: Vec<Result<ImageScore>> = (0..wanted.len()).into_par_iter().map(one).collect();
    scores.into_iter().collect()
}

/// Where each wanted id is among the predicted ones.
fn places(ids: &[String], wanted: &[String]) -> Result<Vec<usize>> {
    if ids == wanted {
        return Ok((0..ids.len()).collect());
    }
    let by_id: HashMap<&String, usize> = ids.iter().zip(0..).collect();
    wanted.iter().map(|id| by_id.get(id).copied().ok_or_else(|| not_predicted(id))).collect()
}

fn known(id: &str, truth: &Mask, mask: &Mask, map: Option<&Image>) -> Result<Known> {
    let named = |error: Error| match error {
        Error::Image { why, .. } => Error::Image { id: id.into(), why },
        Error::Shape { what, expected, got, hint } => {
            Error::Shape { what: format!("{what} of {id}"), expected, got, hint }
        }
        other => other,
    };
    let loss = map.map(|map| binary_cross_entropy(truth, map)).transpose().map_err(named)?;
    let iou = iou(truth, mask).map_err(named)?;
    let pairs = || truth.pixels().iter().zip(mask.pixels());
    let wrong: usize = pairs().map(|(a, b)| usize::from(a ^ b)).sum();
    let background: usize = pairs().map(|(a, b)| usize::from((a | b) == 0)).sum();
    let background_iou = match background + wrong {
        0 => 1.0,
        either => background as f64 / either as f64,
    };
    Ok(Known {
        coverage: truth.coverage(),
        iou,
        mean_iou: (iou + background_iou) / 2.0,
        #[cfg(feature = "frames")]
        dice: crate::metrics::dice(truth, mask)?,
        mean_precision: mean_precision(truth, mask)?,
        wrong,
        loss,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Sample;

    fn dataset(masks: &[(&str, Option<[u8; 4]>)]) -> Dataset {
        let sample = |&(id, mask): &(&str, Option<[u8; 4]>)| Sample {
            id: id.into(),
            z: Some(7.0),
            image: Image::new(1, 4, vec![0.5; 4]).unwrap(),
            mask: mask.map(|pixels| Mask::new(1, 4, pixels.to_vec()).unwrap()),
        };
        Dataset::from_samples(masks.iter().map(sample).collect()).unwrap()
    }

    fn probabilities(maps: &[(&str, [f32; 4])]) -> Probabilities {
        let map = |(_, p): &(&str, [f32; 4])| Image::new(1, 4, p.to_vec()).unwrap();
        let ids = maps.iter().map(|m| m.0.into()).collect();
        Probabilities::new(ids, maps.iter().map(map).collect())
    }

    #[test]
    fn each_image_has_its_own_numbers() {
        let dataset = dataset(&[("a", Some([1, 1, 1, 0])), ("b", None), ("c", Some([0; 4]))]);
        // In another order than the dataset, and with one more.
        let all =
            probabilities(&[("x", [0.0; 4]), ("c", [0.1; 4]), ("b", [0.9; 4]), ("a", [0.9, 0.9, 0.2, 0.9])]);
        let scores = all.image_scores(&dataset).unwrap();
        let [a, b, c] = &scores[..] else { panic!("{}", scores.len()) };
        let known = a.known().unwrap();
        assert_eq!((known.coverage, a.predicted, known.iou, known.wrong), (0.75, 0.75, 0.5, 2));
        assert_eq!((known.mean_precision, known.mean_iou), (0.0, 0.25));
        #[cfg(feature = "frames")]
        assert_eq!(known.dice, 4.0 / 6.0);
        let p = |v: f32| f64::from(v);
        let loss = -(2.0 * p(0.9).ln() + p(0.2).ln() + (1.0 - p(0.9)).ln()) / 4.0;
        assert!((known.loss.unwrap() - loss).abs() < 1e-12);
        assert_eq!((b.predicted, b.known.is_none(), b.z), (1.0, true, Some(7.0)));
        assert!(matches!(b.known(), Err(Error::Id { id, .. }) if id == "b"));
        let known = c.known().unwrap();
        assert_eq!((known.mean_precision, known.mean_iou, c.predicted), (1.0, 1.0, 0.0));
        let masks = all.threshold(0.15).unwrap().image_scores(&dataset).unwrap();
        assert_eq!((masks[0].predicted, masks[0].known().unwrap().iou), (1.0, 0.75));
        assert!(masks[0].known().unwrap().loss.is_none());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let strangers = dataset(&[("stranger", None)]);
        let all = probabilities(&[("a", [0.0, 2.0, 0.0, 0.0])]);
        assert!(matches!(all.image_scores(&strangers), Err(Error::Id { id, .. }) if id == "stranger"));
        let one = dataset(&[("a", Some([0; 4]))]);
        assert!(matches!(all.image_scores(&one), Err(Error::Image { id, .. }) if id == "a"));
        let small = Probabilities::new(vec!["a".into()], vec![Image::new(1, 1, vec![0.5]).unwrap()]);
        let line = small.image_scores(&one).err().unwrap().to_string();
        assert!(line.contains("of a: expected 1×4"), "{line}");
    }
}
