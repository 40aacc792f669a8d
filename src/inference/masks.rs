//! Predicted masks.

use crate::io::{Submission, write_rows};
use crate::types::{Label, Mask, Rle, SubmissionFormat};
use crate::{Error, Result};
use rayon::prelude::*;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// One predicted mask per image. Kept as the runs of the submission, which are drawn where pixels are asked for: thousands of large
/// masks need little memory. Cheap to clone.
#[derive(Clone)]
pub struct Masks {
    /// The images' ids, in the order of the dataset.
    pub ids: Vec<String>,
    class_names: Arc<Vec<String>>,
    labels: Arc<Vec<Label>>,
    submission_format: Arc<SubmissionFormat>,
}

impl Masks {
    pub(super) fn new(ids: Vec<String>, class_names: Arc<Vec<String>>, labels: Vec<Label>) -> Masks {
        Masks { ids, class_names, labels: Arc::new(labels), submission_format: Arc::default() }
    }

    /// The same, submitted so.
    pub(super) fn with_submission_format(self, submission_format: Arc<SubmissionFormat>) -> Masks {
        Masks { submission_format, ..self }
    }

    /// What the classes are called, as in the dataset.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The masks of one class, counted from 0.
    ///
    /// # Errors
    /// [`Error::Config`] when there is no such class.
    pub fn class(&self, class: usize) -> Result<Masks> {
        let labels = self.labels.iter().map(|label| label.class(class)).collect::<Result<Vec<_>>>()?;
        let class_names = self.class_names.get(class).into_iter().cloned().collect();
        Ok(Masks { class_names: Arc::new(class_names), ..self.with_labels(labels) })
    }

    /// The same, of these classes.
    pub(super) fn with_class_names(self, names: Vec<String>) -> Masks {
        Masks { class_names: Arc::new(names), ..self }
    }

    /// How many masks there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True without masks.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The mask of one image.
    ///
    /// # Errors
    /// [`Error::Id`] when no image has this id; [`Error::Shape`] when there are not as many ids as masks, `ids` being public.
    pub fn get(&self, id: &str) -> Result<Mask> {
        self.check_unedited()?;
        let label = self.labels.get(position(&self.ids, id)?).ok_or_else(|| not_predicted(id))?;
        Ok(label.mask())
    }

    /// The share of masks without salt, in `[0, 1]`.
    pub fn empty_share(&self) -> f64 {
        self.labels.iter().filter(|label| label.is_empty()).count() as f64 / self.labels.len().max(1) as f64
    }

    /// The same images with other masks.
    pub(super) fn with_labels(&self, labels: Vec<Label>) -> Self {
        Masks { labels: Arc::new(labels), ..self.clone() }
    }

    /// # Errors
    /// [`Error::Shape`] when there are not as many ids as masks, which `ids` being public allows.
    pub(super) fn check_unedited(&self) -> Result<()> {
        check_count(&self.ids, self.labels.len())
    }

    /// The masks as they are kept, in the order of the ids.
    pub(crate) fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// The masks in the order of the ids, each drawn when its turn comes.
    pub(crate) fn masks(&self) -> impl IndexedParallelIterator<Item = Mask> {
        self.labels.par_iter().map(Label::mask)
    }

    /// Writes Kaggle's `submission.csv`: `id,rle_mask`, one row per image, in the order of `sample_submission.csv`
    /// where the competition's folder has one, else in the order of [`Masks::ids`]. Of several classes `Image_Label,EncodedPixels`,
    /// one row per image and class, named `id_class`; so too of one class of the clouds competition, the rows of that class alone.
    ///
    /// # Errors
    /// [`Error::Id`] when an id of `sample_submission.csv` was not predicted; [`Error::Config`] when a class has no rows in it;
    /// [`Error::Shape`] when masks are not of the size that the competition scores; as [`Masks::get`]; [`Error::Io`] when the
    /// file cannot be written: an older one is then as it was.
    pub fn submit(&self, path: impl AsRef<Path>) -> Result<Submission> {
        self.check_unedited()?;
        self.check_size()?;
        let names = self.class_names.as_slice();
        let by_class = self.submission_format.is_by_class(names);
        let named = |id: &String, name: &String| match by_class {
            true => SubmissionFormat::row(id, name),
            false => id.clone(),
        };
        let rows = |(id, label)| names.iter().map(move |name| named(id, name)).zip(Label::rles(label));
        let rows = self.ids.iter().zip(self.labels.as_slice()).flat_map(rows).collect();
        write_rows(path.as_ref(), by_class, &self.in_order(rows)?)
    }

    /// Kaggle takes runs of any size, and scores them as pixels of its own.
    fn check_size(&self) -> Result<()> {
        let Some(size) = self.submission_format.size else { return Ok(()) };
        let other = self.ids.iter().zip(self.labels.as_slice()).find(|(_, label)| label.size() != size);
        let Some((id, label)) = other else { return Ok(()) };
        Err(Error::Shape {
            what: format!("submitted mask of {id}"),
            expected: format!("{}×{} as the competition scores it", size.0, size.1),
            got: format!("{}×{}", label.size().0, label.size().1),
            hint: "predict the test set at the size at which it is opened".into(),
        })
    }

