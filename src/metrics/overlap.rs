//! Measures of one prediction against its truth; of masks of several classes the mean over the classes.

use crate::types::{Image, Mask, check_size};
use crate::{Error, Result};

/// Intersection over union, in `[0, 1]`; 1 when both masks are empty.
///
/// ```
/// use tgs_salt::{metrics::iou, types::Mask};
/// let truth = Mask::new(1, 4, vec![1, 1, 1, 0])?;
/// let prediction = Mask::new(1, 4, vec![0, 1, 1, 1])?;
/// assert_eq!(iou(&truth, &prediction)?, 0.5);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when the sizes differ.
pub fn iou(truth: &Mask, prediction: &Mask) -> Result<f64> {
    Ok(mean(&Overlap::of_classes(truth, prediction)?, Overlap::iou))
}

/// Dice coefficient `2·I / (A + B)` of areas `A` and `B`, in `[0, 1]`; 1 when both masks are empty.
///
/// # Errors
/// [`Error::Shape`] when the sizes differ.
pub fn dice(truth: &Mask, prediction: &Mask) -> Result<f64> {
    Ok(mean(&Overlap::of_classes(truth, prediction)?, Overlap::dice))
}

/// The competition's score of one image: the share of the thresholds 0.50, 0.55 … 0.95 that the IoU exceeds.
///
/// 1 when both masks are empty, 0 when one is. The comparison is strict and done in integers, so an IoU of exactly
/// 0.5 hits no threshold on any platform.
///
/// ```
/// use tgs_salt::{metrics::mean_precision, types::Mask};
/// let truth = Mask::new(1, 4, vec![1, 1, 1, 1])?;
/// let prediction = Mask::new(1, 4, vec![0, 1, 1, 1])?;
/// assert_eq!(mean_precision(&truth, &prediction)?, 0.5); // an IoU of 0.75 is above 0.50 … 0.70
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when the sizes differ.
pub fn mean_precision(truth: &Mask, prediction: &Mask) -> Result<f64> {
    Ok(mean(&Overlap::of_classes(truth, prediction)?, Overlap::mean_precision))
}

/// The mean over the classes.
pub(super) fn mean(overlaps: &[Overlap], of_class: impl Fn(&Overlap) -> f64) -> f64 {
    overlaps.iter().map(of_class).sum::<f64>() / overlaps.len() as f64
}

/// Pixels in both masks and in either.
pub(crate) struct Overlap {
    pub(crate) both: usize,
    pub(crate) either: usize,
}

impl Overlap {
    /// Of each class.
    ///
    /// # Errors
    /// [`Error::Shape`] when sizes or numbers of classes differ.
    pub(crate) fn of_classes(truth: &Mask, prediction: &Mask) -> Result<Vec<Overlap>> {
        check_same_size(
            "prediction",
            (truth.height(), truth.width()),
            (prediction.height(), prediction.width()),
        )?;
        check_same_classes(truth.classes(), prediction.classes())?;
        let planes = truth.planes().zip(prediction.planes());
        Ok(planes.map(|(truth, prediction)| Overlap::of(truth, prediction)).collect())
    }

    /// As the function [`iou`].
    pub(crate) fn iou(&self) -> f64 {
        if self.either == 0 { 1.0 } else { self.both as f64 / self.either as f64 }
    }

    /// As the function [`dice`].
    pub(crate) fn dice(&self) -> f64 {
        if self.either == 0 { 1.0 } else { 2.0 * self.both as f64 / (self.both + self.either) as f64 }
    }

    /// As the function [`mean_precision`].
    pub(crate) fn mean_precision(&self) -> f64 {
        self.hits() as f64 / 10.0
    }

    pub(crate) fn of(truth: &[u8], prediction: &[u8]) -> Overlap {
        let pairs = truth.chunks(255).zip(prediction.chunks(255));
        // At most 255 ones fit a byte, and sums of bytes are vectorised.
        let count = |(a, b): (&[u8], &[u8])| {
            let add = |[both, either]: [u8; 2], (a, b): (&u8, &u8)| {
                [both.wrapping_add(a & b), either.wrapping_add(a | b)]
            };
            a.iter().zip(b).fold([0, 0], add).map(usize::from)
        };
        let add = |sum: Overlap, [both, either]: [usize; 2]| Overlap {
            both: sum.both + both,
            either: sum.either + either,
        };
        pairs.map(count).fold(Overlap { both: 0, either: 0 }, add)
    }

    /// How many of the ten thresholds are exceeded: `I / U > (10 + k) / 20` in integers.
    pub(crate) fn hits(&self) -> u64 {
        if self.either == 0 {
            return 10;
        }
        (10..20).filter(|k| 20 * self.both as u64 > k * self.either as u64).count() as u64
    }
}

/// Truth and prediction of `(height, width)` have to agree.
pub(super) fn check_same_size(what: &str, truth: (usize, usize), prediction: (usize, usize)) -> Result<()> {
    if truth == prediction {
        return Ok(());
    }
    Err(Error::Shape {
        what: what.into(),
        expected: format!("{}×{} as the truth", truth.0, truth.1),
        got: format!("{}×{}", prediction.0, prediction.1),
        hint: "compare masks of the same image at its original size".into(),
    })
}

