//! Exploring a dataset: what its images, masks and depths are like. Every figure works on training data, on test data as
//! far as it has no masks, and on predictions (`test.with_masks(&masks)`).

mod coverage;
mod depths;
mod means;
mod numbers;
mod pixels;
mod split;
#[cfg(feature = "frames")]
mod tables;

use crate::types::{Dataset, MaskStatistics};
use crate::{Error, Result};

/// The depths that are known.
///
/// # Errors
/// [`Error::Figure`] when there is none.
fn known_depths(dataset: &Dataset, what: &str) -> Result<Vec<f64>> {
    let depths: Vec<f64> = dataset.depths().into_iter().flatten().map(f64::from).collect();
    match depths.is_empty() {
        true => Err(missing(what, "no image has a depth; expected a depths.csv that lists their ids")),
        false => Ok(depths),
    }
}

/// What is known of each mask.
///
/// # Errors
/// [`Error::Figure`] when no image has one; as [`Dataset::coverages`].
fn known_masks(dataset: &Dataset, what: &str) -> Result<Vec<Option<MaskStatistics>>> {
    let masks = dataset.mask_statistics()?;
    match masks.iter().all(Option::is_none) {
        true => Err(missing(what, "no image has a mask; use train, or test.with_masks(&masks)")),
        false => Ok(masks),
    }
}

fn missing(what: &str, why: &str) -> Error {
    Error::Figure { what: what.into(), why: why.into() }
}
