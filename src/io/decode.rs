//! Samples out of files, and what has to look into them.

use rayon::prelude::*;

use crate::io::load::{class_areas, load, load_mask, size};
use crate::types::{Dataset, Mask, MaskStatistics, Sample, Stratify, coverage_class, stratify};
use crate::{Error, Result};

impl Dataset {
    /// The sample at `i`, in the order of the ids; read from the disk if it is there, and brought to the size that
    /// [`Dataset::resized`] asks for.
    ///
    /// # Errors
    /// [`Error::Config`] when there is no sample `i`; [`Error::Io`], [`Error::Image`], [`Error::Rle`] or
    /// [`Error::Shape`] when its image or mask cannot be read, or they do not fit each other.
    pub fn get(&self, i: usize) -> Result<Sample> {
        let Some(entry) = self.entry(i) else {
            let expected = format!("below the number of samples, {}", self.len());
            return Err(Error::Config { field: "i", got: i.to_string(), expected });
        };
        let (image, mask) = load(entry)?;
        if let Some(mask) = &mask {
            entry.salt.get_or_init(|| MaskStatistics::of(mask));
        }
        Ok(Sample { id: entry.id.clone(), z: entry.z, image, mask })
    }

    /// All samples in order, decoded on all cores. They take 50 KB each at 101×101.
    ///
    /// # Errors
    /// As [`Dataset::get`], for the first sample in order that cannot be read.
    pub fn samples(&self) -> Result<Vec<Sample>> {
        all(self.len(), |i| self.get(i))
    }

    /// The mask of the sample at `i`, where it has one; its image is not read, but for the size of an RLE.
    ///
    /// # Errors
    /// As [`Dataset::get`].
    pub(crate) fn mask(&self, i: usize) -> Result<Option<Mask>> {
        self.entry(i).map_or(Ok(None), load_mask)
    }

    /// Height and width of the image at `i`; of files at most the header is read.
    ///
    /// # Errors
    /// As [`Dataset::get`].
    pub(crate) fn size(&self, i: usize) -> Result<(usize, usize)> {
        self.entry(i).map_or(Ok((0, 0)), size)
    }

    /// Pixels of the largest image, for how many fit in memory; 0 where there is none. An image that cannot be read has none here:
    /// what is wrong with it says who reads it.
    pub(crate) fn largest(&self) -> usize {
        let pixels = |i| self.size(i).map_or(0, |(height, width)| height.saturating_mul(width));
        (0..self.len()).into_par_iter().map(pixels).max().unwrap_or(0)
    }

    /// How many pixels of each class each mask has, in order; `None` where there is no mask.
    ///
    /// ```
    /// let salt = tgs_salt::Competition::sample()?;
    /// let areas = salt.train.class_areas()?;
    /// assert_eq!(areas[3], Some(vec![salt.train.get(3)?.mask.unwrap().area()]));
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Dataset::get`], for the first mask in order that cannot be read.
    pub fn class_areas(&self) -> Result<Vec<Option<Vec<usize>>>> {
        all(self.len(), |i| self.entry(i).map_or(Ok(None), class_areas))
    }

    /// Two parts `(train, valid)`, `round(fraction · len)` of the samples in `valid`, drawn from `seed` so that every
    /// class of coverage is in its proportion in both. A class of two or more samples is lost from neither part while
    /// `valid` has room for one of each.
    ///
    /// # Errors
    /// [`Error::Config`] when `fraction` is not between 0 and 1 or there are fewer than two samples; [`Error::Image`]
    /// when a sample has no mask; as [`Dataset::coverages`].
    pub fn split(&self, fraction: f64, seed: u64) -> Result<(Dataset, Dataset)> {
        self.split_by(fraction, Stratify::Coverage, seed)
    }

    /// As [`Dataset::split`], with every class of what `stratify` says in its proportion in both parts.
    ///
    /// # Errors
    /// As [`Dataset::split`]; a sample needs a mask only where coverage counts.
    pub fn split_by(&self, fraction: f64, stratify: Stratify, seed: u64) -> Result<(Dataset, Dataset)> {
        check_fraction(fraction)?;
        let held = stratify::hold_out(&self.classes(stratify, 2)?, fraction, seed);
        Ok((self.filter(|i| !held[i]), self.filter(|i| held[i])))
    }

    /// `k` pairs `(train, valid)` for cross-validation: each sample is in `valid` once. Drawn from `seed` so that every
    /// class of coverage is in its proportion in each fold.
    ///
    /// # Errors
    /// [`Error::Config`] when `k` is below 2 or above the number of samples; [`Error::Image`] when a sample has no
    /// mask; as [`Dataset::coverages`].
    pub fn folds(&self, k: usize, seed: u64) -> Result<Vec<(Dataset, Dataset)>> {
        self.folds_by(k, Stratify::Coverage, seed)
    }

    /// As [`Dataset::folds`], with every class of what `stratify` says in its proportion in each fold.
    ///
    /// # Errors
    /// As [`Dataset::folds`]; a sample needs a mask only where coverage counts.
    pub fn folds_by(&self, k: usize, stratify: Stratify, seed: u64) -> Result<Vec<(Dataset, Dataset)>> {
        if k < 2 || k > self.len() {
            let expected = format!("from 2 to the number of samples, {}", self.len());
            return Err(Error::Config { field: "k", got: k.to_string(), expected });
        }
        let fold = stratify::deal(&self.classes(stratify, k)?, k, seed);
        Ok((0..k).map(|f| (self.filter(|i| fold[i] != f), self.filter(|i| fold[i] == f))).collect())
    }

    /// The class of each of at least so many samples.
    pub(super) fn classes(&self, stratify: Stratify, at_least: usize) -> Result<Vec<usize>> {
        if self.len() < at_least {
            let expected = format!("at least {at_least} to divide");
            return Err(Error::Config { field: "samples", got: self.len().to_string(), expected });
        }
        match stratify {
            Stratify::Coverage => self.coverage_classes(),
            Stratify::Depth => Ok(stratify::depth_classes(&self.depths())),
            Stratify::CoverageAndDepth => {
                Ok(stratify::divide_by_depth(&self.coverage_classes()?, &self.depths()))
            }
        }
    }

    fn coverage_classes(&self) -> Result<Vec<usize>> {
        let class = |(coverage, id): (Option<f64>, String)| {
            let why =
                "has no mask, and is divided by coverage; use a dataset with masks, such as train".into();
            coverage.map(coverage_class).ok_or(Error::Image { id, why })
        };
        self.coverages()?.into_iter().zip(self.ids()).map(class).collect()
    }
}

/// # Errors
/// [`Error::Config`] when `fraction` is not between 0 and 1.
pub(super) fn check_fraction(fraction: f64) -> Result<()> {
    if fraction > 0.0 && fraction < 1.0 {
        return Ok(());
    }
    let expected = "above 0 and below 1, such as 0.2".into();
    Err(Error::Config { field: "fraction", got: fraction.to_string(), expected })
}

/// Results for `0..count` on all cores; of several errors always the first in order.
fn all<T: Send>(count: usize, one: impl Fn(usize) -> Result<T> + Sync + Send) -> Result<Vec<T>> {
    let results: Vec<Result<T>> = (0..count).into_par_iter().map(one).collect();
    results.into_iter().collect()
}
