//! Whether probabilities are what they say: of all pixels given 0.7, are seven in ten salt?

use rayon::prelude::*;

use crate::Result;
use crate::metrics::overlap::{check_map, not_a_probability};
use crate::metrics::score::check_same_count;
use crate::types::{Image, Mask};

/// Bins of equal width.
const BINS: usize = 10;

/// How far the probabilities of all pixels are from the shares of salt that are found at them: a reliability diagram in
/// numbers.
///
/// The errors are those of Guo et al., "On calibration of modern neural networks" (2017), over ten bins of equal width. A
/// probability on the border of two bins belongs to the lower one, as in scikit-learn's `calibration_curve`.
#[derive(Clone, PartialEq)]
pub struct Calibration {
    /// From the lowest probability to the highest; bins without a pixel are left out.
    pub bins: Vec<CalibrationBin>,
    /// How many images the pixels are of.
    pub images: usize,
    /// The mean over all pixels of their bin's `|probability − salt|`, in `[0, 1]`.
    pub expected_error: f64,
    /// The largest `|probability − salt|` of a bin, in `[0, 1]`.
    pub maximum_error: f64,
}

/// The pixels whose probability is in `(low, high]`, the first bin with 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationBin {
    /// Where the bin begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
    /// How many pixels are in it.
    pub pixels: u64,
    /// Their mean probability.
    pub probability: f64,
    /// The share of them that is salt, in `[0, 1]`.
    pub salt: f64,
}

impl Calibration {
    /// The calibration of probabilities in `[0, 1]`, each map against the truth at the same place.
    ///
    /// ```
    /// use tgs_salt::{metrics::Calibration, types::{Image, Mask}};
    /// let truths = [Mask::new(1, 4, vec![0, 0, 0, 1])?];
    /// let calibration = Calibration::new(&truths, &[Image::new(1, 4, vec![0.25, 0.25, 0.25, 0.75])?])?;
    /// // Three pixels are 0.25 too high, one is 0.25 too low.
    /// assert_eq!((calibration.expected_error, calibration.bins[1].salt), (0.25, 1.0));
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) when there are no images, or numbers or sizes differ;
    /// [`Error::Image`](crate::Error::Image) when a probability is
    /// not a number in `[0, 1]`.
    pub fn new(truths: &[Mask], probabilities: &[Image]) -> Result<Calibration> {
        check_same_count(truths.len(), probabilities.len())?;
        let pairs = truths.par_iter().zip(probabilities).enumerate();
        let images: Vec<Result<[Sums; BINS]>> = pairs.map(|(i, (t, p))| sums(i, t, p)).collect();
        // Added in the order of the images: the same bits with any number of threads.
        let mut all = [Sums::default(); BINS];
        for image in images {
            for (all, one) in all.iter_mut().zip(image?) {
                all.pixels += one.pixels;
                all.salt += one.salt;
                all.probability += one.probability;
            }
        }
        let bins: Vec<CalibrationBin> = all.iter().enumerate().filter_map(|(i, sums)| bin(i, sums)).collect();
        let pixels: u64 = bins.iter().map(|bin| bin.pixels).sum();
        let errors = bins.iter().map(|bin| (bin.pixels, (bin.probability - bin.salt).abs()));
        Ok(Calibration {
            expected_error: errors.clone().map(|(n, error)| n as f64 * error).sum::<f64>() / pixels as f64,
            maximum_error: errors.fold(0.0, |most, (_, error)| error.max(most)),
            images: truths.len(),
            bins,
        })
    }

    /// How many pixels there are in all.
    pub fn pixels(&self) -> u64 {
        self.bins.iter().map(|bin| bin.pixels).sum()
    }
}

#[derive(Clone, Copy, Default)]
struct Sums {
    pixels: u64,
    salt: u64,
    probability: f64,
}

fn sums(i: usize, truth: &Mask, image: &Image) -> Result<[Sums; BINS]> {
    check_map(truth, image)?;
    let mut bins = [Sums::default(); BINS];
    for (&salt, &p) in truth.pixels().iter().zip(&image.pixels) {
        if !(0.0..=1.0).contains(&p) {
            return Err(not_a_probability(i, p));
        }
        let p = f64::from(p);
        let bin = &mut bins[bin_of(p)];
        bin.pixels += 1;
        bin.salt += u64::from(salt);
        bin.probability += p;
    }
    Ok(bins)
}

