//! Which probability to take for salt.

use rayon::prelude::*;

use crate::Result;
use crate::metrics::overlap::{Overlap, check_map, not_a_probability};
use crate::metrics::score::check_same_count;
use crate::types::{Image, Mask};

/// The thresholds that are tried: 0.05, 0.06 … 0.95.
pub(super) const GRID: usize = 91;

pub(super) fn threshold(i: usize) -> f64 {
    (5 + i) as f64 / 100.0
}

/// The competition's score at each threshold, and the threshold to use.
#[derive(Clone, PartialEq)]
pub struct ThresholdSearch {
    /// Pairs `(threshold, mean_precision)` for 0.05, 0.06 … 0.95.
    pub curve: Vec<(f64, f64)>,
    /// The middle of the widest range of thresholds that reach the best score.
    pub best: f64,
    /// The score at `best`.
    pub mean_precision: f64,
}

impl ThresholdSearch {
    /// Scores every threshold on probabilities in `[0, 1]`, each against the truth at the same place. A pixel is salt
    /// where its probability is strictly above the threshold, as in [`Image::threshold`].
    ///
    /// Each image is read once: two histograms, of the probabilities over salt and over background, give the overlap
    /// at every threshold exactly.
    ///
    /// ```
    /// use tgs_salt::{metrics::ThresholdSearch, types::{Image, Mask}};
    /// let truths = [Mask::new(1, 2, vec![0, 1])?];
    /// let search = ThresholdSearch::new(&truths, &[Image::new(1, 2, vec![0.305, 0.705])?])?;
    /// assert_eq!((search.best, search.mean_precision), (0.5, 1.0)); // the middle of 0.31 … 0.70
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) when there are no images, or numbers or sizes differ;
    /// [`Error::Image`](crate::Error::Image) when a probability is
    /// not a number in `[0, 1]`.
    pub fn new(truths: &[Mask], probabilities: &[Image]) -> Result<ThresholdSearch> {
        check_same_count(truths.len(), probabilities.len())?;
        let pairs = truths.par_iter().zip(probabilities).enumerate();
        let hits =
            pairs.map(|(i, (truth, image))| Ok(cuts(i, truth, image, Overlap::hits)?.map(|cut| cut.points)));
        let add = |mut sum: [u64; GRID], one: [u64; GRID]| {
            sum.iter_mut().zip(one).for_each(|(sum, one)| *sum += one);
            Ok(sum)
        };
        let hits = hits.try_reduce(|| [0; GRID], add)?;
        let score = |hits: u64| hits as f64 / (10 * truths.len()) as f64;
        let best = middle_of_best(&hits);
        Ok(ThresholdSearch {
            curve: hits.iter().enumerate().map(|(i, &hits)| (threshold(i), score(hits))).collect(),
            best: threshold(best),
            mean_precision: score(hits[best]),
        })
    }
}

/// Pairs `(threshold, mean_precision)` for the thresholds 0.05, 0.06 … 0.95: the curve of [`ThresholdSearch::new`].
///
/// # Errors
/// As [`ThresholdSearch::new`].
pub fn threshold_curve(truths: &[Mask], probabilities: &[Image]) -> Result<Vec<(f64, f64)>> {
    Ok(ThresholdSearch::new(truths, probabilities)?.curve)
}

/// What comes of cutting one image at one threshold.
#[derive(Clone, Copy, Default)]
pub(super) struct Cut {
    /// Pixels above the threshold.
    pub(super) area: usize,
    /// What it scores.
    pub(super) points: u64,
}

/// Image `i` cut at each threshold of the grid; `points` is the score of an overlap.
pub(super) fn cuts(
    i: usize,
    truth: &Mask,
    image: &Image,
    points: fn(&Overlap) -> u64,
) -> Result<[Cut; GRID]> {
    check_map(truth, image)?;
    // Bin b counts the pixels above exactly b thresholds, in background (0) and salt (1).
    let mut histogram = [[0usize; GRID + 1]; 2];
    for (&salt, &p) in truth.pixels().iter().zip(&image.pixels) {
        if !(0.0..=1.0).contains(&p) {
            return Err(not_a_probability(i, p));
        }
        histogram[usize::from(salt)][thresholds_below(p)] += 1;
    }
    let (mut cuts, area) = ([Cut::default(); GRID], truth.area());
    let (mut background, mut salt) = (0, 0);
    for i in (0..GRID).rev() {
        background += histogram[0][i + 1];
        salt += histogram[1][i + 1];
        let points = points(&Overlap { both: salt, either: area + background });
        cuts[i] = Cut { area: salt + background, points };
    }
    Ok(cuts)
}