/// A map of probabilities is of one class, and as large as the truth.
pub(super) fn check_map(truth: &Mask, map: &Image) -> Result<()> {
    check_same_size("probabilities", (truth.height(), truth.width()), (map.height, map.width))?;
    check_same_classes(truth.classes(), 1)?;
    check_size("probabilities", map.height, map.width, map.pixels.len())
}

/// What is not in `[0, 1]`, in map number `i`.
pub(super) fn not_a_probability(i: usize, p: f32) -> Error {
    let why = format!("expected probabilities in [0, 1], got {p}; apply the sigmoid to logits");
    Error::Image { id: format!("number {i}"), why }
}

/// Truth and prediction have to have the same classes.
pub(crate) fn check_same_classes(truth: usize, prediction: usize) -> Result<()> {
    if truth == prediction {
        return Ok(());
    }
    Err(Error::Shape {
        what: "prediction".into(),
        expected: format!("{truth} classes as the truth"),
        got: prediction.to_string(),
        hint: "compare class by class, with `mask.class(i)`".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    fn mask(pixels: &[u8]) -> Mask {
        Mask::new(1, pixels.len(), pixels.to_vec()).unwrap()
    }

    #[test]
    fn empty_masks() {
        let (empty, one) = (mask(&[0, 0]), mask(&[0, 1]));
        for measure in [iou, dice, mean_precision] {
            assert_eq!(measure(&empty, &empty).unwrap(), 1.0);
            assert_eq!(measure(&empty, &one).unwrap(), 0.0);
            assert_eq!(measure(&one, &empty).unwrap(), 0.0);
            assert_eq!(measure(&one, &one).unwrap(), 1.0);
        }
    }

    #[test]
    fn several_classes_are_measured_each_by_itself() {
        let stack =
            |planes: &[&[u8]]| Mask::stack(&planes.iter().map(|p| mask(p)).collect::<Vec<_>>()).unwrap();
        let truth = stack(&[&[1, 1, 0], &[0, 0, 0], &[0, 1, 0]]);
        let prediction = stack(&[&[0, 1, 0], &[0, 0, 0], &[1, 0, 0]]);
        assert_eq!(iou(&truth, &prediction).unwrap(), (0.5 + 1.0 + 0.0) / 3.0);
        assert_eq!(dice(&truth, &prediction).unwrap(), (2.0 / 3.0 + 1.0 + 0.0) / 3.0);
        assert_eq!(mean_precision(&truth, &prediction).unwrap(), (0.0 + 1.0 + 0.0) / 3.0);
        let line = iou(&truth, &mask(&[0, 1, 0])).unwrap_err().to_string();
        assert!(line.contains("3 classes") && !line.contains('\n'), "{line}");
    }

    #[test]
    fn a_threshold_has_to_be_exceeded() {
        // 20 pixels of truth, `both` of them found: IoU = both / 20 hits every threshold below it, not itself.
        let truth = mask(&[1; 20]);
        for both in 0..=20usize {
            let prediction: Vec<u8> = (0..20).map(|i| u8::from(i < both)).collect();
            let hits = both.saturating_sub(10) as f64 / 10.0;
            assert_eq!(mean_precision(&truth, &mask(&prediction)).unwrap(), hits, "IoU {both}/20");
        }
    }

    #[test]
    fn measures_agree_with_the_naive_ones() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..1000 {
            let size = 1 + random.next_u32() as usize % 900;
            let noise = random.next_u32() % 40;
            let truth: Vec<u8> = (0..size).map(|i| u8::from(i % 97 < 50)).collect();
            let prediction: Vec<u8> =
                truth.iter().map(|&t| t ^ u8::from(random.next_u32() % 100 < noise)).collect();
            let both = (0..size).filter(|&i| truth[i] == 1 && prediction[i] == 1).count() as f64;
            let either = (0..size).filter(|&i| truth[i] == 1 || prediction[i] == 1).count() as f64;
            let areas = (truth.iter().chain(&prediction)).map(|&p| f64::from(p)).sum::<f64>();
            let (truth, prediction) = (mask(&truth), mask(&prediction));
            assert_eq!(iou(&truth, &prediction).unwrap(), both / either);
            assert_eq!(dice(&truth, &prediction).unwrap(), 2.0 * both / areas);
            let hits = (0..10).filter(|k| 100.0 * both > (50.0 + 5.0 * *k as f64) * either).count();
            assert_eq!(mean_precision(&truth, &prediction).unwrap(), hits as f64 / 10.0);
        }
    }

    #[test]
    fn sizes_have_to_agree() {
        let tall = Mask::new(2, 1, vec![0, 1]).unwrap();
        for measure in [iou, dice, mean_precision] {
            let line = measure(&tall, &mask(&[0, 1])).unwrap_err().to_string();
            assert!(line.contains("expected 2×1 as the truth, got 1×2"), "{line}");
        }
    }
}
