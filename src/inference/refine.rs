//! Predictions with the borders of the images, by a dense CRF.

use crate::inference::{Masks, Probabilities};
use crate::postprocess::{Crf, Workspace};
use crate::types::{Dataset, Image, Label};
use crate::{Error, Result};
use rayon::prelude::*;
use std::collections::HashMap;

impl Masks {
    /// Each mask as [`Crf::refine_mask`] makes it, by the dataset's image of the same id; on all cores, with the same result
    /// on any number of them.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, few) = Competition::sample()?.train.split(0.01, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let masks = model.predict(&few)?.threshold(0.5)?;
    /// let refined = masks.refine(&few, &Crf::default())?;
    /// assert_eq!(refined.ids, masks.ids);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Id`] when the dataset lacks an image; as [`Dataset::get`] and [`Crf::refine_mask`], for the first image in order.
    pub fn refine(&self, dataset: &Dataset, crf: &Crf) -> Result<Masks> {
        crf.check()?;
        self.check_unedited()?;
        let one = |work: &mut Workspace, image: &Image, i: usize| {
            Ok(Label::of(&crf.mask_in(work, image, &self.labels()[i].mask())?))
        };
        Ok(self.with_labels(refined(&self.ids, dataset, one)?))
    }
}

impl Probabilities {
    /// Each map as [`Crf::refine_probabilities`] makes it, by the dataset's image of the same id; on all cores, with the same
    /// result on any number of them. What a presence head says stays.
    ///
    /// A CRF is sure of itself: most of what it gives is near 0 or 1, which leaves a threshold little to choose.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, few) = Competition::sample()?.train.split(0.01, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let masks = model.predict(&few)?.refine(&few, &Crf::default())?.threshold(0.5)?;
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Id`] when the dataset lacks an image; as [`Dataset::get`] and [`Crf::refine_probabilities`], for the first
    /// image in order.
    pub fn refine(&self, dataset: &Dataset, crf: &Crf) -> Result<Probabilities> {
        crf.check()?;
        self.check_unedited()?;
        let one = |work: &mut Workspace, image: &Image, i: usize| {
            let maps = self.maps().chunks(self.class_names().len()).nth(i).unwrap_or_default();
            maps.iter().map(|map| crf.probabilities_in(work, image, map)).collect::<Result<Vec<_>>>()
        };
        let maps = refined(&self.ids, dataset, one)?.concat();
        Ok(self.with_maps(maps, self.head().map(<[f32]>::to_vec)))
    }
}

/// `one` of each id's image, in order.
fn refined<T: Send>(
    ids: &[String],
    dataset: &Dataset,
    one: impl Fn(&mut Workspace, &Image, usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let known = dataset.ids();
    let position: HashMap<&String, usize> = known.iter().zip(0..).collect();
    let refine = |work: &mut Workspace, (i, id): (usize, &String)| {
        let Some(&at) = position.get(id) else {
            let why =
                "was predicted but is not in this dataset; refine with the one that was predicted".into();
            return Err(Error::Id { id: id.clone(), why });
        };
        let image = dataset.get(at)?.image;
        one(work, &image, i).map_err(|error| match error {
            Error::Image { why, .. } => Error::Image { id: id.clone(), why },
            other => other,
        })
    };
    // Collected first, so that of several errors it is always the first one in order.
    let results: Vec<Result<T>> = ids.par_iter().enumerate().map_init(Workspace::default, refine).collect();
    results.into_iter().collect()
}
