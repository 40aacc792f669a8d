//! Predicted masks.

use crate::io::{Submission, write_class_submission, write_submission};
use crate::types::{Mask, Rle};
use crate::{Error, Result};
use rayon::prelude::*;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// One predicted mask per image. Cheap to clone.
#[derive(Clone)]
pub struct Masks {
    /// The images' ids, in the order of the dataset.
    pub ids: Vec<String>,
    class_names: Arc<Vec<String>>,
    masks: Arc<Vec<Mask>>,
    submission_order: Option<Arc<Vec<String>>>,
}

impl Masks {
    pub(super) fn new(
        ids: Vec<String>,
        class_names: Arc<Vec<String>>,
        masks: Vec<Mask>,
        submission_order: Option<Arc<Vec<String>>>,
    ) -> Masks {
        Masks { ids, class_names, masks: Arc::new(masks), submission_order }
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
        let masks = self.masks.iter().map(|mask| mask.class(class)).collect::<Result<Vec<_>>>()?;
        let class_names = self.class_names.get(class).into_iter().cloned().collect();
        // Rows of several classes are no rows of one.
        let submission_order = self.submission_order.clone().filter(|_| self.class_names.len() == 1);
        Ok(Masks { class_names: Arc::new(class_names), submission_order, ..self.with_masks(masks) })
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
    /// [`Error::Id`] when no image has this id.
    pub fn get(&self, id: &str) -> Result<Mask> {
        Ok(self.masks[position(&self.ids, id)?].clone())
    }

    /// The share of masks without salt, in `[0, 1]`.
    pub fn empty_share(&self) -> f64 {
        self.masks.iter().filter(|mask| mask.is_empty()).count() as f64 / self.len().max(1) as f64
    }

    /// The same images with other masks.
    pub(crate) fn with_masks(&self, masks: Vec<Mask>) -> Self {
        Masks { masks: Arc::new(masks), ..self.clone() }
    }

    pub(crate) fn masks(&self) -> &[Mask] {
        &self.masks
    }

    /// Writes Kaggle's `submission.csv`: `id,rle_mask`, one row per image, in the order of `sample_submission.csv`
    /// where the competition's folder has one, else in the order of [`Masks::ids`]. Of several classes `Image_Label,EncodedPixels`,
    /// one row per image and class, named `id_class`.
    ///
    /// # Errors
    /// [`Error::Id`] when an id of `sample_submission.csv` was not predicted; [`Error::Io`] when the file cannot be
    /// written: an older one is then as it was.
    pub fn submit(&self, path: impl AsRef<Path>) -> Result<Submission> {
        if self.class_names.len() > 1 {
            return self.submit_classes(path.as_ref());
        }
        let rles: Vec<_> = self.masks.par_iter().map(Mask::to_rle).collect();
        let rows = self.in_order(self.ids.iter().cloned().zip(rles).collect())?;
        write_submission(path.as_ref(), &rows)
    }

    /// The rows in the order of `sample_submission.csv`, where there is one.
    fn in_order(&self, rows: Vec<(String, Rle)>) -> Result<Vec<(String, Rle)>> {
        let Some(order) = &self.submission_order else { return Ok(rows) };
        let by_name: HashMap<&String, &Rle> = rows.iter().map(|(name, rle)| (name, rle)).collect();
        let row = |name: &String| match by_name.get(name) {
            Some(&rle) => Ok((name.clone(), rle.clone())),
            None => Err(Error::Id {
                id: name.clone(),
                why: "is in sample_submission.csv but was not predicted; predict the whole test set".into(),
            }),
        };
        order.iter().map(row).collect()
    }

    fn submit_classes(&self, path: &Path) -> Result<Submission> {
        let rows = |(id, mask): (&String, &Mask)| -> Result<Vec<(String, Rle)>> {
            let row =
                |(class, name): (usize, &String)| Ok((format!("{id}_{name}"), mask.class(class)?.to_rle()));
            self.class_names.iter().enumerate().map(row).collect()
        };
        let rows = self.ids.par_iter().zip(self.masks.as_slice()).map(rows).collect::<Result<Vec<_>>>()?;
        write_class_submission(path, &self.in_order(rows.concat())?)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn masks(pixels: &[[u8; 2]]) -> Masks {
        let ids = (0..pixels.len()).map(|i| format!("id{i}")).collect();
        let masks = pixels.iter().map(|pixels| Mask::new(1, 2, pixels.to_vec()).unwrap()).collect();
        Masks::new(ids, Arc::new(vec!["salt".into()]), masks, None)
    }

    #[test]
    fn a_submission_lists_each_id_and_misses_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("submission.csv");
        let mut masks = masks(&[[0, 0], [1, 0]]);
        masks.submission_order = Some(Arc::new(vec!["id1".into(), "id0".into()]));
        let submission = masks.submit(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "id,rle_mask\nid1,1 1\nid0,\n");
        assert_eq!((submission.rows, submission.empty_share), (2, 0.5));
        masks.submission_order = Some(Arc::new(vec!["id1".into(), "other".into()]));
        let message = masks.submit(&path).unwrap_err().to_string();
        assert!(message.contains("other"), "{message}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "id,rle_mask\nid1,1 1\nid0,\n");
    }

    #[test]
    fn several_classes_have_a_row_each() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("submission.csv");
        let planes = [masks(&[[0, 1], [0, 0]]), masks(&[[1, 1], [0, 1]])];
        let stacked =
            (0..2).map(|i| Mask::stack(&[0, 1].map(|c: usize| planes[c].masks[i].clone())).unwrap());
        let names = Arc::new(vec!["Fish".into(), "Sugar".into()]);
        let both = Masks::new(vec!["b.jpg".into(), "a.jpg".into()], names, stacked.collect(), None);
        let submission = both.submit(&path).unwrap();
        let text =
            "Image_Label,EncodedPixels\nb.jpg_Fish,2 1\nb.jpg_Sugar,1 2\na.jpg_Fish,\na.jpg_Sugar,2 1\n";
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        assert_eq!((submission.rows, submission.empty_share), (4, 0.25));
        let sugar = both.class(1).unwrap();
        assert_eq!((sugar.class_names(), sugar.masks()), (&["Sugar".to_owned()][..], planes[1].masks()));
        assert!(matches!(both.class(2), Err(Error::Config { .. })));
    }
}
