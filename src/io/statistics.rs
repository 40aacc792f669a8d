//! What is known of every image and mask of a dataset: read once, on all cores, and remembered.

use rayon::prelude::*;

use crate::io::load::{load_image, load_mask};
use crate::types::{Dataset, Entry, MaskStatistics, PixelStatistics};
use crate::{Error, Result};

impl Dataset {
    /// Mean, least, greatest and standard deviation of each image's pixels, in order. Images are read once, on all
    /// cores; later calls remember.
    ///
    /// ```
    /// use tgs_salt::Competition;
    /// let statistics = Competition::sample()?.test.statistics()?;
    /// assert!(statistics.iter().all(|image| image.min <= image.mean && image.mean <= image.max));
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Dataset::get`], for the first image in order that cannot be read.
    pub fn statistics(&self) -> Result<Vec<PixelStatistics>> {
        self.each(|entry| match entry.pixels.get() {
            Some(&known) => Ok(known),
            None => {
                let statistics = load_image(entry)?.statistics();
                Ok(*entry.pixels.get_or_init(|| statistics))
            }
        })
    }

    /// The share of salt in each mask, in `[0, 1]` and in order; `None` where there is no mask. Masks are read once,
    /// on all cores; later calls remember.
    ///
    /// # Errors
    /// As [`Dataset::get`], for the first mask in order that cannot be read.
    pub fn coverages(&self) -> Result<Vec<Option<f64>>> {
        Ok(self.mask_statistics()?.into_iter().map(|mask| mask.map(|mask| mask.coverage)).collect())
    }

    /// The samples whose mask has no salt.
    ///
    /// # Errors
    /// [`Error::Image`] when a sample has no mask; as [`Dataset::coverages`].
    pub fn empty_masks(&self) -> Result<Dataset> {
        self.by_mask(|mask| mask.area == 0)
    }

    /// The samples whose mask has salt.
    ///
    /// # Errors
    /// As [`Dataset::empty_masks`].
    pub fn with_salt(&self) -> Result<Dataset> {
        self.by_mask(|mask| mask.area > 0)
    }

    /// The samples whose mask covers more than `low` and at most `high` of the image, both in `[0, 1]`: with a `low` of 0 none
    /// that is empty.
    ///
    /// ```
    /// let salt = tgs_salt::Competition::sample()?;
    /// let little = salt.train.covered(0.0, 0.1)?;
    /// assert!(little.coverages()?.iter().flatten().all(|&coverage| coverage > 0.0 && coverage <= 0.1));
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Dataset::empty_masks`].
    pub fn covered(&self, low: f64, high: f64) -> Result<Dataset> {
        self.by_mask(|mask| mask.coverage > low && mask.coverage <= high)
    }

    /// The samples whose mask has salt in fewer than [`TINY_MASK`](crate::types::TINY_MASK) pixels.
    ///
    /// ```no_run
    /// # use tgs_salt::Competition;
    /// # let salt = Competition::sample()?;
    /// salt.train.tiny_masks()?.show(12)?;
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Dataset::empty_masks`].
    pub fn tiny_masks(&self) -> Result<Dataset> {
        self.by_mask(|mask| mask.tiny)
    }

    /// The samples whose mask is of whole columns, as [`Mask::is_vertical`](crate::Mask::is_vertical) says.
    ///
    /// # Errors
    /// As [`Dataset::empty_masks`].
    pub fn vertical_masks(&self) -> Result<Dataset> {
        self.by_mask(|mask| mask.vertical)
    }

    /// The samples whose image has one value everywhere: no signal at all.
    ///
    /// # Errors
    /// As [`Dataset::statistics`].
    pub fn black_images(&self) -> Result<Dataset> {
        let statistics = self.statistics()?;
        Ok(self.filter(|i| statistics[i].is_black()))
    }

    /// What is known of each mask, in order.
    pub(crate) fn mask_statistics(&self) -> Result<Vec<Option<MaskStatistics>>> {
        self.each(|entry| {
            if let Some(&known) = entry.salt.get() {
                return Ok(Some(known));
            }
            let known = load_mask(entry)?.map(|mask| MaskStatistics::of(&mask));
            Ok(known.map(|known| *entry.salt.get_or_init(|| known)))
        })
    }

    fn by_mask(&self, keep: impl Fn(&MaskStatistics) -> bool) -> Result<Dataset> {
        let masks = self.mask_statistics()?;
        if let Some(at) = masks.iter().position(Option::is_none) {
            let id = self.entry(at).map_or_else(String::new, |entry| entry.id.clone());
            let why =
                "has no mask; use a dataset with masks, such as train, or test.with_masks(&masks)".into();
            return Err(Error::Image { id, why });
        }
        Ok(self.filter(|i| masks[i].as_ref().is_some_and(&keep)))
    }

    /// Results for each entry, on all cores; of several errors always the first in order.
    fn each<T: Send>(&self, one: impl Fn(&Entry) -> Result<T> + Sync + Send) -> Result<Vec<T>> {
        let entries: Vec<&Entry> = self.entries().collect();
        let results: Vec<Result<T>> = entries.into_par_iter().map(one).collect();
        results.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::Error;
    use crate::types::{Dataset, Image, Mask, Sample};

    /// 10×10: mask `a` has `area` pixels row by row, the image is black where `black`.
    fn sample(id: &str, mask: Option<Vec<u8>>, black: bool) -> Sample {
        let pixels = (0..100).map(|p| if black { 0.0 } else { p as f32 / 99.0 }).collect();
        let mask = mask.map(|pixels| Mask::new(10, 10, pixels).unwrap());
        Sample { id: id.into(), z: None, image: Image::new(10, 10, pixels).unwrap(), mask }
    }

    fn rows(area: usize) -> Option<Vec<u8>> {
        Some((0..100).map(|p| u8::from(p < area)).collect())
    }

    #[test]
    fn filters_select_what_they_say_and_compose() {
        let columns = Some((0..100).map(|p| u8::from(p % 10 < 3)).collect());
        let samples = vec![
            sample("empty", rows(0), true),
            sample("tiny", rows(20), false),
            sample("large", rows(90), false),
            sample("vertical", columns, true),
        ];
        let dataset = Dataset::from_samples(samples).unwrap();
        assert_eq!(dataset.empty_masks().unwrap().ids(), ["empty"]);
        assert_eq!(dataset.with_salt().unwrap().ids(), ["large", "tiny", "vertical"]);
        assert_eq!(dataset.covered(0.2, 0.9).unwrap().ids(), ["large", "vertical"]);
        assert_eq!(dataset.tiny_masks().unwrap().ids(), ["tiny", "vertical"]);
        assert_eq!(dataset.tiny_masks().unwrap().vertical_masks().unwrap().ids(), ["vertical"]);
        assert_eq!(dataset.black_images().unwrap().ids(), ["empty", "vertical"]);
        assert_eq!(dataset.statistics().unwrap()[1].max, 1.0);
        assert_eq!(dataset.statistics().unwrap(), dataset.statistics().unwrap());
    }

    #[test]
    fn images_without_masks_have_statistics_yet_no_filters_by_mask() {
        let dataset =
            Dataset::from_samples(vec![sample("a", rows(3), false), sample("b", None, true)]).unwrap();
        assert_eq!(dataset.statistics().unwrap().len(), 2);
        let error = dataset.tiny_masks().unwrap_err();
        assert!(matches!(&error, Error::Image { id, .. } if id == "b"), "{error}");
        assert_eq!(dataset.coverages().unwrap(), [Some(0.03), None]);
    }
}
