//! Tables of a dataset by depth and by class of coverage.

use polars::prelude::{Column, DataFrame};

use crate::plot::explore::coverage::CLASSES;
use crate::plot::explore::numbers::{DepthBins, mean, pearson, spearman};
use crate::plot::explore::split::{Split, shares};
use crate::plot::explore::{known_depths, missing};
use crate::plot::table::frame;
use crate::types::Dataset;
use crate::{Error, Result};

/// Depth in feet, and the coverage where it is known.
type Known = (f64, Option<f64>);

impl Dataset {
    /// A row for each of `n` equally wide bins of depth, as of `pandas.cut(z, n)`, and a last one for `all`: `bin`
    /// (feet, open below and closed above), `count` (images with a depth), `mean_z` (feet), `mean_coverage`, `empty_share` (masks
    /// without salt), and the correlations `pearson` and `spearman` of depth and coverage within the bin. Null where there
    /// is nothing to take a mean of; images without a depth are left out.
    ///
    /// ```
    /// let bins = tgs_salt::Competition::sample()?.train.depth_bins(3)?;
    /// assert_eq!(bins.shape(), (4, 7));
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] when `n` is 0 or above 1,000; [`Error::Figure`] when no image has a depth; as
    /// [`Dataset::coverages`].
    pub fn depth_bins(&self, n: usize) -> Result<DataFrame> {
        if !(1..=1000).contains(&n) {
            let expected = "1 to 1,000 bins of depth, such as 3".into();
            return Err(Error::Config { field: "n", got: n.to_string(), expected });
        }
        let what = "table of depth bins";
        let bins = DepthBins::new(&known_depths(self, what)?, n);
        let both = self.depths().into_iter().zip(self.coverages()?);
        let all: Vec<Known> = both.filter_map(|(z, coverage)| Some((f64::from(z?), coverage))).collect();
        let within = |bin: usize| all.iter().copied().filter(|image| bins.of(image.0) == bin).collect();
        let mut groups: Vec<Vec<Known>> = (0..bins.len()).map(within).collect();
        let mut labels = bins.labels();
        groups.push(all.clone());
        labels.push("all".into());
        let column = |name: &str, of: fn(&[Known]) -> f64| {
            let known = |group: &Vec<Known>| Some(of(group)).filter(|v| v.is_finite());
            Column::new(name.into(), groups.iter().map(known).collect::<Vec<Option<f64>>>())
        };
        let counts: Vec<u32> = groups.iter().map(|group| group.len() as u32).collect();
        frame(
            what,
            vec![
                Column::new("bin".into(), labels),
                Column::new("count".into(), counts),
                column("mean_z", |group| mean(group.iter().map(|image| image.0))),
                column("mean_coverage", |group| mean(pairs(group).iter().map(|pair| pair.1))),
                column("empty_share", |group| {
                    mean(pairs(group).iter().map(|pair| if pair.1 == 0.0 { 1.0 } else { 0.0 }))
                }),
                column("pearson", |group| pearson(&pairs(group))),
                column("spearman", |group| spearman(&pairs(group))),
            ],
        )
    }

    /// The classes of coverage before a split and in its two parts, this one and `valid`: a row for each
    /// `coverage_class` from 0 to 10 with the counts `all`, `train`, `valid`, the shares `all_share`, `train_share`, `valid_share` (each of
    /// its part), and `difference`, the share in valid less that in train.
    ///
    /// ```
    /// let (train, valid) = tgs_salt::Competition::sample()?.train.split(0.2, 42)?;
    /// let balance = train.class_balance(&valid)?;
    /// assert_eq!(balance.shape(), (11, 8));
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Figure`] when a part has no masks; as [`Dataset::coverages`].
    pub fn class_balance(&self, valid: &Dataset) -> Result<DataFrame> {
        let what = "table of the class balance";
        let Some(split) = Split::of(self, valid)? else {
            return Err(missing(what, "a part has no masks; expected both parts of a split of train"));
        };
        let all = split.all();
        let counts = |name: &str, counts: &[usize; CLASSES]| {
            Column::new(name.into(), counts.map(|n| n as u32).to_vec())
        };
        let [of_all, of_train, of_valid] = [&all, &split.train, &split.valid].map(shares);
        let differences: Vec<f64> =
            of_valid.iter().zip(of_train).map(|(valid, train)| valid - train).collect();
        frame(
            what,
            vec![
                counts("coverage_class", &std::array::from_fn(|class| class)),
                counts("all", &all),
                counts("train", &split.train),
                counts("valid", &split.valid),
                Column::new("all_share".into(), of_all.to_vec()),
                Column::new("train_share".into(), of_train.to_vec()),
                Column::new("valid_share".into(), of_valid.to_vec()),
                Column::new("difference".into(), differences),
            ],
        )
    }
}

/// Depth and coverage of those that have both.
fn pairs(group: &[Known]) -> Vec<(f64, f64)> {
    group.iter().filter_map(|&(z, coverage)| Some((z, coverage?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Image, Mask, Sample};

    /// Ten pixels, the first `salt` of them salt.
    fn sample(i: usize, z: Option<f32>, salt: Option<usize>) -> Sample {
        let mask = salt.map(|salt| Mask::new(1, 10, (0..10).map(|p| u8::from(p < salt)).collect()).unwrap());
        let image = Image::new(1, 10, (0..10).map(|p| p as f32 / 10.0).collect()).unwrap();
        Sample { id: format!("{i:02}"), z, image, mask }
    }

    fn floats(table: &DataFrame, column: &str) -> Vec<Option<f64>> {
        table.column(column).unwrap().f64().unwrap().iter().collect()
    }

    #[test]
    fn bins_have_means_of_what_is_known() {
        let images = [
            (Some(0.0), Some(0)),
            (Some(1.0), Some(5)),
            (Some(2.0), None),
            (Some(9.0), Some(10)),
            (Some(9.0), Some(0)),
            (None, Some(7)),
        ];
        let samples = images.iter().enumerate().map(|(i, &(z, salt))| sample(i, z, salt)).collect();
        let table = Dataset::from_samples(samples).unwrap().depth_bins(3).unwrap();
        let counts: Vec<Option<u32>> = table.column("count").unwrap().u32().unwrap().iter().collect();
        assert_eq!(counts, [Some(3), Some(0), Some(2), Some(5)]);
        assert_eq!(floats(&table, "mean_z"), [Some(1.0), None, Some(9.0), Some(4.2)]);
        assert_eq!(floats(&table, "mean_coverage"), [Some(0.25), None, Some(0.5), Some(0.375)]);
        assert_eq!(floats(&table, "empty_share"), [Some(0.5), None, Some(0.5), Some(0.5)]);
        let within = floats(&table, "pearson");
        assert!((within[0].unwrap() - 1.0).abs() < 1e-12 && within[1].is_none() && within[2].is_none());
    }

    #[test]
    fn what_is_missing_is_said() {
        let dataset = |z, salt| Dataset::from_samples(vec![sample(0, z, salt)]).unwrap();
        assert!(matches!(dataset(Some(1.0), None).depth_bins(0), Err(Error::Config { field: "n", .. })));
        let error = dataset(None, Some(1)).depth_bins(3).unwrap_err().to_string();
        assert!(error.contains("no image has a depth"), "{error}");
        let without = dataset(Some(1.0), None);
        assert_eq!(without.depth_bins(2).unwrap().column("mean_coverage").unwrap().null_count(), 3);
        assert!(dataset(None, Some(1)).class_balance(&without).is_err());
    }

    #[test]
    fn shares_are_of_each_part() {
        let part = |salts: &[usize], from: usize| {
            let samples = salts.iter().zip(from..).map(|(&salt, i)| sample(i, None, Some(salt))).collect();
            Dataset::from_samples(samples).unwrap()
        };
        let table = part(&[0, 0, 10, 5], 0).class_balance(&part(&[0, 10], 9)).unwrap();
        assert_eq!(floats(&table, "train_share")[0], Some(0.5));
        assert_eq!(floats(&table, "difference")[10], Some(0.25));
        assert_eq!(floats(&table, "all_share")[0], Some(0.5));
        let all: u32 = table.column("all").unwrap().u32().unwrap().iter().flatten().sum();
        assert_eq!(all, 6);
    }
}
