//! `masks.class_scores(&valid)`: each class in numbers.

use polars::prelude::{Column, DataFrame};

use crate::Result;
use crate::inference::Masks;
use crate::metrics::Overlap;
use crate::plot::table::frame;
use crate::types::{Dataset, Mask};

/// The columns behind the names.
const COLUMNS: [&str; 5] = ["dice", "iou", "mean_precision", "empty_share", "predicted_empty_share"];

impl Masks {
    /// A polars DataFrame with a row for each `class` and a last one for their `mean`: `dice`, `iou` and `mean_precision` as means
    /// over the images, and the shares of images without the class, `empty_share` by the truth and `predicted_empty_share` by
    /// these masks. All are in `[0, 1]`. The dice of `mean` is the score of "Understanding Clouds"; as there, an image
    /// without the class scores 1 where none is predicted. The dataset has to be the one predicted.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, valid) = Competition::sample()?.train.split(0.05, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let table = model.predict(&valid)?.threshold(0.5)?.class_scores(&valid)?;
    /// assert_eq!(table.shape(), (2, 6)); // salt and the mean of salt
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Masks::mean_precision`].
    pub fn class_scores(&self, dataset: &Dataset) -> Result<DataFrame> {
        let images = self.measured(dataset, measures)?;
        let classes = self.class_names().len();
        // Summed in the order of the images; without any there is no mean.
        let of_class = |class: usize| {
            let sums = images.iter().filter_map(|image| image.get(class)).fold([0.0; 5], add);
            sums.map(|sum| sum / images.len() as f64)
        };
        let mut rows: Vec<[f64; 5]> = (0..classes).map(of_class).collect();
        let sums = rows.iter().fold([0.0; 5], add);
        rows.push(sums.map(|sum| sum / classes as f64));
        let names: Vec<&str> =
            self.class_names().iter().map(String::as_str).chain(std::iter::once("mean")).collect();
        let columns = (0..).zip(COLUMNS).map(|(i, name): (usize, &str)| {
            Column::new(name.into(), rows.iter().map(|row| row[i]).collect::<Vec<f64>>())
        });
        let columns = std::iter::once(Column::new("class".into(), names)).chain(columns);
        frame("table of class scores", columns.collect())
    }
}

/// The columns of one image, class by class.
fn measures(truth: &Mask, prediction: &Mask) -> Result<Vec<[f64; 5]>> {
    let empty = |plane: &[u8]| f64::from(u8::from(!plane.contains(&1)));
    let planes = truth.planes().zip(prediction.planes());
    let overlaps = Overlap::of_classes(truth, prediction)?;
    let one = |(overlap, (truth, prediction)): (&Overlap, (&[u8], &[u8]))| {
        [overlap.dice(), overlap.iou(), overlap.mean_precision(), empty(truth), empty(prediction)]
    };
    Ok(overlaps.iter().zip(planes).map(one).collect())
}

fn add(sums: [f64; 5], row: &[f64; 5]) -> [f64; 5] {
    std::array::from_fn(|i| sums[i] + row[i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::inference::Probabilities;
    use crate::types::{Image, Sample};

    /// Four images with the classes fish and sugar: truths and predictions of four pixels each.
    const PLANES: [[[[u8; 4]; 2]; 2]; 4] = [
        [[[1, 1, 0, 0], [1, 0, 0, 0]], [[0; 4], [0; 4]]],
        [[[0; 4], [0; 4]], [[0; 4], [0, 0, 1, 0]]],
        [[[1; 4], [1, 1, 1, 0]], [[0, 1, 1, 0], [0, 1, 1, 0]]],
        [[[0, 0, 0, 1], [0; 4]], [[1, 0, 0, 0], [0; 4]]],
    ];

    fn dataset(classes: usize) -> Dataset {
        let sample = |(i, planes): (usize, &[[[u8; 4]; 2]; 2])| {
            let plane = |class: &[[u8; 4]; 2]| Mask::new(2, 2, class[0].to_vec()).unwrap();
            let mask = Mask::stack(&planes[..classes].iter().map(plane).collect::<Vec<_>>()).unwrap();
            let image = Image::new(2, 2, vec![0.5; 4]).unwrap();
            Sample { id: i.to_string(), z: None, image, mask: Some(mask) }
        };
        Dataset::from_samples(PLANES.iter().enumerate().map(sample).collect()).unwrap()
    }

    fn masks(dataset: &Dataset) -> Masks {
        let map = |class: &[[u8; 4]; 2]| Image::new(2, 2, class[1].map(f32::from).to_vec()).unwrap();
        let maps = PLANES.iter().flatten().map(map).collect();
        let all = Probabilities::new(dataset.ids(), maps);
        all.with_class_names(&["fish".into(), "sugar".into()]).threshold(0.5).unwrap()
    }

    #[test]
    fn each_class_has_its_row_and_the_mean_is_the_last() {
        let dataset = dataset(2);
        let table = masks(&dataset).class_scores(&dataset).unwrap();
        let names: Vec<Option<&str>> = table.column("class").unwrap().str().unwrap().iter().collect();
        assert_eq!(names, [Some("fish"), Some("sugar"), Some("mean")]);
        let check = |name: &str, expected: [f64; 2]| {
            let got: Vec<f64> = table.column(name).unwrap().f64().unwrap().iter().flatten().collect();
            let expected = [expected[0], expected[1], (expected[0] + expected[1]) / 2.0];
            assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{name}: {got:?}");
        };
        // Fish: half of two pixels found, none and none, three of four, none of one; an IoU of 0.5 hits nothing.
        check("dice", [(2.0 / 3.0 + 1.0 + 6.0 / 7.0) / 4.0, 2.0 / 4.0]);
        check("iou", [(0.5 + 1.0 + 0.75) / 4.0, 2.0 / 4.0]);
        check("mean_precision", [(0.0 + 1.0 + 0.5) / 4.0, 2.0 / 4.0]);
        check("empty_share", [0.25, 0.5]);
        check("predicted_empty_share", [0.5, 0.5]);
        let mean = table.column("mean_precision").unwrap().f64().unwrap().get(2).unwrap();
        assert!((mean - masks(&dataset).mean_precision(&dataset).unwrap()).abs() < 1e-12);
    }

    #[test]
    fn other_classes_or_images_are_refused() {
        let (one, two) = (dataset(1), dataset(2));
        let line = masks(&two).class_scores(&one).unwrap_err().to_string();
        assert!(line.contains("1 classes as the truth, got 2"), "{line}");
        let part = two.select(&["1", "2"]).unwrap();
        assert!(matches!(masks(&two).class_scores(&part), Err(Error::Id { .. })));
    }
}