/// The bin of `p` in `[0, 1]`, an f32: 24 bits times 10 are exact in 53.
fn bin_of(p: f64) -> usize {
    let tenths = BINS as f64 * p;
    let below = tenths as i32;
    // On a border it is the bin below.
    (below - i32::from(f64::from(below) == tenths)).clamp(0, BINS as i32 - 1) as usize
}

fn bin(i: usize, sums: &Sums) -> Option<CalibrationBin> {
    let mean = |sum: f64| sum / sums.pixels as f64;
    (sums.pixels > 0).then(|| CalibrationBin {
        low: i as f64 / BINS as f64,
        high: (i + 1) as f64 / BINS as f64,
        pixels: sums.pixels,
        probability: mean(sums.probability),
        salt: mean(sums.salt as f64),
    })
}

impl std::fmt::Debug for Calibration {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(
            f,
            "Calibration of {} pixels in {} images: expected error {:.4}, maximum error {:.4}",
            self.pixels(),
            self.images,
            self.expected_error,
            self.maximum_error
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    /// What `tests/fixtures/calibration/generate.py` wrote.
    #[derive(serde::Deserialize)]
    struct Expected {
        probabilities: Vec<f32>,
        salt: Vec<u8>,
        /// scikit-learn's `calibration_curve`.
        mean_predicted: Vec<f64>,
        share_of_salt: Vec<f64>,
        expected_error: f64,
        maximum_error: f64,
    }

    fn expected() -> Expected {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/calibration/expected.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn it_is_that_of_scikit_learn() {
        let expected = expected();
        let rows = expected.probabilities.len() / 20;
        let truth = Mask::new(rows, 20, expected.salt.clone()).unwrap();
        let map = Image::new(rows, 20, expected.probabilities.clone()).unwrap();
        let calibration = Calibration::new(&[truth], &[map]).unwrap();
        assert_eq!(calibration.bins.len(), expected.mean_predicted.len(), "one bin is empty");
        assert!(calibration.bins.len() < BINS);
        for (i, bin) in calibration.bins.iter().enumerate() {
            assert!((bin.probability - expected.mean_predicted[i]).abs() < 1e-12, "{bin:?}");
            assert!((bin.salt - expected.share_of_salt[i]).abs() < 1e-12, "{bin:?}");
        }
        assert!((calibration.expected_error - expected.expected_error).abs() < 1e-12);
        assert!((calibration.maximum_error - expected.maximum_error).abs() < 1e-12);
        assert_eq!(calibration.pixels(), expected.salt.len() as u64);
    }

    #[test]
    fn images_add_up() {
        let expected = expected();
        let mask = |row: &[u8]| Mask::new(1, 20, row.to_vec()).unwrap();
        let map = |row: &[f32]| Image::new(1, 20, row.to_vec()).unwrap();
        let truths: Vec<Mask> = expected.salt.chunks(20).map(mask).collect();
        let maps: Vec<Image> = expected.probabilities.chunks(20).map(map).collect();
        let calibration = Calibration::new(&truths, &maps).unwrap();
        assert!((calibration.expected_error - expected.expected_error).abs() < 1e-12);
        assert_eq!(calibration.images, truths.len());
    }

    #[test]
    fn a_border_belongs_below_and_the_ends_belong_in() {
        let map = Image::new(1, 6, vec![0.0, 0.5, 0.5f32.next_up(), 1.0, 1e-9, 0.1]).unwrap();
        let truth = Mask::new(1, 6, vec![0, 1, 1, 1, 0, 0]).unwrap();
        let calibration = Calibration::new(&[truth], &[map]).unwrap();
        let bins: Vec<(f64, u64)> = calibration.bins.iter().map(|bin| (bin.low, bin.pixels)).collect();
        // 0.1 as f32 is a little more than a tenth.
        assert_eq!(bins, [(0.0, 2), (0.1, 1), (0.4, 1), (0.5, 1), (0.9, 1)]);
        assert!(
            format!("{calibration:?}").starts_with("Calibration of 6 pixels in 1 images: expected error 0.")
        );
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        let truth = [Mask::new(1, 2, vec![0, 1]).unwrap()];
        for p in [f32::NAN, 1.5, -0.1, f32::INFINITY] {
            let error = Calibration::new(&truth, &[Image::new(1, 2, vec![0.5, p]).unwrap()]).unwrap_err();
            assert!(matches!(error, Error::Image { .. }), "{error}");
        }
        let wide = [Image::new(1, 3, vec![0.5; 3]).unwrap()];
        assert!(matches!(Calibration::new(&truth, &wide), Err(Error::Shape { .. })));
        assert!(matches!(Calibration::new(&[], &[]), Err(Error::Shape { .. })));
    }
}
