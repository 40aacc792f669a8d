//! Unary energies: what is known of each pixel by itself. Of two classes, the energy of no salt less that of salt.

use crate::types::{Image, check_size};
use crate::{Error, Result};

/// The least that a probability counts as.
const CLIP: f32 = 1e-5;

/// Labels that are right with a probability of `gt_prob`.
pub(super) fn of_mask(plane: &[u8], gt_prob: f64) -> Vec<f32> {
    let bias = (libm::log(gt_prob) - libm::log(1.0 - gt_prob)) as f32;
    plane.iter().map(|&salt| if salt == 1 { bias } else { -bias }).collect()
}

/// Probabilities of salt.
pub(super) fn of_probabilities(map: &Image) -> Result<Vec<f32>> {
    check_size("probabilities for a CRF", map.height, map.width, map.pixels.len())?;
    let is_right = |p: f32| (0.0..=1.0).contains(&p);
    check_values(map.width, &map.pixels, is_right, "a probability in [0, 1]")?;
    let log = |p: f32| libm::logf(p.max(CLIP));
    Ok(map.pixels.iter().map(|&p| log(p) - log(1.0 - p)).collect())
}

pub(super) fn check_amplitudes(image: &Image) -> Result<()> {
    check_size("image for a CRF", image.height, image.width, image.pixels.len())?;
    check_values(image.width, &image.pixels, f32::is_finite, "a finite amplitude")
}

pub(super) fn check_energies(image: &Image, unary: &[f32], classes: usize) -> Result<()> {
    let pixels = image.pixels.len();
    if classes < 2 || classes.checked_mul(pixels) != Some(unary.len()) {
        return Err(Error::Shape {
            what: "unary energies for a CRF".into(),
            expected: format!("2 or more classes × {pixels} pixels"),
            got: format!("{} values of {classes} classes", unary.len()),
            hint: "give one value per class and pixel, class by class".into(),
        });
    }
    check_values(image.width, unary, f32::is_finite, "a finite energy")
}

pub(super) fn same_size(image: &Image, height: usize, width: usize) -> Result<()> {
    if (image.height, image.width) == (height, width) {
        return Ok(());
    }
    Err(Error::Shape {
        what: "labels for a CRF".into(),
        expected: format!("{}×{} as the image", image.height, image.width),
        got: format!("{height}×{width}"),
        hint: "refine at the size of the image".into(),
    })
}

/// Names the first value that is not right.
fn check_values(width: usize, values: &[f32], is_right: impl Fn(f32) -> bool, expected: &str) -> Result<()> {
    match values.iter().position(|&value| !is_right(value)) {
        None => Ok(()),
        Some(at) => {
            let (row, column) = (at / width.max(1), at % width.max(1));
            let why = format!("expected {expected}, got {} at row {row}, column {column}", values[at]);
            Err(Error::Image { id: "for a CRF".into(), why })
        }
    }
}
