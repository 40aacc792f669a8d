//! `masks.table(&valid)`: each prediction in numbers.

use polars::prelude::{Column, DataFrame};

use crate::inference::{ImageScore, Known, Masks, Probabilities};
use crate::types::{Dataset, coverage_class};
use crate::{Error, Result};

impl Probabilities {
    /// A polars DataFrame with a row per image of `dataset`: `id`, `z` (depth in feet), `coverage` and `predicted_coverage`
    /// (shares of salt, in `[0, 1]`), `coverage_class` and `predicted_class` (0 to 10), `iou`, `dice`, `mean_precision` (the
    /// competition's score) and `loss` (binary cross-entropy). Salt is where the probability is above 0.5; for another threshold
    /// see [`Masks::table`]. Null is what a depth or a mask would have to be known for.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let salt = Competition::sample()?;
    /// let (_, valid) = salt.train.split(0.05, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let table = model.predict(&valid)?.table(&valid)?;
    /// assert_eq!(table.shape(), (valid.len(), 10));
    /// assert_eq!(table.column("loss").unwrap().null_count(), 0);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Id`] when an image of the dataset was not predicted; as [`Dataset::get`].
    pub fn table(&self, dataset: &Dataset) -> Result<DataFrame> {
        let scores = self.image_scores(dataset)?;
        let mut columns = columns(&scores);
        columns.push(column("loss", &scores, |known| known.loss.unwrap_or(f64::NAN)));
        frame(scores.len(), columns)
    }
}

impl Masks {
    /// As [`Probabilities::table`], without `loss`.
    ///
    /// # Errors
    /// As [`Probabilities::table`].
    pub fn table(&self, dataset: &Dataset) -> Result<DataFrame> {
        let scores = self.image_scores(dataset)?;
        frame(scores.len(), columns(&scores))
    }
}

fn columns(scores: &[ImageScore]) -> Vec<Column> {
    let class = |known: &Known| coverage_class(known.coverage) as u32;
    let ids: Vec<&str> = scores.iter().map(|score| score.id.as_str()).collect();
    let depths: Vec<Option<f32>> = scores.iter().map(|score| score.z).collect();
    let predicted: Vec<f64> = scores.iter().map(|score| score.predicted).collect();
    let classes: Vec<Option<u32>> = scores.iter().map(|score| score.known.as_ref().map(class)).collect();
    let found: Vec<u32> = scores.iter().map(|score| coverage_class(score.predicted) as u32).collect();
    vec![
        Column::new("id".into(), ids),
        Column::new("z".into(), depths),
        column("coverage", scores, |known| known.coverage),
        Column::new("predicted_coverage".into(), predicted),
        Column::new("coverage_class".into(), classes),
        Column::new("predicted_class".into(), found),
        column("iou", scores, |known| known.iou),
        column("dice", scores, |known| known.dice),
        column("mean_precision", scores, |known| known.mean_precision),
    ]
}

fn column(name: &str, scores: &[ImageScore], value: impl Fn(&Known) -> f64) -> Column {
    let values: Vec<Option<f64>> = scores.iter().map(|score| score.known.as_ref().map(&value)).collect();
    Column::new(name.into(), values)
}

fn frame(rows: usize, columns: Vec<Column>) -> Result<DataFrame> {
    DataFrame::new(rows, columns)
        .map_err(|e| Error::Figure { what: "table of predictions".into(), why: e.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Image, Mask, Sample};

    #[test]
    fn what_is_not_known_is_null() {
        let image = |p: f32| Image::new(1, 2, vec![p, 1.0]).unwrap();
        let sample =
            |id: &str, mask: Option<Mask>| Sample { id: id.into(), z: None, image: image(0.0), mask };
        let mask = Mask::new(1, 2, vec![0, 1]).unwrap();
        let dataset = Dataset::from_samples(vec![sample("a", None), sample("b", Some(mask))]).unwrap();
        let all = Probabilities::new(dataset.ids(), vec![image(0.2), image(0.75)]);
        let table = all.table(&dataset).unwrap();
        let known = ["coverage", "coverage_class", "iou", "dice", "mean_precision", "loss"];
        for column in table.columns() {
            let nulls = match column.name().as_str() {
                "z" => 2,
                name if known.contains(&name) => 1,
                _ => 0,
            };
            assert_eq!(column.null_count(), nulls, "{column:?}");
        }
        let second = |name: &str| table.column(name).unwrap().f64().unwrap().get(1).unwrap();
        assert_eq!((second("predicted_coverage"), second("iou"), second("dice")), (1.0, 0.5, 2.0 / 3.0));
        assert!((second("loss") + 0.25f64.ln() / 2.0).abs() < 1e-12);
        assert_eq!(table.column("predicted_class").unwrap().u32().unwrap().get(1), Some(10));
        let masks = all.threshold(0.8).unwrap().table(&dataset).unwrap();
        assert_eq!(masks.shape(), (2, 9));
        assert_eq!(masks.column("iou").unwrap().f64().unwrap().get(1), Some(1.0));
    }
}
