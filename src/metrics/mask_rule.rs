//! From probabilities to a mask: where to cut, and which masks to give up.

use crate::types::{Image, Mask};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// How probabilities become a mask. An image without any salt scores 1 when its mask is empty and 0 when a single pixel
/// is in it, so small masks, and those of images that hardly have salt, are better given up.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `threshold` | 0.5 | a pixel is salt above it | [0, 1] |
/// | `min_size` | 0 | a mask of fewer pixels of salt is emptied | ≥ 0 |
/// | `gate` | 0 | the mask of an image whose presence is below it is emptied | [0, 1] |
///
/// ```
/// use tgs_salt::{metrics::MaskRule, types::Image};
/// let probabilities = Image::new(1, 4, vec![0.1, 0.6, 0.7, 0.2])?;
/// let rule = MaskRule::default().min_size(2).gate(0.4);
/// assert_eq!(rule.mask(&probabilities, 0.4)?.pixels(), [0, 1, 1, 0]);
/// assert!(rule.mask(&probabilities, 0.3)?.is_empty());
/// assert!(rule.min_size(3).mask(&probabilities, 0.4)?.is_empty());
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MaskRule {
    /// A pixel is salt where its probability is above this.
    pub threshold: f64,
    /// A mask of fewer pixels of salt is emptied.
    pub min_size: usize,
    /// The mask of an image whose presence is below this is emptied.
    pub gate: f64,
}

impl Default for MaskRule {
    fn default() -> Self {
        MaskRule { threshold: 0.5, min_size: 0, gate: 0.0 }
    }
}

impl MaskRule {
    setters! {
        MaskRule,
        /// A pixel is salt where its probability is above this.
        threshold: f64,
        /// A mask of fewer pixels of salt is emptied.
        min_size: usize,
        /// The mask of an image whose presence is below this is emptied.
        gate: f64,
    }

    /// The mask of an image of these probabilities and this presence, how sure it is that there is any salt;
    /// see `Probabilities::presence`.
    ///
    /// # Errors
    /// [`Error::Config`] when a setting is out of range; [`Error::Shape`] when the image's fields do not agree.
    pub fn mask(&self, probabilities: &Image, presence: f32) -> Result<Mask> {
        self.check()?;
        let mask = probabilities.threshold(self.threshold)?;
        if f64::from(presence) >= self.gate && mask.area() >= self.min_size {
            return Ok(mask);
        }
        Mask::new(mask.height(), mask.width(), vec![0; mask.pixels().len()])
    }

    pub(crate) fn check(&self) -> Result<()> {
        for (field, value) in [("threshold", self.threshold), ("gate", self.gate)] {
            if !(0.0..=1.0).contains(&value) {
                let expected = "a probability in [0, 1]".into();
                return Err(Error::Config { field, got: value.to_string(), expected });
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for MaskRule {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "MaskRule: salt above {:.2}", self.threshold)?;
        if self.min_size > 0 {
            write!(f, ", masks of {} pixels or more", self.min_size)?;
        }
        if self.gate > 0.0 {
            write!(f, ", presence {:.2} or more", self.gate)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_at_the_limit_stays() {
        let map = Image::new(1, 3, vec![0.5, 0.6, 0.9]).unwrap();
        let area = |rule: MaskRule, presence: f32| rule.mask(&map, presence).unwrap().area();
        assert_eq!(area(MaskRule::default(), 0.0), 2);
        assert_eq!(area(MaskRule::default().min_size(2), 0.0), 2);
        assert_eq!(area(MaskRule::default().min_size(3), 0.0), 0);
        assert_eq!(area(MaskRule::default().gate(0.25), 0.25), 2);
        assert_eq!(area(MaskRule::default().gate(0.25), 0.249), 0);
        assert_eq!(area(MaskRule::default().threshold(0.8).gate(1.0), 1.0), 1);
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let map = Image::new(1, 1, vec![0.5]).unwrap();
        for (rule, field) in
            [(MaskRule::default().threshold(1.5), "threshold"), (MaskRule::default().gate(f64::NAN), "gate")]
        {
            let line = rule.mask(&map, 0.5).unwrap_err().to_string();
            assert!(line.starts_with(field), "{line}");
        }
        let rule = MaskRule { threshold: 0.47, min_size: 60, gate: 0.3 };
        assert_eq!(
            format!("{rule:?}"),
            "MaskRule: salt above 0.47, masks of 60 pixels or more, presence 0.30 or more"
        );
    }
}
