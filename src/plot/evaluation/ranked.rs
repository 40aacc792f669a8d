//! `probabilities.plot_top_losses(&valid, 8)`: the images that a model gets most wrong, and those that it draws best.

use std::cmp::Ordering;

use crate::Result;
use crate::inference::{ImageScore, Known, Masks, Probabilities};
use crate::plot::figure::Figure;
use crate::plot::gallery::MOST;
use crate::plot::predictions::{Predicted, draw};
use crate::plot::show::at_least_one;
use crate::plot::text::count;
use crate::plot::words::Words;
use crate::types::{Dataset, Image, Mask};

/// An image's place in its dataset, and what is known of its prediction.
type Place<'a> = (usize, &'a Known);

impl Probabilities {
    /// The `n` images with the highest loss, the worst first: the image with its salt, the probabilities with their loss (binary
    /// cross-entropy), and the salt predicted at a threshold of 0.5 with its scores. At most 32 are shown.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, valid) = Competition::sample()?.train.split(0.05, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let figure = model.predict(&valid)?.plot_top_losses(&valid, 4)?;
    /// assert_eq!(figure.width(), 1900);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) when `n` is 0; [`Error::Id`](crate::Error::Id) when an image has no mask or was not
    /// predicted; as [`Dataset::get`].
    pub fn plot_top_losses(&self, dataset: &Dataset, n: usize) -> Result<Figure> {
        let scores = self.image_scores(dataset)?;
        let mut places = places(&scores)?;
        let loss = |known: &Known| known.loss.unwrap_or(0.0);
        let mean = places.iter().map(|(_, known)| loss(known)).sum::<f64>() / places.len() as f64;
        places.sort_by(|(_, a), (_, b)| loss(b).total_cmp(&loss(a)));
        let of = format!("{} images (mean {mean:.3})", count(places.len()));
        let words = Words::of(dataset).called(self.class_names());
        gallery((dataset, &words), (n, MOST / 3), &places, ["Highest losses", &of], |id| self.both(id))
    }

    /// The `n` images that are best at a threshold of 0.5, the best first, drawn as by [`Probabilities::plot_top_losses`]. Best is
    /// the highest mean of the IoU of salt and of the IoU of background, of images that have both: where there is no border to
    /// find, or nearly none, being right is easy.
    ///
    /// # Errors
    /// As [`Probabilities::plot_top_losses`]; [`Error::Figure`](crate::Error::Figure) when no image has both.
    pub fn plot_best(&self, dataset: &Dataset, n: usize) -> Result<Figure> {
        let words = Words::of(dataset).called(self.class_names());
        best((dataset, &words), (n, MOST / 3), &self.image_scores(dataset)?, |id| self.both(id))
    }

    fn both(&self, id: &str) -> Result<(Option<Image>, Mask)> {
        let map = self.get(id)?;
        let mask = map.threshold(0.5)?;
        Ok((Some(map), mask))
    }
}

impl Masks {
    /// The `n` images with the lowest IoU, of those with the same one the largest errors first: the image with its salt, and the
    /// predicted salt with its scores. At most 48 are shown.
    ///
    /// # Errors
    /// As [`Probabilities::plot_top_losses`].
    pub fn plot_worst(&self, dataset: &Dataset, n: usize) -> Result<Figure> {
        let scores = self.image_scores(dataset)?;
        let mut places = places(&scores)?;
        places.sort_by(|(_, a), (_, b)| a.iou.total_cmp(&b.iou).then(b.wrong.cmp(&a.wrong)));
        let of = format!("{} images", count(places.len()));
        let words = Words::of(dataset).called(self.class_names());
        let predict = |id: &str| Ok((None, self.get(id)?));
        gallery((dataset, &words), (n, MOST / 2), &places, ["Lowest IoU", &of], predict)
    }

    /// As [`Probabilities::plot_best`], for masks.
    ///
    /// # Errors
    /// As [`Probabilities::plot_best`].
    pub fn plot_best(&self, dataset: &Dataset, n: usize) -> Result<Figure> {
        let words = Words::of(dataset).called(self.class_names());
        let predict = |id: &str| Ok((None, self.get(id)?));
        best((dataset, &words), (n, MOST / 2), &self.image_scores(dataset)?, predict)
    }
}

/// All images in the order of their ids, in which a stable sort leaves those that are equal.
fn places(scores: &[ImageScore]) -> Result<Vec<Place<'_>>> {
    scores.iter().enumerate().map(|(i, score)| Ok((i, score.known()?))).collect()
}

fn best(
    (dataset, words): (&Dataset, &Words),
    n: (usize, usize),
    scores: &[ImageScore],
    predict: impl Fn(&str) -> Result<(Option<Image>, Mask)>,
) -> Result<Figure> {
    let mut places = places(scores)?;
    places.retain(|(_, known)| known.coverage > 0.0 && known.coverage < 1.0);
    places.sort_by(|(_, a), (_, b)| better(a, b));
    let of = format!("{} images with a border of {}", count(places.len()), words.some());
    gallery((dataset, words), n, &places, ["Highest mean IoU", &of], predict)
}

fn better(a: &Known, b: &Known) -> Ordering {
    let loss = |known: &Known| known.loss.unwrap_or(0.0);
    b.mean_iou.total_cmp(&a.mean_iou).then(loss(a).total_cmp(&loss(b)))
}

/// The first `n` of the places, at most so many as are given with it.
fn gallery(
    (dataset, words): (&Dataset, &Words),
    (n, most): (usize, usize),
    places: &[Place],
    [what, of]: [&str; 2],
    predict: impl Fn(&str) -> Result<(Option<Image>, Mask)>,
) -> Result<Figure> {
    let places = &places[..at_least_one(n, most)?.min(most).min(places.len())];
    let predicted = |&(i, _): &Place| {
        let sample = dataset.get(i)?;
        let (probability, mask) = predict(&sample.id)?;
        Ok(Predicted { sample, probability, mask })
    };
    let title = format!("{what}: {} of {of}", places.len());
    draw(title, words, places.iter().map(predicted).collect::<Result<_>>()?)
}
