//! Predicted masks as the masks of a dataset.

use crate::inference::Masks;
use crate::types::Dataset;
use crate::{Error, Result};

impl Dataset {
    /// The same images with predicted masks: to look at them, or to train on them. The masks have to be of this dataset.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, few) = Competition::sample()?.train.split(0.01, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let labelled = few.with_masks(&model.predict(&few)?.threshold(0.5)?)?;
    /// assert!(labelled.has_masks());
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Id`] when the ids differ.
    pub fn with_masks(&self, masks: &Masks) -> Result<Dataset> {
        if self.ids() != masks.ids {
            let id = masks.ids.first().cloned().unwrap_or_default();
            return Err(Error::Id { id, why: "these masks are of another dataset".into() });
        }
        self.with_labels(masks.labels().to_vec())
    }
}
