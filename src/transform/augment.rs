//! Random changes of image and mask together, so that a network sees more than the training set holds.

use crate::types::{Mask, Sample};
use crate::{Error, Result};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

/// Which random changes training makes to a sample.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `horizontal_flip` | 0.5 | probability of a mirror image, left to right | `[0, 1]` |
///
/// Up and down are never exchanged: the top of salt is not its bottom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Augment {
    /// Probability of a mirror image, left to right.
    pub horizontal_flip: f64,
}

impl Default for Augment {
    fn default() -> Self {
        Augment { horizontal_flip: 0.5 }
    }
}

impl Augment {
    /// No change at all.
    pub fn none() -> Self {
        Augment { horizontal_flip: 0.0 }
    }

    /// The sample as training sees it. The same `(seed, epoch, index)` gives the same sample, whatever was drawn before.
    ///
    /// # Errors
    /// [`Error::Config`] when a probability is not in `[0, 1]`.
    pub fn apply(&self, mut sample: Sample, seed: u64, epoch: usize, index: usize) -> Result<Sample> {
        self.check()?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(((epoch as u64) << 32) | (index as u64 + 1));
        if rng.random::<f64>() < self.horizontal_flip {
            let width = sample.image.width;
            mirror(&mut sample.image.pixels, width);
            if let Some(mask) = sample.mask.take() {
                let mut pixels = mask.pixels().to_vec();
                mirror(&mut pixels, mask.width());
                sample.mask = Some(Mask::new(mask.height(), mask.width(), pixels)?);
            }
        }
        Ok(sample)
    }

    pub(crate) fn check(&self) -> Result<()> {
        if (0.0..=1.0).contains(&self.horizontal_flip) {
            return Ok(());
        }
        let got = self.horizontal_flip.to_string();
        Err(Error::Config { field: "horizontal_flip", got, expected: "a probability in [0, 1]".into() })
    }
}

fn mirror<T>(pixels: &mut [T], width: usize) {
    pixels.chunks_mut(width.max(1)).for_each(<[T]>::reverse);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Image;

    fn sample() -> Sample {
        let image = Image::new(2, 3, vec![0.0, 0.1, 0.2, 0.3, 0.4, 0.5]).unwrap();
        let mask = Mask::new(2, 3, vec![1, 0, 0, 1, 1, 0]).unwrap();
        Sample { id: "a".into(), z: None, image, mask: Some(mask) }
    }

    #[test]
    fn a_flip_mirrors_image_and_mask_together() {
        let flipped = Augment { horizontal_flip: 1.0 }.apply(sample(), 1, 1, 0).unwrap();
        assert_eq!(flipped.image.pixels, [0.2, 0.1, 0.0, 0.5, 0.4, 0.3]);
        assert_eq!(flipped.mask.unwrap().pixels(), [0, 0, 1, 0, 1, 1]);
    }

    #[test]
    fn about_half_are_flipped_and_the_same_ones_each_time() {
        let flips = |seed, epoch| -> Vec<bool> {
            let is_flipped =
                |i| Augment::default().apply(sample(), seed, epoch, i).unwrap().image.pixels[0] != 0.0;
            (0..1000).map(is_flipped).collect()
        };
        assert_eq!(flips(7, 3), flips(7, 3));
        assert_ne!(flips(7, 3), flips(7, 4));
        assert_ne!(flips(7, 3), flips(8, 3));
        let count = flips(7, 3).iter().filter(|&&f| f).count();
        assert!((440..560).contains(&count), "{count}");
    }

    #[test]
    fn a_probability_of_2_is_refused() {
        assert!(matches!(
            Augment { horizontal_flip: 2.0 }.apply(sample(), 1, 1, 0),
            Err(Error::Config { .. })
        ));
    }
}
