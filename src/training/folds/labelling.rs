//! Which predictions become labels.

use crate::Result;
use crate::inference::{Probabilities, parts};
use crate::metrics::iou;
use crate::models::Model;
use crate::training::{PseudoLabelled, PseudoLabels, Trust};
use crate::types::{Dataset, Image, Label, Mask};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeSet;

/// The images of `unlabelled` whose predicted masks are trusted, at the share of empty masks of `train`.
pub(super) fn label(
    models: &[Model],
    unlabelled: &Dataset,
    train: &Dataset,
    config: &PseudoLabels,
) -> Result<PseudoLabelled> {
    config.check(models.len())?;
    let train_empty_share = empty_share(train)?;
    let mut trusted: Vec<(usize, Label)> = vec![];
    let mut start = 0;
    // The maps of a part are all that is kept beside the labels.
    for part in parts(unlabelled, 1) {
        let all = models.iter().map(|model| model.predict_tta(&part, &config.tta));
        let masks = trusted_masks(&all.collect::<Result<Vec<_>>>()?, config)?;
        trusted.extend((start..).zip(masks).filter_map(|(i, label)| Some((i, label?))));
        start += part.len();
    }
    let count = trusted.len();
    let kept = balanced(trusted, train_empty_share, config.seed);
    let empty = kept.iter().filter(|(_, label)| label.is_empty()).count();
    let (members, labels): (BTreeSet<usize>, Vec<Label>) = kept.into_iter().unzip();
    Ok(PseudoLabelled {
        empty_share: empty as f64 / labels.len().max(1) as f64,
        dataset: unlabelled.filter(|i| members.contains(&i)).with_labels(labels)?,
        predicted: unlabelled.len(),
        trusted: count,
        train_empty_share,
    })
}

fn empty_share(train: &Dataset) -> Result<f64> {
    let coverages = train.coverages()?;
    let empty = coverages.iter().filter(|coverage| **coverage == Some(0.0)).count();
    Ok(empty as f64 / coverages.len().max(1) as f64)
}

/// The mask of each image, where it is trusted.
fn trusted_masks(all: &[Probabilities], config: &PseudoLabels) -> Result<Vec<Option<Label>>> {
    let mean = Probabilities::mean_by(config.tta.mean, all)?;
    mean.check_one_class()?;
    let masks = mean.threshold(config.threshold)?;
    let trusted: Vec<bool> = match config.trust {
        Trust::Confidence { low, high, share } => {
            let sure = |p: f32| f64::from(p) < low || f64::from(p) > high;
            let count = |map: &Image| map.pixels.iter().filter(|&&p| sure(p)).count() as f64;
            mean.maps().iter().map(|map| count(map) >= share * map.pixels.len() as f64).collect()
        }
        Trust::Agreement { iou: least } => {
            let each = all.iter().map(|one| one.threshold(config.threshold)).collect::<Result<Vec<_>>>()?;
            let of = |i: usize| each.iter().map(|masks| masks.labels()[i].mask()).collect::<Vec<_>>();
            let agree = |i: usize| Ok(agreement(&of(i).iter().collect::<Vec<_>>())? >= least);
            (0..mean.len()).map(agree).collect::<Result<_>>()?
        }
    };
    let labels = trusted.into_iter().zip(masks.labels());
    Ok(labels.map(|(trusted, label)| trusted.then(|| label.clone())).collect())
}

/// The mean IoU over all pairs.
fn agreement(masks: &[&Mask]) -> Result<f64> {
    let (mut sum, mut pairs) = (0.0, 0);
    for (i, a) in masks.iter().enumerate() {
        for b in &masks[i + 1..] {
            sum += iou(a, b)?;
            pairs += 1;
        }
    }
    Ok(sum / f64::from(pairs.max(1)))
}

/// As many of the labels, in order, as have this share of empty ones: all of the kind that there is too little of.
fn balanced(labels: Vec<(usize, Label)>, empty_share: f64, seed: u64) -> Vec<(usize, Label)> {
    let (mut empty, mut filled): (Vec<_>, Vec<_>) =
        labels.into_iter().partition(|(_, label)| label.is_empty());
    // Each `as usize` saturates: without empty masks in training the ratio is infinite.
    let most_empty = (filled.len() as f64 * empty_share / (1.0 - empty_share)).round() as usize;
    let most_filled = (empty.len() as f64 * (1.0 - empty_share) / empty_share).round() as usize;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (too_many, most) =
        if empty.len() > most_empty { (&mut empty, most_empty) } else { (&mut filled, most_filled) };
    too_many.shuffle(&mut random);
    too_many.truncate(most);
    empty.append(&mut filled);
    empty.sort_unstable_by_key(|(i, _)| *i);
    empty
}

#[cfg(test)]
#[path = "labelling_tests.rs"]
mod tests;