/// How many thresholds of the grid `p` in `[0, 1]` is strictly above.
fn thresholds_below(p: f32) -> usize {
    // 24 bits times 100 are exact in 53, and no f32 is between a hundredth and the f64 that stands for it.
    let hundredths = 100.0 * f64::from(p);
    // Rounded up by hand: `ceil` is a call on processors without SSE 4.1.
    let below = hundredths as i32;
    let up = below + i32::from(f64::from(below) < hundredths);
    (up - 5).clamp(0, GRID as i32) as usize
}

/// The middle of the longest run of best values; the first of equally long ones.
pub(super) fn middle_of_best(hits: &[u64]) -> usize {
    let max = hits.iter().max().copied().unwrap_or(0);
    let (mut start, mut best) = (0, (0, 0));
    for (i, &hit) in hits.iter().enumerate() {
        if hit < max {
            start = i + 1;
        } else if i + 1 - start > best.1 - best.0 {
            best = (start, i + 1);
        }
    }
    (best.0 + best.1.saturating_sub(1)) / 2
}

/// The first, which does nothing, where that is as good as any; else the middle of the best.
pub(crate) fn none_or_middle(hits: &[u64]) -> usize {
    if hits.first() == hits.iter().max() { 0 } else { middle_of_best(hits) }
}

impl std::fmt::Debug for ThresholdSearch {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "ThresholdSearch: best {:.2} with mean_precision {:.4}", self.best, self.mean_precision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::metrics::mean_precision;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    /// Blobs with probabilities on, just above and just below the grid.
    fn example(random: &mut ChaCha8Rng) -> (Mask, Image) {
        let pixels: Vec<u8> = (0..400).map(|i| u8::from(i % 20 < 9)).collect();
        let step = |p: f32, up: u32| match up % 3 {
            0 => p,
            1 => p.next_up().min(1.0),
            _ => p.next_down().max(0.0),
        };
        let probabilities = pixels.iter().map(|&salt| {
            let p = (random.next_u32() % 60 + if salt == 1 { 41 } else { 0 }) as f32 / 100.0;
            step(p, random.next_u32())
        });
        (Mask::new(20, 20, pixels.clone()).unwrap(), Image::new(20, 20, probabilities.collect()).unwrap())
    }

    #[test]
    fn the_curve_is_that_of_thresholding_each_image() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let (truths, images): (Vec<_>, Vec<_>) = (0..30).map(|_| example(&mut random)).unzip();
        let curve = threshold_curve(&truths, &images).unwrap();
        assert_eq!(curve.len(), 91);
        assert_eq!((curve[0].0, curve[90].0), (0.05, 0.95));
        for &(t, score) in &curve {
            let each = truths.iter().zip(&images).map(|(truth, image)| {
                (10.0 * mean_precision(truth, &image.threshold(t).unwrap()).unwrap()).round()
            });
            assert_eq!(score, each.sum::<f64>() / 300.0, "threshold {t}");
        }
        assert!(curve.iter().any(|&(_, score)| score != curve[0].1), "a flat curve tests nothing");
    }

    #[test]
    fn best_is_the_middle_of_the_widest_plateau() {
        assert_eq!(middle_of_best(&[1, 5, 2, 5, 5, 5, 5, 0, 5]), 4);
        assert_eq!(middle_of_best(&[5, 5, 0, 5, 5]), 0);
        assert_eq!(middle_of_best(&[0, 0, 0]), 1);
        assert_eq!(middle_of_best(&[0, 3]), 1);
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        let truth = [Mask::new(1, 2, vec![0, 1]).unwrap()];
        for p in [f32::NAN, 1.5, -0.1, f32::INFINITY] {
            let error = ThresholdSearch::new(&truth, &[Image::new(1, 2, vec![0.5, p]).unwrap()]).unwrap_err();
            assert!(matches!(error, Error::Image { .. }), "{error}");
        }
        let wide = [Image::new(1, 3, vec![0.5; 3]).unwrap()];
        assert!(matches!(ThresholdSearch::new(&truth, &wide), Err(Error::Shape { .. })));
        assert!(matches!(ThresholdSearch::new(&truth, &[]), Err(Error::Shape { .. })));
    }
}
