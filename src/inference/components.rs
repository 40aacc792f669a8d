//! Predicted masks without small objects and holes.

use crate::inference::{Masks, component_search, evaluate};
use crate::metrics::Score;
use crate::postprocess::ComponentRule;
use crate::types::{Dataset, Label, Mask};
use crate::{Error, Result};
use rayon::prelude::*;

/// A rule for components and the score it reaches.
#[derive(Clone, Copy, PartialEq)]
pub struct ChosenComponents {
    /// What was chosen.
    pub rule: ComponentRule,
    /// The competition's score of the masks as they were.
    pub before: f64,
    /// The competition's score of the masks cleaned.
    pub mean_precision: f64,
}

impl Masks {
    /// Each mask as [`ComponentRule::clean`] makes it: without small objects, without small holes.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, few) = Competition::sample()?.train.split(0.01, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let masks = model.predict(&few)?.threshold(0.5)?;
    /// let clean = masks.clean(&ComponentRule::default().min_object(30).min_hole(30));
    /// assert_eq!(clean.ids, masks.ids);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    pub fn clean(&self, rule: &ComponentRule) -> Masks {
        self.with_labels(self.masks().map(|mask| Label::of(&rule.clean(&mask))).collect())
    }

    /// The least sizes of objects and holes that clean these masks best, of all pairs of sizes up to a tenth of an image by
    /// steps of 1/2000 of it (5 pixels of 101×101). Of equally good ones a part that does nothing is preferred, else the
    /// middle of the widest range, for objects first.
    ///
    /// The score is that of the very images that the sizes were chosen on, which flatters it: for an honest one clean other
    /// images of the validation set and see [`Masks::mean_precision`].
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, valid) = Competition::sample()?.train.split(0.05, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let masks = model.predict(&valid)?.threshold(0.5)?;
    /// let chosen = masks.choose_components(&valid)?;
    /// assert_eq!(masks.clean(&chosen.rule).mean_precision(&valid)?, chosen.mean_precision);
    /// assert!(chosen.mean_precision >= chosen.before);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Id`] when the ids differ or an image has no mask; as [`Dataset::get`]; [`Error::Shape`] when a mask is not of its image's size.
    pub fn choose_components(&self, dataset: &Dataset) -> Result<ChosenComponents> {
        self.check_unedited()?;
        let truths = evaluate::truths(&self.ids, dataset)?;
        let connectivity = ComponentRule::default().connectivity;
        let score = |masks: &[Mask]| Ok::<_, Error>(Score::of(&truths, masks, 0.5)?.mean_precision);
        let masks: Vec<Mask> = self.masks().collect();
        // First of all: it refuses masks that do not fit their truths.
        let before = score(&masks)?;
        let rule = component_search::choose(&truths, &masks, connectivity)?;
        let clean: Vec<Mask> = masks.par_iter().map(|mask| rule.clean(mask)).collect();
        Ok(ChosenComponents { rule, before, mean_precision: score(&clean)? })
    }
}

impl std::fmt::Debug for ChosenComponents {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let ChosenComponents { rule, before, mean_precision } = self;
        write!(f, "{rule:?}; mean_precision {mean_precision:.4}, {before:.4} before")
    }
}
