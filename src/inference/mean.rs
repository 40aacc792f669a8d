//! Means of several predictions of the same images.

use crate::inference::Probabilities;
use crate::inference::joined::names_of_all;
use crate::types::Image;
use crate::{Error, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How probabilities are averaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mean {
    /// The sum over the count.
    #[default]
    Arithmetic,
    /// `g₁ / (g₁ + g₀)` of the geometric means `g₁` of `p` and `g₀` of `1 − p`, which is the sigmoid of the mean logit: one
    /// sure prediction counts for more than several unsure ones. Probabilities are first brought into `[1e-6, 1 − 1e-6]`.
    Geometric,
}

const WHAT: &str = "mean of probabilities";

/// A sure 0 or 1 would outweigh any number of others.
const SURE: f64 = 1e-6;

fn logit(p: f32) -> f32 {
    let p = f64::from(p).clamp(SURE, 1.0 - SURE);
    (libm::log(p) - libm::log(1.0 - p)) as f32
}

fn sigmoid(logit: f32) -> f32 {
    (1.0 / (1.0 + libm::exp(-f64::from(logit)))) as f32
}

/// A mean that is still being added to; of one prediction it is that prediction, bit for bit.
pub(super) struct Sum {
    mean: Mean,
    count: usize,
    maps: Vec<Image>,
    presence: Option<Vec<f32>>,
}

impl Sum {
    pub(super) fn new(mean: Mean) -> Sum {
        Sum { mean, count: 0, maps: vec![], presence: None }
    }

    /// Adds one prediction. Where one of them has no presence, the mean has none.
    pub(super) fn add(&mut self, maps: &[Image], presence: Option<&[f32]>) -> Result<()> {
        self.count += 1;
        if self.count == 1 {
            self.maps = maps.to_vec();
            self.presence = presence.map(<[f32]>::to_vec);
            return Ok(());
        }
        let size = |map: &Image| (map.height, map.width, map.pixels.len());
        if !self.maps.iter().map(size).eq(maps.iter().map(size)) {
            return Err(disagree(WHAT, "maps of one size", "different sizes"));
        }
        // The first one is converted when a second one comes.
        let first = self.count == 2;
        let mean = self.mean;
        let add = |sum: &mut f32, p: f32| match mean {
            Mean::Arithmetic => *sum += p,
            Mean::Geometric => *sum = if first { logit(*sum) } else { *sum } + logit(p),
        };
        self.maps.par_iter_mut().zip(maps).for_each(|(sum, map)| {
            sum.pixels.iter_mut().zip(&map.pixels).for_each(|(sum, &p)| add(sum, p));
        });
        self.presence = self.presence.take().zip(presence).map(|(mut sums, presence)| {
            sums.iter_mut().zip(presence).for_each(|(sum, &p)| add(sum, p));
            sums
        });
        Ok(())
    }

    /// The mean of what was added.
    pub(super) fn finish(mut self) -> (Vec<Image>, Option<Vec<f32>>) {
        if self.count > 1 {
            let count = self.count as f32;
            let mean = self.mean;
            let divide = |sum: &mut f32| match mean {
                Mean::Arithmetic => *sum /= count,
                Mean::Geometric => *sum = sigmoid(*sum / count),
            };
            self.maps.par_iter_mut().for_each(|map| map.pixels.iter_mut().for_each(divide));
            self.presence.iter_mut().flatten().for_each(divide);
        }
        (self.maps, self.presence)
    }
}

impl Probabilities {
    /// The mean of several models' probabilities on the same images; of their presence heads too, where each has one.
    ///
    /// # Errors
    /// [`Error::Shape`] without any, or when ids, classes or sizes differ.
    pub fn mean(all: &[Probabilities]) -> Result<Probabilities> {
        Probabilities::mean_by(Mean::Arithmetic, all)
    }

    /// As [`Probabilities::mean`], by [`Mean::Geometric`].
    ///
    /// # Errors
    /// As [`Probabilities::mean`].
    pub fn geometric_mean(all: &[Probabilities]) -> Result<Probabilities> {
        Probabilities::mean_by(Mean::Geometric, all)
    }

    pub(crate) fn mean_by(mean: Mean, all: &[Probabilities]) -> Result<Probabilities> {
        let Some(first) = all.first() else {
            return Err(disagree(WHAT, "at least one", "none"));
        };
        let names = names_of_all(WHAT, all.iter().map(Probabilities::class_names))?;
        let mut sum = Sum::new(mean);
        for one in all {
            if one.ids != first.ids {
                return Err(disagree(WHAT, "the same ids in the same order in each", "different ids"));
            }
            one.check_unedited()?;
            sum.add(one.maps(), one.head())?;
        }
        let (maps, presence) = sum.finish();
        Ok(first.with_maps(maps, presence).with_class_names(&names))
    }
}

/// Why predictions cannot be put together.
pub(super) fn disagree(what: &str, expected: &str, got: &str) -> Error {
    Error::Shape {
        what: what.into(),
        expected: expected.into(),
        got: got.into(),
        hint: "predict the same dataset with each model".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probabilities(values: &[f32], presence: Option<f32>) -> Probabilities {
        let image = |&p: &f32| Image { height: 1, width: 2, pixels: vec![p, 1.0 - p] };
        let ids = (0..values.len()).map(|i| format!("id{i}")).collect();
        let presence = presence.map(|p| vec![p; values.len()]);
        Probabilities::new(ids, values.iter().map(image).collect()).with_presence(presence)
    }

    #[test]
    fn the_mean_is_the_mean_and_needs_the_same_ids() {
        let both = [probabilities(&[0.25], Some(0.5)), probabilities(&[0.75], Some(1.0))];
        let mean = Probabilities::mean(&both).unwrap();
        assert_eq!(mean.get("id0").unwrap().pixels, [0.5, 0.5]);
        assert_eq!(mean.presence_head(), Some(vec![0.75]));
        let uneven = [probabilities(&[0.25], None), probabilities(&[0.1, 0.2], None)];
        for mean in [Probabilities::mean, Probabilities::geometric_mean] {
            assert!(matches!(mean(&[]), Err(Error::Shape { .. })));
            assert!(matches!(mean(&uneven), Err(Error::Shape { .. })));
        }
        let mixed = Probabilities::mean(&[probabilities(&[0.25], Some(0.9)), probabilities(&[0.25], None)]);
        assert_eq!(mixed.unwrap().presence_head(), None);
    }

    #[test]
    fn the_geometric_mean_is_that_of_its_definition() {
        let values = [0.9f32, 0.4, 0.7];
        let all: Vec<_> = values.iter().map(|&p| probabilities(&[p], Some(p))).collect();
        let mean = Probabilities::geometric_mean(&all).unwrap();
        let root = |f: fn(f64) -> f64| values.iter().map(|&p| f(f64::from(p))).product::<f64>().cbrt();
        let (g1, g0) = (root(|p| p), root(|p| 1.0 - p));
        let expected = g1 / (g1 + g0);
        let pixels = mean.get("id0").unwrap().pixels;
        assert!((f64::from(pixels[0]) - expected).abs() < 1e-6, "{pixels:?} instead of {expected}");
        assert!((f64::from(pixels[1]) - (1.0 - expected)).abs() < 1e-6);
        assert_eq!(mean.presence_head(), Some(vec![pixels[0]]));
    }

    #[test]
    fn sure_predictions_are_not_absolute() {
        let both = [probabilities(&[0.0], None), probabilities(&[1.0], None)];
        let pixels = Probabilities::geometric_mean(&both).unwrap().get("id0").unwrap().pixels;
        assert!(pixels.iter().all(|p| (p - 0.5).abs() < 1e-6), "{pixels:?}");
    }

    #[test]
    fn of_one_prediction_it_is_that_one() {
        let one = probabilities(&[0.123_456, 0.0], Some(0.3));
        for mean in [Probabilities::mean, Probabilities::geometric_mean] {
            let mean = mean(std::slice::from_ref(&one)).unwrap();
            assert_eq!(mean.get("id0").unwrap(), one.get("id0").unwrap());
            assert_eq!(mean.get("id1").unwrap(), one.get("id1").unwrap());
            assert_eq!(mean.presence_head(), one.presence_head());
        }
    }
}
