//! Where a model is right and where it is wrong: its worst and best images, coverage, depth, calibration.

mod calibration;
#[cfg(feature = "frames")]
mod class_scores;
mod confusion;
mod coverage;
mod depths;
mod ranked;
#[cfg(feature = "frames")]
mod table;

use crate::inference::{ImageScore, Masks};
use crate::plot::text::count;
use crate::types::Dataset;
use crate::{Error, Result};

/// At least one image's scores.
///
/// # Errors
/// [`Error::Figure`] naming `what` when the dataset is empty; as [`Dataset::get`].
fn image_scores(what: &str, masks: &Masks, dataset: &Dataset) -> Result<Vec<ImageScore>> {
    let scores = masks.image_scores(dataset)?;
    match scores.is_empty() {
        true => Err(Error::Figure { what: what.into(), why: "there is no image to draw".into() }),
        false => Ok(scores),
    }
}

/// `n = 400 images`.
fn images(n: usize) -> String {
    if n == 1 { "n = 1 image".into() } else { format!("n = {} images", count(n)) }
}

/// The classes of coverage in per cent: none, 0–10, … 90–100.
fn class_names() -> Vec<String> {
    let tenth = |i: usize| format!("{}–{}", 10 * i, 10 * i + 10);
    std::iter::once("none".to_owned()).chain((0..10).map(tenth)).collect()
}
