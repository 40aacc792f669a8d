//! Numbers that describe an image and its mask.

use crate::types::{Image, Mask};

/// A mask with salt in fewer pixels than this is tiny. Published solutions to the competition drop, or look twice at, masks
/// of 10 to 100 pixels.
pub const TINY_MASK: usize = 50;

/// What the pixels of an image are like.
///
/// ```
/// use tgs_salt::types::Image;
/// let statistics = Image::new(1, 4, vec![0.0, 0.0, 0.5, 0.5])?.statistics();
/// assert_eq!((statistics.mean, statistics.std), (0.25, 0.25));
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelStatistics {
    /// Mean amplitude, in `[0, 1]`.
    pub mean: f64,
    /// Least amplitude.
    pub min: f64,
    /// Greatest amplitude.
    pub max: f64,
    /// Standard deviation of the amplitudes, that of all pixels (NumPy's `std`, divided by n).
    pub std: f64,
}

impl PixelStatistics {
    /// True when all pixels have one value: an image without any signal. In the competition these are black.
    pub fn is_black(&self) -> bool {
        self.min == self.max
    }
}

impl Image {
    /// Mean, least, greatest and standard deviation of the pixels, in double precision; NaN without pixels.
    pub fn statistics(&self) -> PixelStatistics {
        let (mean, std) = mean_and_std(&self.pixels);
        let ends = |pick: fn(f32, f32) -> f32| f64::from(self.pixels.iter().copied().fold(f32::NAN, pick));
        PixelStatistics { mean, min: ends(f32::min), max: ends(f32::max), std }
    }
}

/// Mean and standard deviation (NumPy's `std`), in double precision; NaN of nothing.
pub(crate) fn mean_and_std(pixels: &[f32]) -> (f64, f64) {
    let n = pixels.len() as f64;
    let mean = sum(pixels, |p| p) / n;
    (mean, (sum(pixels, |p| (p - mean) * (p - mean)) / n).sqrt())
}

/// In eight sums that are added at the end: fixed order, and as fast as memory.
fn sum(pixels: &[f32], value: impl Fn(f64) -> f64) -> f64 {
    let mut sums = [0.0; 8];
    let chunks = pixels.chunks_exact(8);
    let rest: f64 = chunks.remainder().iter().map(|&p| value(f64::from(p))).sum();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, &p)| *sum += value(f64::from(p)));
    }
    sums.iter().sum::<f64>() + rest
}

impl Mask {
    /// True when some columns are salt from top to bottom and all others have none: the competition's "vertical masks",
    /// whose labels look like a mistake (published notebooks find them by an area that the height divides).
    ///
    /// ```
    /// use tgs_salt::types::Mask;
    /// assert!(Mask::new(2, 3, vec![0, 1, 0, 0, 1, 0])?.is_vertical());
    /// assert!(!Mask::new(2, 3, vec![1, 1, 0, 0, 0, 0])?.is_vertical());
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    pub fn is_vertical(&self) -> bool {
        let pixels = self.any();
        let first = &pixels[..self.width()];
        first.contains(&0) && first.contains(&1) && pixels.chunks(self.width()).all(|row| row == first)
    }

    /// True when there is salt, yet in fewer than [`TINY_MASK`] pixels.
    pub fn is_tiny(&self) -> bool {
        is_tiny(self.area())
    }
}

fn is_tiny(area: usize) -> bool {
    (1..TINY_MASK).contains(&area)
}

/// What is remembered of a mask once it was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MaskStatistics {
    /// Pixels with salt.
    pub(crate) area: usize,
    /// Share of salt.
    pub(crate) coverage: f64,
    pub(crate) vertical: bool,
    pub(crate) tiny: bool,
}

impl MaskStatistics {
    pub(crate) fn of(mask: &Mask) -> MaskStatistics {
        let area = mask.area();
        MaskStatistics {
            area,
            coverage: area as f64 / (mask.height() * mask.width()) as f64,
            vertical: mask.is_vertical(),
            tiny: is_tiny(area),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_a_plain_loop() {
        let pixels: Vec<f32> = (0..10_201).map(|i| (i * 7919 % 256) as f32 / 255.0).collect();
        let got = Image::new(101, 101, pixels.clone()).unwrap().statistics();
        let all: Vec<f64> = pixels.iter().map(|&p| f64::from(p)).collect();
        let mean = all.iter().sum::<f64>() / 10_201.0;
        let variance = all.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / 10_201.0;
        assert!((got.mean - mean).abs() < 1e-12 && (got.std - variance.sqrt()).abs() < 1e-12, "{got:?}");
        assert_eq!((got.min, got.max, got.is_black()), (0.0, 1.0, false));
        let black = Image::new(2, 5, vec![0.0; 10]).unwrap().statistics();
        assert_eq!(black, PixelStatistics { mean: 0.0, min: 0.0, max: 0.0, std: 0.0 });
        assert!(black.is_black());
    }

    #[test]
    fn vertical_masks_are_of_whole_columns() {
        let mask = |pixels: [u8; 6]| Mask::new(2, 3, pixels.to_vec()).unwrap();
        assert!(mask([1, 0, 1, 1, 0, 1]).is_vertical());
        for other in [[0; 6], [1; 6], [1, 1, 1, 0, 0, 0], [1, 0, 1, 1, 0, 0]] {
            assert!(!mask(other).is_vertical(), "{other:?}");
        }
    }

    #[test]
    fn tiny_masks_have_salt() {
        let mask = |area: usize| Mask::new(10, 10, (0..100).map(|p| u8::from(p < area)).collect()).unwrap();
        let tiny: Vec<bool> =
            [0, 1, TINY_MASK - 1, TINY_MASK].iter().map(|&area| mask(area).is_tiny()).collect();
        assert_eq!(tiny, [false, true, true, false]);
    }
}
