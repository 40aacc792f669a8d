//! `dataset.show(12)`: samples at a glance.

use rayon::prelude::*;

use crate::plot::colormap::Colormap;
use crate::plot::figure::Figure;
use crate::plot::gallery::{Gallery, MOST};
use crate::plot::style::{self, Legend, Sign};
use crate::plot::text::{count, feet, percent};
use crate::plot::tile::Tile;
use crate::types::{Dataset, Sample};
use crate::{Error, Result};

impl Dataset {
    /// A gallery of `n` samples in grey, spread evenly over the dataset, salt outlined; at most 96 are shown.
    ///
    /// ```
    /// use tgs_salt::types::{Dataset, Image, Mask, Sample};
    /// let image = Image::new(1, 2, vec![0.2, 0.8])?;
    /// let mask = Some(Mask::new(1, 2, vec![0, 1])?);
    /// let dataset = Dataset::from_samples(vec![Sample { id: "a".into(), z: Some(306.0), image, mask }])?;
    /// assert_eq!(dataset.show(12)?.width(), 1900);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] when `n` is 0; [`Error::Figure`] when the dataset is empty; as [`Dataset::get`].
    pub fn show(&self, n: usize) -> Result<Figure> {
        self.show_as(n, Colormap::Grey)
    }

    /// As [`Dataset::show`], in another colour map.
    ///
    /// # Errors
    /// As [`Dataset::show`].
    pub fn show_as(&self, n: usize, colors: Colormap) -> Result<Figure> {
        let samples =
            spread(n, self.len())?.into_par_iter().map(|i| self.get(i)).collect::<Result<Vec<_>>>()?;
        let masks = samples.iter().any(|sample| sample.mask.is_some());
        Gallery {
            title: format!("{} of {} samples", samples.len(), count(self.len())),
            legend: if masks { legend(self.class_names(), colors) } else { vec![] },
            tiles: samples.into_iter().map(|sample| tile(sample, colors)).collect(),
            group: 1,
        }
        .draw()
    }
}

/// `n` places (at most as many as a gallery has) spread evenly over `len`.
///
/// # Errors
/// [`Error::Config`] when `n` is 0.
pub(crate) fn spread(n: usize, len: usize) -> Result<Vec<usize>> {
    let n = at_least_one(n)?.min(len).min(MOST);
    Ok((0..n).map(|i| (2 * i + 1) * len / (2 * n)).collect())
}

/// # Errors
/// [`Error::Config`] when `n` is 0.
pub(crate) fn at_least_one(n: usize) -> Result<usize> {
    match n {
        0 => {
            let expected = format!("1 to {MOST} images to show");
            Err(Error::Config { field: "n", got: "0".into(), expected })
        }
        n => Ok(n),
    }
}

fn tile(sample: Sample, colors: Colormap) -> Tile {
    let detail = describe(&sample);
    Tile { image: sample.image, colors, truth: sample.mask, prediction: None, title: sample.id, detail }
}

/// What the outlines are.
pub(crate) fn legend(classes: &[String], colors: Colormap) -> Vec<Legend> {
    let entry = |(class, name): (usize, &String)| {
        let color = if classes.len() == 1 { style::truth(colors) } else { style::class_color(class) };
        Legend::new(Sign::Line(color), name)
    };
    classes.iter().enumerate().map(entry).collect()
}

/// What is known of a sample: how much salt, how deep.
pub(crate) fn describe(sample: &Sample) -> String {
    let salt = sample.mask.as_ref().map(|mask| match mask.is_empty() {
        true => "no salt".to_owned(),
        false => format!("{} salt", percent(mask.coverage())),
    });
    let depth = sample.z.map_or("depth unknown".to_owned(), feet);
    salt.into_iter().chain([depth]).collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_spread_evenly_and_once_each() {
        assert_eq!(spread(1, 101).unwrap(), [50]);
        assert_eq!(spread(4, 8).unwrap(), [1, 3, 5, 7]);
        assert_eq!(spread(9, 3).unwrap(), [0, 1, 2]);
        assert_eq!(spread(5, 0).unwrap(), [0usize; 0]);
        assert_eq!(spread(usize::MAX, 18_000).unwrap().len(), MOST);
        assert!(matches!(spread(0, 3), Err(Error::Config { field: "n", .. })));
    }
}