    /// The rows in the order of `sample_submission.csv`, where there is one.
    fn in_order<'a>(&self, rows: Vec<(String, &'a Rle)>) -> Result<Vec<(String, &'a Rle)>> {
        let Some(order) = &self.submission_format.order else { return Ok(rows) };
        let by_name: HashMap<&String, &Rle> = rows.iter().map(|(name, rle)| (name, *rle)).collect();
        let row = |name: &String| match by_name.get(name) {
            Some(&rle) => Ok((name.clone(), rle)),
            None => Err(Error::Id {
                id: name.clone(),
                why: "is in sample_submission.csv but was not predicted; predict the whole test set".into(),
            }),
        };
        if !self.submission_format.by_class {
            return order.iter().map(row).collect();
        }
        let is_of = |row: &String, class: &String| SubmissionFormat::is_of_class(row, class);
        if let Some(name) = self.class_names.iter().find(|name| !order.iter().any(|row| is_of(row, name))) {
            let first = order.first().map_or("", String::as_str);
            let expected = format!(
                "classes that have rows in sample_submission.csv, such as {first}; predict `class(i)` of the \
                 test set for one of them"
            );
            return Err(Error::Config { field: "class names", got: name.clone(), expected });
        }
        let asked = |row: &&String| self.class_names.iter().any(|name| is_of(row, name));
        order.iter().filter(asked).map(row).collect()
    }
}

impl std::fmt::Debug for Masks {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Masks of {} images, {:.1} % empty", self.len(), 100.0 * self.empty_share())
    }
}

pub(super) fn position(ids: &[String], id: &str) -> Result<usize> {
    ids.iter().position(|known| known == id).ok_or_else(|| not_predicted(id))
}

pub(super) fn not_predicted(id: &str) -> Error {
    Error::Id { id: id.into(), why: "was not predicted; `ids` lists those that were".into() }
}

/// That nobody has edited the public ids: there is one for each prediction.
pub(super) fn check_count(ids: &[String], predicted: usize) -> Result<()> {
    if ids.len() == predicted {
        return Ok(());
    }
    Err(Error::Shape {
        what: "ids of predictions".into(),
        expected: format!("{predicted}, one for each"),
        got: ids.len().to_string(),
        hint: "leave `ids` as it is; `select` takes some of them".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks(pixels: &[[u8; 2]]) -> Masks {
        let ids = (0..pixels.len()).map(|i| format!("id{i}")).collect();
        let label = |pixels: &[u8; 2]| Label::of(&Mask::new(1, 2, pixels.to_vec()).unwrap());
        Masks::new(ids, Arc::new(vec!["salt".into()]), pixels.iter().map(label).collect())
    }

    #[test]
    fn a_submission_lists_each_id_and_misses_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("submission.csv");
        let masks = masks(&[[0, 0], [1, 0]]);
        let ordered = |order: &[&str]| {
            let order = Some(order.iter().map(|id| id.to_string()).collect());
            masks.clone().with_submission_format(Arc::new(SubmissionFormat { order, ..Default::default() }))
        };
        let submission = ordered(&["id1", "id0"]).submit(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "id,rle_mask\nid1,1 1\nid0,\n");
        assert_eq!((submission.rows, submission.empty_share), (2, 0.5));
        let message = ordered(&["id1", "other"]).submit(&path).unwrap_err().to_string();
        assert!(message.contains("other"), "{message}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "id,rle_mask\nid1,1 1\nid0,\n");
    }

    #[test]
    fn several_classes_have_a_row_each() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("submission.csv");
        let planes = [masks(&[[0, 1], [0, 0]]), masks(&[[1, 1], [0, 1]])];
        let stacked = (0..2).map(|i| Label::of_planes(&[0, 1].map(|c: usize| planes[c].labels[i].mask())));
        let names = Arc::new(vec!["Fish".into(), "Sugar".into()]);
        let both = Masks::new(vec!["b.jpg".into(), "a.jpg".into()], names, stacked.collect());
        let submission = both.submit(&path).unwrap();
        let text =
            "Image_Label,EncodedPixels\nb.jpg_Fish,2 1\nb.jpg_Sugar,1 2\na.jpg_Fish,\na.jpg_Sugar,2 1\n";
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        assert_eq!((submission.rows, submission.empty_share), (4, 0.25));
        let sugar = both.class(1).unwrap();
        let drawn = |masks: &Masks| masks.masks().collect::<Vec<_>>();
        assert_eq!((sugar.class_names(), drawn(&sugar)), (&["Sugar".to_owned()][..], drawn(&planes[1])));
        assert!(matches!(both.class(2), Err(Error::Config { .. })));
    }
}
