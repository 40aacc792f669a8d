//! `dataset.show(12)`: samples at a glance.

use rayon::prelude::*;

use crate::plot::colormap::Colormap;
use crate::plot::figure::Figure;
use crate::plot::gallery::{Gallery, MOST};
use crate::plot::montage::Contact;
use crate::plot::text::{count, percent};
use crate::plot::tile::Tile;
use crate::plot::words::Words;
use crate::types::{Dataset, Sample, coverage_class};
use crate::{Error, Result};

/// The most pictures that are large enough for an id above and an outline inside.
const LARGE: usize = 30;
/// In how many columns more of them stand.
const DENSE: i32 = 15;
/// The most pictures of a contact sheet.
const MOST_SMALL: usize = 400;

impl Dataset {
    /// A gallery of `n` samples in grey, spread evenly over the dataset, salt outlined, each with its id, class of
    /// coverage, coverage and depth (of several classes the names of those that are there); at most 96 are shown. More than 30 stand in rows of 15, `show(60)` as 15×4, without ids and
    /// with the salt tinted: an outline would cover what is as small.
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
        let samples = self.spread_samples(n, MOST)?;
        let title = format!("{} of {} samples", samples.len(), count(self.len()));
        let words = Words::of(self);
        if samples.len() > LARGE {
            let captions = samples.iter().map(|sample| small_caption(sample, &words)).collect();
            let classes = self.class_names().to_vec();
            return Contact { title, columns: DENSE, captions, samples, colors, classes }.draw();
        }
        let masks = samples.iter().any(|sample| sample.mask.is_some());
        Gallery {
            title,
            legend: if masks { words.legend(colors) } else { vec![] },
            tiles: samples.into_iter().map(|sample| tile(sample, colors, &words)).collect(),
            group: 1,
        }
        .draw()
    }

    /// A contact sheet: `n` samples, spread evenly over the dataset, small and without captions, salt tinted; at most 400
    /// are shown.
    ///
    /// ```
    /// let salt = tgs_salt::Competition::sample()?;
    /// assert_eq!(salt.train.montage(100)?.width(), 1900);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Dataset::show`].
    pub fn montage(&self, n: usize) -> Result<Figure> {
        let samples = self.spread_samples(n, MOST_SMALL)?;
        let title = format!("{} of {} samples", samples.len(), count(self.len()));
        let columns = if samples.len() > 60 { 20 } else { DENSE };
        let (colors, classes) = (Colormap::Grey, self.class_names().to_vec());
        Contact { title, columns, captions: vec![], samples, colors, classes }.draw()
    }

    fn spread_samples(&self, n: usize, most: usize) -> Result<Vec<Sample>> {
        spread_over(n, self.len(), most)?.into_par_iter().map(|i| self.get(i)).collect()
    }
}

/// `n` places (at most as many as a gallery has) spread evenly over `len`.
///
/// # Errors
/// [`Error::Config`] when `n` is 0.
pub(crate) fn spread(n: usize, len: usize) -> Result<Vec<usize>> {
    spread_over(n, len, MOST)
}

/// As [`spread`], at most `most` places.
fn spread_over(n: usize, len: usize, most: usize) -> Result<Vec<usize>> {
    let n = at_least_one(n, most)?.min(len).min(most);
    Ok((0..n).map(|i| (2 * i + 1) * len / (2 * n)).collect())
}

/// # Errors
/// [`Error::Config`] when `n` is 0.
pub(crate) fn at_least_one(n: usize, most: usize) -> Result<usize> {
    match n {
        0 => {
            let expected = format!("1 to {most} images to show");
            Err(Error::Config { field: "n", got: "0".into(), expected })
        }
        n => Ok(n),
    }
}

fn tile(sample: Sample, colors: Colormap, words: &Words) -> Tile {
    let detail = caption(&sample, words).join(" · ");
    Tile { image: sample.image, colors, truth: sample.mask, prediction: None, title: sample.id, detail }
}

/// What is known of a sample, part by part: class of coverage, coverage, depth; of other classes than salt their names.
fn caption(sample: &Sample, words: &Words) -> Vec<String> {
    let mask = sample.mask.as_ref().map_or(vec![], |mask| match (words.is_salt(), mask.is_empty()) {
        (true, true) => vec!["class 0".into(), "no salt".into()],
        (true, false) => vec![format!("class {}", coverage_class(mask.coverage())), percent(mask.coverage())],
        // Where classes have names of their own, a number would be taken for one of them.
        (false, _) => vec![words.mask(mask)],
    });
    mask.into_iter().chain(words.depth(sample.z)).collect()
}

/// As [`caption`], for a tile that has no room for many words.
fn small_caption(sample: &Sample, words: &Words) -> Vec<String> {
    let mut lines = caption(sample, words);
    if let (Some(mask), false) = (sample.mask.as_ref().filter(|mask| !mask.is_empty()), words.is_salt()) {
        // Of what, the colours tell.
        lines[0] = percent(mask.coverage());
    }
    if let (None, Some(_), Some(last)) = (sample.z, words.depth(None), lines.last_mut()) {
        *last = "no depth".into();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Competition;

    #[test]
    fn samples_are_spread_evenly_and_once_each() {
        assert_eq!(spread(1, 101).unwrap(), [50]);
        assert_eq!(spread(4, 8).unwrap(), [1, 3, 5, 7]);
        assert_eq!(spread(9, 3).unwrap(), [0, 1, 2]);
        assert_eq!(spread(5, 0).unwrap(), [0usize; 0]);
        assert_eq!(spread(usize::MAX, 18_000).unwrap().len(), MOST);
        assert!(matches!(spread(0, 3), Err(Error::Config { field: "n", .. })));
    }

    #[test]
    fn captions_say_what_is_there() {
        let salt = Competition::sample().unwrap().train;
        let at = |empty: bool| salt.coverages().unwrap().iter().position(|c| (*c == Some(0.0)) == empty);
        let words = Words::of(&salt);
        let [filled, empty] = [false, true].map(|empty| salt.get(at(empty).unwrap()).unwrap());
        let shown = caption(&filled, &words);
        assert!(shown.len() == 3 && shown[0].starts_with("class ") && shown[2].ends_with(" ft"), "{shown:?}");
        let unknown = Sample { z: None, ..empty };
        assert_eq!(caption(&unknown, &words), ["class 0", "no salt", "depth unknown"]);
        assert_eq!(small_caption(&unknown, &words), ["class 0", "no salt", "no depth"]);
        let clouds = Competition::sample_clouds().unwrap().train;
        let (sample, words) = (clouds.get(0).unwrap(), Words::of(&clouds));
        let there = caption(&sample, &words);
        assert!(there.len() == 1 && clouds.class_names().iter().any(|name| there[0].contains(name)));
        assert_eq!(small_caption(&sample, &words), [percent(sample.mask.unwrap().coverage())]);
        let without = Sample { mask: None, ..clouds.get(0).unwrap() };
        assert_eq!((caption(&without, &words).len(), small_caption(&without, &words).len()), (0, 0));
    }
}
