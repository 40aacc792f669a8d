//! `masks.plot_confusion(&valid)`: which class of coverage is taken for which.

use crate::Result;
use crate::inference::Masks;
use crate::plot::chart::{Heatmap, Plot, Scale, Sheet};
use crate::plot::evaluation::{class_names, image_scores, images};
use crate::plot::figure::Figure;
use crate::plot::text::{count, percent};
use crate::plot::words::Words;
use crate::types::{Dataset, coverage_class};

/// Classes of coverage: none, and one for each tenth.
const CLASSES: usize = 11;
const HEIGHT: i32 = 1080;

impl Masks {
    /// The true class of coverage against the predicted one, in images and in shares of the true class; in the title how often
    /// "salt or none" and the class are right.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, valid) = Competition::sample()?.train.split(0.05, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let masks = model.predict(&valid)?.threshold(0.5)?;
    /// assert_eq!(masks.plot_confusion(&valid)?.width(), 1900);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Figure`](crate::Error::Figure) when the dataset is empty; [`Error::Id`](crate::Error::Id) when an image has no mask
    /// or was not predicted; as [`Dataset::get`].
    pub fn plot_confusion(&self, dataset: &Dataset) -> Result<Figure> {
        let mut confusion = Confusion::default();
        for score in image_scores("confusion", self, dataset)? {
            confusion.add(coverage_class(score.known()?.coverage), coverage_class(score.predicted));
        }
        let sheet = Sheet { what: "confusion", title: String::new(), columns: 1, height: HEIGHT };
        let words = Words::of(dataset).called(self.class_names());
        sheet.draw(&[Plot::from(confusion.heatmap(&words))])
    }
}

/// How many images of each true class (row) were predicted as each class (column).
#[derive(Default)]
struct Confusion {
    counts: [[usize; CLASSES]; CLASSES],
}

impl Confusion {
    fn add(&mut self, truth: usize, prediction: usize) {
        self.counts[truth.min(CLASSES - 1)][prediction.min(CLASSES - 1)] += 1;
    }

    fn images(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    /// The share of images of which `right` holds.
    fn share(&self, right: impl Fn(usize, usize) -> bool) -> f64 {
        let row = |(truth, row): (usize, &[usize; CLASSES])| -> usize {
            row.iter()
                .enumerate()
                .filter(|(prediction, _)| right(truth, *prediction))
                .map(|cell| cell.1)
                .sum()
        };
        self.counts.iter().enumerate().map(row).sum::<usize>() as f64 / self.images() as f64
    }

    fn heatmap(&self, words: &Words) -> Heatmap {
        let (salt, class) = (self.share(|t, p| (t == 0) == (p == 0)), self.share(|t, p| t == p));
        let names = class_names();
        let row =
            |(name, row): (&String, &[usize; CLASSES])| format!("{name} · n = {}", count(row.iter().sum()));
        let cell = |(&images, of): (&usize, usize)| {
            let share = images as f64 / of as f64;
            (
                share,
                if images == 0 { String::new() } else { format!("{}\n{}", count(images), percent(share)) },
            )
        };
        let cells = |row: &[usize; CLASSES]| {
            let of = row.iter().sum();
            row.iter().map(move |images| cell((images, of))).collect::<Vec<_>>()
        };
        Heatmap {
            title: format!(
                "Classes of coverage ({}): {} or none is right in {}, the class in {}",
                images(self.images()),
                words.some(),
                percent(salt),
                percent(class)
            ),
            columns: (format!("{}, % of the image", words.with("predicted")), names.clone()),
            rows: (
                format!("{}, % of the image", words.with("true")),
                names.iter().zip(&self.counts).map(row).collect(),
            ),
            cells: self.counts.iter().flat_map(cells).collect(),
            scale: Scale { title: "share of the row".into(), ends: ["0 %".into(), "100 %".into()] },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_true_and_columns_predicted() {
        let mut confusion = Confusion::default();
        for (truth, prediction) in [(0, 0), (0, 0), (0, 3), (10, 10), (10, 9), (4, 0), (0, 0), (3, 3)] {
            confusion.add(truth, prediction);
        }
        assert_eq!((confusion.counts[0], confusion.counts[4][0]), ([3, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], 1));
        let heatmap = confusion.heatmap(&Words::of(&Dataset::from_samples(vec![]).unwrap()));
        assert!(
            heatmap.title.ends_with("(n = 8 images): salt or none is right in 75.0 %, the class in 62.5 %")
        );
        assert_eq!(heatmap.cells[0], (0.75, "3\n75.0 %".into()));
        assert_eq!(heatmap.cells[10 * CLASSES + 9], (0.5, "1\n50.0 %".into()));
        assert!(heatmap.cells[CLASSES].0.is_nan() && heatmap.cells[CLASSES].1.is_empty(), "no image");
        assert_eq!(heatmap.rows.1[10], "90–100 · n = 2");
    }
}
