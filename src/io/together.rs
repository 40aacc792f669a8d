//! Splits and folds that keep groups of samples together, such as the tiles of a mosaic.

use crate::io::decode::check_fraction;
use crate::types::{Dataset, Stratify, together};
use crate::{Error, Result};

impl Dataset {
    /// As [`Dataset::split_by`], with the ids of a group on one side: tiles that continue each other share what can be learnt
    /// of them, and a validation that has one and a training set that has the other tell too much of each other. `valid` has
    /// about `fraction` of the samples, and of every class, as well as the groups allow.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let salt = Competition::sample()?;
    /// let mosaics = Mosaics::find(&salt.train.join(&salt.test)?, &MosaicSearch::default())?;
    /// let (train, valid) = salt.train.split_together(0.2, Stratify::Coverage, 42, &mosaics.groups())?;
    /// assert_eq!(train.len() + valid.len(), salt.train.len());
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Dataset::split_by`]; [`Error::Config`] also when all samples are of one group; [`Error::Id`] when an id is in two
    /// groups.
    pub fn split_together(
        &self,
        fraction: f64,
        stratify: Stratify,
        seed: u64,
        groups: &[Vec<String>],
    ) -> Result<(Dataset, Dataset)> {
        check_fraction(fraction)?;
        let part = self.parts_of_groups(&[1.0 - fraction, fraction], stratify, seed, groups)?;
        Ok((self.filter(|i| part[i] == 0), self.filter(|i| part[i] == 1)))
    }

    /// As [`Dataset::folds_by`], with the ids of a group, such as those of [`Mosaics::groups`], in one fold. Ids that are in no
    /// group go by themselves; those that the dataset does not have are left aside.
    ///
    /// [`Mosaics::groups`]: crate::Mosaics::groups
    ///
    /// # Errors
    /// As [`Dataset::folds_by`]; [`Error::Config`] also when there are more folds than groups; [`Error::Id`] when an id is in
    /// two groups.
    pub fn folds_together(
        &self,
        k: usize,
        stratify: Stratify,
        seed: u64,
        groups: &[Vec<String>],
    ) -> Result<Vec<(Dataset, Dataset)>> {
        if k < 2 {
            let expected = "at least 2 folds".into();
            return Err(Error::Config { field: "k", got: k.to_string(), expected });
        }
        let fold = self.parts_of_groups(&vec![1.0 / k as f64; k], stratify, seed, groups)?;
        Ok((0..k).map(|f| (self.filter(|i| fold[i] != f), self.filter(|i| fold[i] == f))).collect())
    }

    /// For each sample the number of its part.
    fn parts_of_groups(
        &self,
        shares: &[f64],
        stratify: Stratify,
        seed: u64,
        groups: &[Vec<String>],
    ) -> Result<Vec<usize>> {
        let group = together::group_numbers(&self.ids(), groups)?;
        let count = together::count(&group);
        if count < shares.len() {
            let expected =
                format!("at least {}, as many as there are parts; groups stay in one part", shares.len());
            return Err(Error::Config { field: "groups", got: count.to_string(), expected });
        }
        Ok(together::assign(&group, &self.classes(stratify, shares.len())?, shares, seed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Image, Mask, Sample};

    /// 60 samples `00` to `59` with 0 to 2 pixels of salt of 4.
    fn dataset() -> Dataset {
        let sample = |i: usize| Sample {
            id: format!("{i:02}"),
            z: Some(i as f32),
            image: Image::new(2, 2, vec![0.1, 0.2, 0.3, 0.4]).unwrap(),
            mask: Some(Mask::new(2, 2, (0..4).map(|p| u8::from(p < i % 3)).collect()).unwrap()),
        };
        Dataset::from_samples((0..60).map(sample).collect()).unwrap()
    }

    /// Groups of six that follow each other; the last is not in the dataset.
    fn groups() -> Vec<Vec<String>> {
        (0..11).step_by(2).map(|g| (6 * g..6 * g + 6).map(|i| format!("{i:02}")).collect()).collect()
    }

    #[test]
    fn folds_hold_out_whole_groups_once() {
        for stratify in [Stratify::Coverage, Stratify::Depth, Stratify::CoverageAndDepth] {
            let folds = dataset().folds_together(3, stratify, 7, &groups()).unwrap();
            let mut held: Vec<String> = folds.iter().flat_map(|(_, valid)| valid.ids()).collect();
            held.sort();
            assert_eq!(held, dataset().ids());
            for (train, valid) in &folds {
                assert_eq!(train.len() + valid.len(), 60);
                let valid = valid.ids();
                for group in groups() {
                    let inside = group.iter().filter(|id| valid.contains(id)).count();
                    assert!(inside == 0 || inside == 6, "{inside} of {group:?}");
                }
            }
            let sizes: Vec<usize> = folds.iter().map(|(_, valid)| valid.len()).collect();
            assert!(stratify != Stratify::Coverage || sizes == [20, 20, 20], "{sizes:?}");
        }
    }

    #[test]
    fn a_split_keeps_groups_and_fraction() {
        let (train, valid) = dataset().split_together(0.3, Stratify::Coverage, 1, &groups()).unwrap();
        assert_eq!((train.len(), valid.len()), (42, 18));
        let classes =
            |class: usize| valid.ids().iter().filter(|id| id.parse::<usize>().unwrap() % 3 == class).count();
        assert_eq!([0, 1, 2].map(classes), [6, 6, 6]);
    }

    #[test]
    fn what_cannot_be_divided_is_an_error() {
        let all = [dataset().ids()];
        let one = |fraction: f64, groups: &[Vec<String>]| {
            dataset().split_together(fraction, Stratify::Coverage, 1, groups).unwrap_err().to_string()
        };
        assert!(one(1.0, &[]).starts_with("fraction = 1"), "{}", one(1.0, &[]));
        assert!(one(0.5, &all).starts_with("groups = 1: expected at least 2"), "{}", one(0.5, &all));
        let folds = |k: usize| dataset().folds_together(k, Stratify::Coverage, 1, &groups());
        assert!(folds(1).is_err() && folds(36).is_err() && folds(35).is_ok());
    }
}
