//! The means over many images.

use rayon::prelude::*;

use crate::metrics::overlap::{Overlap, mean};
use crate::types::Mask;
use crate::{Error, Result};

/// How good predictions are: means over the images, all in `[0, 1]`.
#[derive(Clone, Copy, PartialEq)]
pub struct Score {
    /// The competition's score.
    pub mean_precision: f64,
    /// Intersection over union.
    pub iou: f64,
    /// Dice coefficient.
    pub dice: f64,
    /// The probability above which a pixel was taken for salt.
    pub threshold: f64,
}

impl Score {
    /// The score of predictions that were made with `threshold`, each against the truth at the same place.
    ///
    /// ```
    /// use tgs_salt::{metrics::Score, types::Mask};
    /// let truths = [Mask::new(1, 2, vec![1, 1])?, Mask::new(1, 2, vec![0, 0])?];
    /// let nothing = vec![truths[1].clone(), truths[1].clone()];
    /// assert_eq!(Score::of(&truths, &nothing, 0.5)?.mean_precision, 0.5);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] when there are no images, or numbers or sizes differ.
    pub fn of(truths: &[Mask], predictions: &[Mask], threshold: f64) -> Result<Score> {
        check_same_count(truths.len(), predictions.len())?;
        let one = |(truth, prediction)| Score::of_image(truth, prediction);
        Score::mean(&truths.par_iter().zip(predictions).map(one).collect::<Result<Vec<_>>>()?, threshold)
    }

    /// Mean precision, IoU and Dice of one image.
    pub(crate) fn of_image(truth: &Mask, prediction: &Mask) -> Result<[f64; 3]> {
        let overlaps = Overlap::of_classes(truth, prediction)?;
        Ok([Overlap::mean_precision, Overlap::iou, Overlap::dice].map(|measure| mean(&overlaps, measure)))
    }

    /// The score of images by [`Score::of_image`] of each.
    ///
    /// # Errors
    /// [`Error::Shape`] when there are no images.
    pub(crate) fn mean(images: &[[f64; 3]], threshold: f64) -> Result<Score> {
        check_same_count(images.len(), images.len())?;
        // Summed in the order of the images: the same bits with any number of threads.
        let mean = |i: usize| images.iter().map(|image| image[i]).sum::<f64>() / images.len() as f64;
        Ok(Score { mean_precision: mean(0), iou: mean(1), dice: mean(2), threshold })
    }
}

/// One prediction for each truth, and at least one.
pub(super) fn check_same_count(truths: usize, predictions: usize) -> Result<()> {
    if truths == predictions && truths > 0 {
        return Ok(());
    }
    Err(Error::Shape {
        what: "predictions".into(),
        expected: format!("one for each of {truths} truths, and at least one"),
        got: predictions.to_string(),
        hint: "give both in the same order".into(),
    })
}

impl std::fmt::Debug for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Score { mean_precision, iou, dice, threshold } = self;
        write!(
            f,
            "Score mean_precision {mean_precision:.4}, iou {iou:.4}, dice {dice:.4} at threshold {threshold:.2}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_over_images() {
        let mask = |pixels: [u8; 4]| Mask::new(1, 4, pixels.to_vec()).unwrap();
        let truths = [mask([1, 1, 1, 1]), mask([0; 4]), mask([1, 0, 0, 0])];
        let predictions = [mask([0, 1, 1, 1]), mask([0; 4]), mask([0; 4])];
        let score = Score::of(&truths, &predictions, 0.45).unwrap();
        assert_eq!((score.mean_precision, score.iou), (0.5, (0.75 + 1.0) / 3.0));
        assert_eq!(
            format!("{score:?}"),
            "Score mean_precision 0.5000, iou 0.5833, dice 0.6190 at threshold 0.45"
        );
        assert!(matches!(Score::of(&truths, &predictions[..2], 0.5), Err(Error::Shape { .. })));
        assert!(matches!(Score::of(&[], &[], 0.5), Err(Error::Shape { .. })));
    }
}
