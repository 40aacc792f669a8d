//! Predictions as they come, kept as probabilities or as masks.

use crate::inference::predictions::check_rules;
use crate::inference::{Masks, Probabilities};
use crate::metrics::MaskRule;
use crate::types::{Dataset, Image};
use crate::{Error, Result};
use std::sync::Arc;

/// What is predicted of some images: maps, image by image and class by class, and what a presence head says of each.
pub(super) type Part = (Vec<Image>, Option<Vec<f32>>);

/// Takes the parts of a dataset in order.
pub(super) type Take<'a> = &'a mut dyn FnMut(Part) -> Result<()>;

/// All that `predict` hands over.
pub(super) fn probabilities(
    dataset: &Dataset,
    names: &[String],
    predict: impl FnOnce(Take) -> Result<()>,
) -> Result<Probabilities> {
    check_classes(dataset, names)?;
    let (mut maps, mut presence) = (Vec::with_capacity(dataset.len() * names.len()), Some(vec![]));
    predict(&mut |(of_part, presence_of_part)| {
        maps.extend(of_part);
        presence = presence.take().zip(presence_of_part).map(|(mut all, part)| {
            all.extend(part);
            all
        });
        Ok(())
    })?;
    let all = Probabilities::new(dataset.ids(), maps).with_submission_format(dataset.submission_format());
    Ok(all.with_class_names(names).with_presence(presence))
}

/// The masks of all that `predict` hands over, which is dropped part by part.
pub(super) fn masks(
    dataset: &Dataset,
    names: &[String],
    rules: &[MaskRule],
    predict: impl FnOnce(Take) -> Result<()>,
) -> Result<Masks> {
    // Before hours of prediction.
    check_rules(rules, names.len())?;
    check_classes(dataset, names)?;
    let ids = dataset.ids();
    let mut labels = Vec::with_capacity(ids.len());
    predict(&mut |(maps, presence)| {
        let images = maps.len() / names.len().max(1);
        let ids_of_part = ids.iter().skip(labels.len()).take(images).cloned().collect();
        let part = Probabilities::new(ids_of_part, maps).with_class_names(names);
        labels.extend_from_slice(part.with_presence(presence).apply_each(rules)?.labels());
        Ok(())
    })?;
    let all = Masks::new(ids, Arc::new(names.to_vec()), labels);
    Ok(all.with_submission_format(dataset.submission_format()))
}

/// The rows that a competition asks for are of its classes: a network of others is known before anything is predicted.
fn check_classes(dataset: &Dataset, names: &[String]) -> Result<()> {
    let (format, classes) = (dataset.submission_format(), dataset.class_names());
    if !format.by_class || format.order.is_none() || classes.len() == names.len() {
        return Ok(());
    }
    let expected = format!(
        "{}, those of the test set ({}); a network of one class predicts `class(i)` of it",
        classes.len(),
        classes.join(", ")
    );
    Err(Error::Config { field: "classes", got: names.len().to_string(), expected })
}
