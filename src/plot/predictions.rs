//! Predictions beside the truth.

use crate::metrics::{iou, mean_precision};
use crate::plot::colormap::Colormap;
use crate::plot::figure::Figure;
use crate::plot::gallery::Gallery;
use crate::plot::show::describe;
use crate::plot::style::{self, Legend, Sign};
use crate::plot::text::percent;
use crate::plot::tile::Tile;
use crate::types::{Image, Mask, Sample};
use crate::{Error, Result};

/// A sample with what was predicted for it.
pub(crate) struct Predicted {
    pub(crate) sample: Sample,
    pub(crate) probability: Option<Image>,
    pub(crate) mask: Mask,
}

/// For each sample the image with its true salt, the probability where it is known, and the predicted salt with its
/// scores.
pub(crate) fn show(title: String, all: Vec<Predicted>) -> Result<Figure> {
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
        (Some(image), _) => Some(Tile {
            detail: format!("highest {:.2}", image.pixels.iter().fold(0.0f32, |high, &p| high.max(p))),
            image,
            colors: Colormap::Probability,
            truth: None,
            prediction: None,
            title: "probability".into(),
        }),
        (None, false) => None,
        (None, true) => {
            return Err(Error::Figure {
                what: format!("of {}", sample.id),
                why: "it has no probability".into(),
            });
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
