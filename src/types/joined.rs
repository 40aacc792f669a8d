//! Datasets made of others: with other masks, joined, in parts. Images stay where they are.

use std::sync::{Arc, OnceLock};

use crate::types::{Dataset, Entry, Label, MaskSource, common_names, numbered};
use crate::{Error, Result};

impl Dataset {
    /// The samples of both, in the order of their ids: a training set with pseudo-labelled images, say. Images are still
    /// read when asked for.
    ///
    /// ```
    /// use tgs_salt::Competition;
    /// let salt = Competition::sample()?;
    /// let (train, valid) = salt.train.split(0.2, 42)?;
    /// assert_eq!(train.join(&valid)?.ids(), salt.train.ids());
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Id`] when an id is in both; [`Error::Shape`] when both have masks, of other classes.
    pub fn join(&self, other: &Dataset) -> Result<Dataset> {
        let names = self.common_names(other)?;
        let mut entries: Vec<Entry> = self.entries().chain(other.entries()).cloned().collect();
        entries.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].id == pair[1].id) {
            let why = "is in both datasets; expected datasets without a common sample".into();
            return Err(Error::Id { id: pair[1].id.clone(), why });
        }
        let joined = Dataset::from_entries(entries)?.with_names(names);
        Ok(joined.with_submission_format(self.submission_format()))
    }

    /// The names of the classes of both: where nobody has named those of one side, or it has no masks, those of the other.
    fn common_names(&self, other: &Dataset) -> Result<Vec<String>> {
        let (own, theirs) = (self.class_names(), other.class_names());
        let [none, others_none] = [self, other].map(|side| !(0..side.len()).any(|i| side.has_mask(i)));
        match common_names(own, theirs) {
            Some(names) => Ok(names.to_vec()),
            None if others_none => Ok(own.to_vec()),
            None if none => Ok(theirs.to_vec()),
            None => Err(Error::Shape {
                what: "masks of the joined dataset".into(),
                expected: format!("of the classes {} as those of the first", own.join(", ")),
                got: theirs.join(", "),
                hint: "join datasets of the same classes; with_class_names renames them".into(),
            }),
        }
    }

    /// The same images with these masks, one for each sample in order.
    pub(crate) fn with_labels(&self, labels: Vec<Label>) -> Result<Dataset> {
        if labels.len() != self.len() {
            return Err(Error::Shape {
                what: "masks of a dataset".into(),
                expected: format!("{}, one for each sample", self.len()),
                got: labels.len().to_string(),
                hint: "give masks in the order of the samples".into(),
            });
        }
        let classes = labels.first().map_or(1, |label| label.rles().len());
        let names = match self.class_names() {
            names if names.len() == classes => names.to_vec(),
            _ => numbered(classes),
        };
        let entry = |(entry, label): (&Entry, Label)| {
            // What was remembered was of the old mask.
            let (rles, size) = label.into_runs();
            Entry { mask: MaskSource::Rles(rles, Some(size)), salt: OnceLock::new(), ..entry.clone() }
        };
        let all = Dataset::from_entries(self.entries().zip(labels).map(entry).collect())?.with_names(names);
        Ok(all.with_submission_format(self.submission_format()))
    }

    /// The same images with the masks of one class, counted from 0.
    ///
    /// ```
    /// let salt = tgs_salt::Competition::sample()?;
    /// assert_eq!(salt.train.class(0)?.coverages()?, salt.train.coverages()?); // there is no other
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] when there is no such class.
    pub fn class(&self, class: usize) -> Result<Dataset> {
        let names = self.class_names();
        let Some(name) = names.get(class) else {
            let expected = format!("below the number of classes, {}", names.len());
            return Err(Error::Config { field: "class", got: class.to_string(), expected });
        };
        let entry = |entry: &Entry| of_class(entry, class, names.len());
        let all = Dataset::from_entries(self.entries().map(entry).collect::<Result<_>>()?)?;
        Ok(all.with_names(vec![name.clone()]).with_submission_format(self.submission_format()))
    }

    /// Parts of so many samples, in order; the last one may be smaller.
    pub(crate) fn parts(&self, samples: usize) -> impl Iterator<Item = Dataset> {
        let samples = samples.max(1);
        (0..self.len().div_ceil(samples))
            .map(move |part| self.filter(|i| (part * samples..(part + 1) * samples).contains(&i)))
    }
}

