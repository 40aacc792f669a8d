//! Predictions beside the truth.

use crate::inference::{Masks, Probabilities};
use crate::metrics::{binary_cross_entropy, iou, mean_precision};
use crate::plot::colormap::Colormap;
use crate::plot::figure::Figure;
use crate::plot::gallery::{Gallery, MOST};
use crate::plot::show::{describe, spread};
use crate::plot::style::{self, Legend, Sign};
use crate::plot::text::{count, percent};
use crate::plot::tile::Tile;
use crate::types::{Dataset, Image, Mask, Sample};
use crate::{Error, Result};

impl Probabilities {
    /// A gallery of `n` samples of `dataset`, spread evenly: the image with its salt outlined where it is known, the
    /// probability with its loss, the image with the salt predicted at a threshold of 0.5 and its scores. At most 32 samples are shown.
    ///
    /// # Errors
    /// [`Error::Config`] when `n` is 0; [`Error::Id`] when a sample was not predicted; as [`Dataset::get`].
    pub fn show(&self, dataset: &Dataset, n: usize) -> Result<Figure> {
        let masks = self.threshold(0.5)?;
        show(dataset, n.min(MOST / 3), |id| Ok((Some(self.get(id)?), masks.get(id)?)))
    }
}

impl Masks {
    /// A gallery of `n` samples of `dataset`, spread evenly: the image with its salt outlined where it is known, and
    /// with the predicted salt and its scores. At most 48 samples are shown.
    ///
    /// # Errors
    /// [`Error::Config`] when `n` is 0; [`Error::Id`] when a sample was not predicted; as [`Dataset::get`].
    pub fn show(&self, dataset: &Dataset, n: usize) -> Result<Figure> {
        show(dataset, n.min(MOST / 2), |id| Ok((None, self.get(id)?)))
    }
}

/// Shows `n` samples with what `predict` gives for their ids.
fn show(
    dataset: &Dataset,
    n: usize,
    predict: impl Fn(&str) -> Result<(Option<Image>, Mask)>,
) -> Result<Figure> {
    let predicted = |i: usize| {
        let sample = dataset.get(i)?;
        let (probability, mask) = predict(&sample.id)?;
        Ok(Predicted { sample, probability, mask })
    };
    let all = spread(n, dataset.len())?.into_iter().map(predicted).collect::<Result<Vec<_>>>()?;
    draw(format!("{} of {} predictions", all.len(), count(dataset.len())), all)
}

/// A sample with what was predicted for it.
pub(crate) struct Predicted {
    pub(crate) sample: Sample,
    pub(crate) probability: Option<Image>,
    pub(crate) mask: Mask,
}

/// For each sample the image with its true salt, the probability where it is known, and the predicted salt with its
/// scores.
pub(crate) fn draw(title: String, all: Vec<Predicted>) -> Result<Figure> {
    let truths = all.iter().any(|p| p.sample.mask.is_some());
    let probabilities = all.iter().any(|p| p.probability.is_some());
    let truth = truths.then(|| Legend::new(Sign::Line(style::truth(Colormap::Grey)), "salt"));
    let prediction = Legend::new(Sign::Line(style::PREDICTION), "predicted salt");
    let map = probabilities.then(|| Legend::new(Sign::Map(Colormap::Probability), "probability 0 to 1"));
    let legend = truth.into_iter().chain([prediction]).chain(map).collect();
    let tiles = all.into_iter().map(|p| tiles(p, probabilities)).collect::<Result<Vec<_>>>()?;
    let group = if probabilities { 3 } else { 2 };
    Gallery { title, legend, tiles: tiles.into_iter().flatten().collect(), group }.draw()
}

fn probability_tile(image: Image, truth: Option<&Mask>) -> Result<Tile> {
    let highest = image.pixels.iter().fold(0.0f32, |high, &p| high.max(p));
    let loss = truth.map(|truth| binary_cross_entropy(truth, &image)).transpose()?;
    Ok(Tile {
        detail: match loss {
            Some(loss) => format!("highest {highest:.2} · loss {loss:.3}"),
            None => format!("highest {highest:.2}"),
        },
        image,
        colors: Colormap::Probability,
        truth: None,
        prediction: None,
        title: "probability".into(),
    })
}

fn tiles(predicted: Predicted, with_probability: bool) -> Result<Vec<Tile>> {
    let Predicted { sample, probability, mask } = predicted;
    let scores = match &sample.mask {
        Some(truth) => {
            format!("IoU {:.2} · score {:.2}", iou(truth, &mask)?, mean_precision(truth, &mask)?)
        }
        None => String::new(),
    };
    let found = match mask.is_empty() {
        true => "no salt found".to_owned(),
        false => format!("{} predicted", percent(mask.coverage())),
    };
    let first = Tile {
        detail: describe(&sample),
        image: sample.image.clone(),
        colors: Colormap::Grey,
        truth: sample.mask.clone(),
        prediction: None,
        title: sample.id.clone(),
    };
    let middle = match (probability, with_probability) {
        (Some(map), _) => Some(probability_tile(map, sample.mask.as_ref())?),
        (None, false) => None,
        (None, true) => {
            let what = format!("of {}", sample.id);
            return Err(Error::Figure { what, why: "it has no probability".into() });
        }
    };
    let last = Tile {
        image: sample.image,
        colors: Colormap::Grey,
        truth: sample.mask,
        prediction: Some(mask),
        title: found,
        detail: scores,
    };
    Ok([Some(first), middle, Some(last)].into_iter().flatten().collect())
}
