//! What can be set of a cross-validation.

use crate::inference::Tta;
use crate::training::FoldLabels;
use crate::types::{Dataset, Stratify};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// How to cross-validate, beside what each fold's training is like.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `k` | 5 | into how many folds the dataset is divided | 2 to the number of images |
/// | `stratify` | coverage | what the folds have in common | [`Stratify`] |
/// | `only` | all | the folds to train, for when there is no time for all | 1..=k |
/// | `tta` | none | the views over which held-out images are predicted | [`Tta`] |
/// | `together` | none | groups of ids that stay in one fold, such as [`Mosaics::groups`] | no id in two of them |
/// | `labels` | none | pseudo-labelled images that each fold trains on too | of the same folds |
///
/// ```
/// use tgs_salt::prelude::*;
/// let folds = Folds::of(4).stratify(Stratify::CoverageAndDepth).only([1, 3]).tta(Tta::default());
/// assert_eq!((folds.k, folds.only), (4, Some(vec![1, 3])));
/// ```
///
/// [`Mosaics::groups`]: crate::Mosaics::groups
#[derive(Clone, Serialize, Deserialize)]
pub struct Folds {
    /// Into how many folds the dataset is divided.
    pub k: usize,
    /// What the folds have in common.
    pub stratify: Stratify,
    /// The folds to train, counted from 1; none: all.
    pub only: Option<Vec<usize>>,
    /// The views over which held-out images are predicted.
    pub tta: Tta,
    /// Groups of ids that stay in one fold; samples in none go by themselves.
    #[serde(default)]
    pub together: Vec<Vec<String>>,
    /// Pseudo-labelled images that each fold trains on too.
    #[serde(skip)]
    pub labels: Option<FoldLabels>,
}

impl Default for Folds {
    fn default() -> Self {
        Folds {
            k: 5,
            stratify: Stratify::Coverage,
            only: None,
            tta: Tta::none(),
            together: vec![],
            labels: None,
        }
    }
}

impl Folds {
    /// So many folds, and the defaults.
    pub fn of(k: usize) -> Folds {
        Folds { k, ..Folds::default() }
    }

    setters! {
        Folds,
        /// What the folds have in common.
        stratify: Stratify,
        /// The views over which held-out images are predicted.
        tta: Tta,
        /// Groups of ids that stay in one fold, such as [`Mosaics::groups`](crate::Mosaics::groups): a mosaic's tiles share what
        /// can be learnt of them.
        together: Vec<Vec<String>>,
    }

    /// The folds to train, counted from 1.
    pub fn only(mut self, folds: impl IntoIterator<Item = usize>) -> Self {
        self.only = Some(folds.into_iter().collect());
        self
    }

    /// Pseudo-labelled images that each fold trains on too, as [`CrossValidation::pseudo_labels`] of the same folds gives
    /// them.
    ///
    /// [`CrossValidation::pseudo_labels`]: crate::training::CrossValidation::pseudo_labels
    pub fn labels(mut self, labels: FoldLabels) -> Self {
        self.labels = Some(labels);
        self
    }

    /// The pairs `(train, valid)` of all folds.
    pub(super) fn parts(&self, dataset: &Dataset, seed: u64) -> Result<Vec<(Dataset, Dataset)>> {
        match self.together.is_empty() {
            true => dataset.folds_by(self.k, self.stratify, seed),
            false => dataset.folds_together(self.k, self.stratify, seed, &self.together),
        }
    }

    /// The folds to train, ascending.
    pub(super) fn numbers(&self) -> Result<Vec<usize>> {
        let mut numbers = self.only.clone().unwrap_or_else(|| (1..=self.k).collect());
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.is_empty() || numbers.iter().any(|number| !(1..=self.k).contains(number)) {
            let expected = format!("some of the folds 1 to {}", self.k);
            return Err(Error::Config { field: "only", got: format!("{numbers:?}"), expected });
        }
        Ok(numbers)
    }
}

impl std::fmt::Debug for Folds {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Folds { k, stratify, only, tta, together, labels } = self;
        let mut shown = f.debug_struct("Folds");
        shown.field("k", k).field("stratify", stratify).field("only", only).field("tta", tta);
        // Thousands of ids tell a reader nothing.
        shown.field("together", &format_args!("{} groups", together.len())).field("labels", labels).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stay_in_one_fold() {
        use crate::types::{Image, Mask, Sample};
        let sample = |i: usize| Sample {
            id: format!("{i:02}"),
            z: None,
            image: Image { height: 1, width: 1, pixels: vec![0.5] },
            mask: Some(Mask::new(1, 1, vec![(i % 2) as u8]).unwrap()),
        };
        let dataset = Dataset::from_samples((0..12).map(sample).collect()).unwrap();
        let ids =
            |parts: Vec<(Dataset, Dataset)>| parts.iter().map(|(_, valid)| valid.ids()).collect::<Vec<_>>();
        let plain = ids(Folds::of(3).parts(&dataset, 1).unwrap());
        assert_eq!(plain, ids(dataset.folds(3, 1).unwrap()));
        let group = vec!["02".to_string(), "03".to_string(), "04".to_string()];
        let folds = Folds::of(3).together(vec![group.clone()]);
        let held = ids(folds.parts(&dataset, 1).unwrap());
        assert_eq!(
            held.iter().filter(|fold| group.iter().all(|id| fold.contains(id))).count(),
            1,
            "{held:?}"
        );
        assert!(format!("{folds:?}").contains("together: 1 groups, labels: None"), "{folds:?}");
        // Settings of before there were groups are read as without.
        let mut json = serde_json::to_value(&folds).unwrap();
        json.as_object_mut().unwrap().remove("together");
        assert!(serde_json::from_value::<Folds>(json).unwrap().together.is_empty());
    }

    #[test]
    fn only_folds_that_there_are() {
        assert_eq!(Folds::of(3).numbers().unwrap(), [1, 2, 3]);
        assert_eq!(Folds::of(3).only([3, 1, 3]).numbers().unwrap(), [1, 3]);
        for only in [vec![], vec![0], vec![1, 4]] {
            let line = Folds::of(3).only(only).numbers().unwrap_err().to_string();
            assert!(line.contains("folds 1 to 3"), "{line}");
        }
    }
}