/// The sample with the mask of one of its classes.
fn of_class(entry: &Entry, class: usize, classes: usize) -> Result<Entry> {
    let mask = match &entry.mask {
        MaskSource::Rles(rles, size) => {
            MaskSource::Rles(rles.get(class).into_iter().cloned().collect(), *size)
        }
        MaskSource::Values(folder, ending, values) => {
            let value = values.get(class).into_iter().copied().collect();
            MaskSource::Values(folder.clone(), ending, value)
        }
        MaskSource::Memory(mask) => MaskSource::Memory(Arc::new(mask.class(class)?)),
        MaskSource::Tile(whole, tile) => MaskSource::Tile(Arc::new(of_class(whole, class, classes)?), *tile),
        // A file is of one class.
        MaskSource::File(_) | MaskSource::None => entry.mask.clone(),
    };
    let salt = if classes == 1 { entry.salt.clone() } else { OnceLock::new() };
    Ok(Entry { mask, salt, ..entry.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Image, Mask, Sample};

    fn dataset(ids: &[&str]) -> Dataset {
        let image = Image::new(1, 2, vec![0.0, 1.0]).unwrap();
        let sample = |id: &&str| Sample { id: id.to_string(), z: None, image: image.clone(), mask: None };
        Dataset::from_samples(ids.iter().map(sample).collect()).unwrap()
    }

    #[test]
    fn joined_samples_are_in_the_order_of_their_ids_and_there_once() {
        let whole = dataset(&["a", "b", "c", "d"]);
        let (odd, even) = (whole.select(&["b", "d"]).unwrap(), whole.select(&["a", "c"]).unwrap());
        let joined = odd.join(&even).unwrap();
        assert_eq!(joined.ids(), whole.ids());
        assert_eq!(joined.select(&["c", "b"]).unwrap().ids(), ["b", "c"]);
        assert!(matches!(joined.join(&dataset(&["c"])), Err(Error::Id { id, .. }) if id == "c"));
        assert_eq!(dataset(&[]).join(&odd).unwrap().ids(), ["b", "d"]);
    }

    #[test]
    fn labels_are_the_masks_of_their_samples() {
        let part = dataset(&["a", "b", "c"]).select(&["a", "c"]).unwrap();
        let masks = [[0, 1], [0, 0]].map(|pixels| Mask::new(1, 2, pixels.to_vec()).unwrap());
        let labelled = part.with_labels(masks.iter().map(Label::of).collect()).unwrap();
        assert_eq!(labelled.ids(), ["a", "c"]);
        assert!(labelled.has_masks() && !part.has_masks());
        assert_eq!(labelled.get(0).unwrap().mask.as_ref(), Some(&masks[0]));
        assert_eq!(labelled.coverages().unwrap(), [Some(0.5), Some(0.0)]);
        assert!(matches!(part.with_labels(vec![]), Err(Error::Shape { .. })));
    }

    #[test]
    fn several_classes_are_kept_each_with_its_name() {
        let plane = |pixels: [u8; 2]| Mask::new(1, 2, pixels.to_vec()).unwrap();
        let mask = Mask::stack(&[plane([0, 1]), plane([1, 1])]).unwrap();
        let labelled = dataset(&["a"]).with_labels(vec![Label::of(&mask)]).unwrap();
        assert_eq!(labelled.get(0).unwrap().mask, Some(mask.clone()));
        assert_eq!(labelled.coverages().unwrap(), [Some(1.0)]);
        assert_eq!(labelled.class_names(), ["class 1", "class 2"]);
        let named = labelled.with_class_names(&["fish", "sugar"]).unwrap();
        assert!(labelled.with_class_names(&["fish"]).is_err());
        let sugar = named.class(1).unwrap();
        assert_eq!(
            (sugar.get(0).unwrap().mask.unwrap(), sugar.class_names()),
            (plane([1, 1]), &["sugar".into()][..])
        );
        assert_eq!(named.class(0).unwrap().coverages().unwrap(), [Some(0.5)]);
        for joined in [named.join(&dataset(&["b"])), dataset(&["b"]).join(&named)] {
            assert_eq!(joined.unwrap().class_names(), ["fish", "sugar"]);
        }
        assert_eq!(named.with_labels(vec![Label::of(&mask)]).unwrap().class_names(), ["fish", "sugar"]);
        let salt = dataset(&["b"]).with_labels(vec![Label::of(&plane([0, 1]))]).unwrap();
        assert!(matches!(named.join(&salt), Err(Error::Shape { .. })));
        let c = dataset(&["c"]).with_labels(vec![Label::of(&mask)]).unwrap();
        assert_eq!(named.join(&c).unwrap().class_names(), ["fish", "sugar"]);
        assert_eq!(c.join(&named).unwrap().class_names(), ["fish", "sugar"]);
        let others = c.with_class_names(&["fish", "gravel"]).unwrap();
        assert!(matches!(named.join(&others), Err(Error::Shape { .. })));
        let samples = || [&salt, &named].map(|one| one.get(0).unwrap()).to_vec();
        assert!(
            matches!(Dataset::from_samples(samples()), Err(Error::Shape { what, .. }) if what == "mask of a")
        );
    }

    #[test]
    fn parts_are_the_whole() {
        let whole = dataset(&["a", "b", "c", "d", "e"]);
        let ids: Vec<Vec<String>> = whole.parts(2).map(|part| part.ids()).collect();
        assert_eq!(ids, [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
        assert_eq!(whole.parts(9).count(), 1);
        assert_eq!(dataset(&[]).parts(2).count(), 0);
    }
}
