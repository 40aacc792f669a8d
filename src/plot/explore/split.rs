//! Whether the two sides of a split are alike.

use crate::Result;
use crate::plot::chart::{Axis, Layer, Panel, Sheet, Ticks};
use crate::plot::explore::coverage::CLASSES;
use crate::plot::explore::depths::densities;
use crate::plot::explore::missing;
use crate::plot::figure::Figure;
use crate::plot::style::{BLUE, BLUISH_GREEN, FAINT_INK, VERMILLION};
use crate::plot::text::{count, counted};
use crate::types::{Dataset, coverage_class};

impl Dataset {
    /// How alike this part of a split and `valid` are: the share of each class of coverage before the split and in either
    /// part, the difference between the parts beside what 95 of 100 random splits of these sizes stay within (the
    /// hypergeometric spread), and the densities of depth. Without masks only the depths are compared.
    ///
    /// ```
    /// let salt = tgs_salt::Competition::sample()?;
    /// let (train, valid) = salt.train.split(0.2, 42)?;
    /// assert_eq!(train.plot_split(&valid)?.width(), 1900);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Figure`](crate::Error::Figure) when the parts have neither masks nor depths in common; as
    /// [`Dataset::coverages`].
    pub fn plot_split(&self, valid: &Dataset) -> Result<Figure> {
        let mut plots = vec![];
        if let Some(split) = Split::of(self, valid)? {
            plots.extend([split.shares().into(), split.differences().into()]);
        }
        let depths = |dataset: &Dataset| dataset.depths().into_iter().flatten().map(f64::from).collect();
        let (train_z, valid_z): (Vec<f64>, Vec<f64>) = (depths(self), depths(valid));
        if !train_z.is_empty() && !valid_z.is_empty() {
            let all = train_z.iter().chain(&valid_z).copied().collect();
            let sets = [("all", all, FAINT_INK), ("train", train_z, BLUE), ("valid", valid_z, VERMILLION)];
            plots.push(densities(&sets).into());
        }
        let what = "of a split";
        if plots.is_empty() {
            return Err(missing(what, "one part has neither masks nor depths; expected some in both parts"));
        }
        let title = format!(
            "{} before the split, {} in train and {} in valid after it",
            counted(self.len() + valid.len(), "image"),
            count(self.len()),
            count(valid.len())
        );
        Sheet { what, title, columns: plots.len(), height: 640 }.draw(&plots)
    }
}

/// How many masks of each class are where.
pub(super) struct Split {
    pub(super) train: [usize; CLASSES],
    pub(super) valid: [usize; CLASSES],
}

impl Split {
    /// `None` when a part has no masks.
    ///
    /// # Errors
    /// As [`Dataset::coverages`].
    pub(super) fn of(train: &Dataset, valid: &Dataset) -> Result<Option<Split>> {
        let counts = |dataset: &Dataset| {
            let mut counts = [0; CLASSES];
            dataset.coverages()?.into_iter().flatten().for_each(|c| counts[coverage_class(c)] += 1);
            Ok(counts)
        };
        let split = Split { train: counts(train)?, valid: counts(valid)? };
        let both = [&split.train, &split.valid].iter().all(|counts| counts.iter().any(|&n| n > 0));
        Ok(both.then_some(split))
    }

    pub(super) fn all(&self) -> [usize; CLASSES] {
        std::array::from_fn(|class| self.train[class] + self.valid[class])
    }

    fn shares(&self) -> Panel {
        let all = self.all();
        let sets =
            [("all", &all, FAINT_INK), ("train", &self.train, BLUE), ("valid", &self.valid, VERMILLION)];
        let layers = (0..).zip(&sets).map(|(i, (name, counts, color))| {
            let percent = shares(counts).map(|share| 100.0 * share);
            Layer::group(*name, *color, &percent, (i, sets.len()))
        });
        Panel::new("Share of each class of coverage", class_axis(), Axis::new("share of the masks, %"))
            .layers(layers)
    }

    fn differences(&self) -> Panel {
        let (train, valid) = (shares(&self.train), shares(&self.valid));
        let differences: Vec<f64> = (0..CLASSES).map(|class| 100.0 * (valid[class] - train[class])).collect();
        let spread = self.spread();
        let limits =
            |sign: f64| (0..).zip(spread).map(|(class, sd)| (f64::from(class), sign * 196.0 * sd)).collect();
        Panel::new("Valid minus train", class_axis(), Axis::new("difference, percentage points"))
            .layer(Layer::group("difference", BLUISH_GREEN, &differences, (0, 1)))
            .layer(Layer::dashes("95 % of random splits", FAINT_INK, limits(1.0)))
            .layer(Layer::dashes("", FAINT_INK, limits(-1.0)))
    }

    /// The standard deviation of the difference of shares in random splits of these sizes, for each class: the class's
    /// members in valid are hypergeometric.
    fn spread(&self) -> [f64; CLASSES] {
        let sum = |counts: &[usize]| counts.iter().sum::<usize>() as f64;
        let (train, valid) = (sum(&self.train), sum(&self.valid));
        let n = train + valid;
        let whole = n / (train * valid).sqrt();
        shares(&self.all()).map(|share| whole * (share * (1.0 - share) / (n - 1.0)).sqrt())
    }
}

pub(super) fn shares(counts: &[usize; CLASSES]) -> [f64; CLASSES] {
    let all = counts.iter().sum::<usize>().max(1) as f64;
    counts.map(|n| n as f64 / all)
}

fn class_axis() -> Axis {
    let names = (0..CLASSES).map(|class| class.to_string()).collect();
    Axis::new("coverage class, tenths of the image").ticks(Ticks::Names(names))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    #[test]
    fn the_spread_is_that_of_random_splits() {
        let mut split = Split { train: [0; CLASSES], valid: [0; CLASSES] };
        (split.train[0], split.train[3], split.valid[0], split.valid[3]) = (120, 40, 30, 10);
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut differences = vec![];
        for _ in 0..4000 {
            // 50 of 200 are of class 3; 40 are drawn.
            let mut members: Vec<bool> = (0..200).map(|i| i < 50).collect();
            (0..40).for_each(|i| members.swap(i, i + random.next_u32() as usize % (200 - i)));
            let k = members[..40].iter().filter(|&&m| m).count() as f64;
            differences.push(k / 40.0 - (50.0 - k) / 160.0);
        }
        let mean = differences.iter().sum::<f64>() / 4000.0;
        let sd = (differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 4000.0).sqrt();
        let spread = split.spread();
        assert!((spread[3] / sd - 1.0).abs() < 0.05, "{} {sd}", spread[3]);
        assert_eq!((spread[0], spread[5]), (spread[3], 0.0));
    }
}
