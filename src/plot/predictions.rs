//! Predictions beside the truth.

use crate::inference::{Masks, Probabilities};
use crate::metrics::{binary_cross_entropy, iou, mean_precision};
use crate::plot::colormap::Colormap;
use crate::plot::figure::Figure;
use crate::plot::gallery::{Gallery, MOST};
use crate::plot::show::spread;
use crate::plot::style::{self, Legend, Sign};
use crate::plot::text::{count, percent};
use crate::plot::tile::Tile;
use crate::plot::words::Words;
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
        let words = Words::of(dataset).called(self.class_names());
        show(dataset, n.min(MOST / 3), &words, |id| Ok((Some(self.get(id)?), masks.get(id)?)))
    }
}

impl Masks {
    /// A gallery of `n` samples of `dataset`, spread evenly: the image with its salt outlined where it is known, and
    /// with the predicted salt and its scores. At most 48 samples are shown.
    ///
    /// # Errors
    /// [`Error::Config`] when `n` is 0; [`Error::Id`] when a sample was not predicted; as [`Dataset::get`].
    pub fn show(&self, dataset: &Dataset, n: usize) -> Result<Figure> {
        let words = Words::of(dataset).called(self.class_names());
        show(dataset, n.min(MOST / 2), &words, |id| Ok((None, self.get(id)?)))
    }
}

/// Shows `n` samples with what `predict` gives for their ids.
fn show(
    dataset: &Dataset,
    n: usize,
    words: &Words,
    predict: impl Fn(&str) -> Result<(Option<Image>, Mask)>,
) -> Result<Figure> {
    let predicted = |i: usize| {
        let sample = dataset.get(i)?;
        let (probability, mask) = predict(&sample.id)?;
        Ok(Predicted { sample, probability, mask })
    };
    let all = spread(n, dataset.len())?.into_iter().map(predicted).collect::<Result<Vec<_>>>()?;
    draw(format!("{} of {} predictions", all.len(), count(dataset.len())), words, all)
}

/// A sample with what was predicted for it.
pub(crate) struct Predicted {
    pub(crate) sample: Sample,
    pub(crate) probability: Option<Image>,
    pub(crate) mask: Mask,
}

/// For each sample the image with its true salt, the probability where it is known, and the predicted salt with its
/// scores. Several classes have their colours, in the truth and in the prediction, so that each has a picture of its own.
pub(crate) fn draw(title: String, words: &Words, all: Vec<Predicted>) -> Result<Figure> {
    let truths = all.iter().any(|p| p.sample.mask.is_some());
    let probabilities = all.iter().any(|p| p.probability.is_some());
    let several = words.classes() > 1;
    let truth = if truths || several { words.legend(Colormap::Grey) } else { vec![] };
    let prediction = (!several).then(|| Legend::new(Sign::Line(style::PREDICTION), words.with("predicted")));
    let map = probabilities.then(|| Legend::new(Sign::Map(Colormap::Probability), "probability 0 to 1"));
    let legend = truth.into_iter().chain(prediction).chain(map).collect();
    let tiles = all.into_iter().map(|p| tiles(p, probabilities, words)).collect::<Result<Vec<_>>>()?;
    let group = if probabilities { 3 } else { 2 };
    Gallery { title, legend, tiles: tiles.into_iter().flatten().collect(), group }.draw()
}

/// How much was predicted, or how many classes: which ones, the colours tell.
fn found(mask: &Mask, words: &Words) -> String {
    let classes = mask.planes().filter(|plane| plane.contains(&1)).count();
    match (mask.is_empty(), words.classes()) {
        (true, _) => format!("{} found", words.none()),
        (false, 1) => format!("{} predicted", percent(mask.coverage())),
        (false, _) if classes == 1 => "1 class predicted".into(),
        (false, _) => format!("{classes} classes predicted"),
    }
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

fn tiles(predicted: Predicted, with_probability: bool, words: &Words) -> Result<Vec<Tile>> {
    let Predicted { sample, probability, mask } = predicted;
    let scores = match &sample.mask {
        Some(truth) => {
            format!("IoU {:.2} · score {:.2}", iou(truth, &mask)?, mean_precision(truth, &mask)?)
        }
        None => String::new(),
    };
    let first = Tile {
        detail: words.describe(&sample),
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
        // Two outlines of one colour could not be told apart.
        truth: sample.mask.filter(|_| words.classes() == 1),
        title: found(&mask, words),
        prediction: Some(mask),
        detail: scores,
    };
    Ok([Some(first), middle, Some(last)].into_iter().flatten().collect())
}
