//! A list of samples that are read when asked for.

use std::sync::Arc;

use crate::types::{
    Entry, ImageSource, Mask, MaskSource, Sample, SubmissionFormat, check_id, check_sides, check_size,
    check_sizes, numbered, sort_by_id,
};
use crate::{Error, Result};

/// A list of samples in the order of their ids. Images are read when asked for; a clone is cheap.
///
/// ```
/// use tgs_salt::types::{Dataset, Image, Mask, Sample};
/// let image = Image::new(2, 2, vec![0.1, 0.2, 0.3, 0.4])?;
/// let mask = Some(Mask::new(2, 2, vec![0, 1, 0, 1])?);
/// let sample = |id: &str| Sample { id: id.into(), z: None, image: image.clone(), mask: mask.clone() };
/// let dataset = Dataset::from_samples(vec![sample("b"), sample("a")])?;
/// assert_eq!(dataset.ids(), ["a", "b"]);
/// assert_eq!(dataset.get(0)?.mask, mask);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone)]
pub struct Dataset {
    /// Every sample of the folder, by id; shared by all parts of a split.
    entries: Arc<Vec<Entry>>,
    /// Which of the entries are in this dataset, ascending.
    members: Arc<Vec<usize>>,
    submission_format: Arc<SubmissionFormat>,
    class_names: Arc<Vec<String>>,
}

impl Dataset {
    /// A dataset of samples that are already in memory.
    ///
    /// # Errors
    /// [`Error::Id`] when two samples have the same id or an id is not a plain name; [`Error::Shape`] when an image's
    /// fields do not agree, its mask is of another size, or masks have not the same number of classes.
    pub fn from_samples(samples: Vec<Sample>) -> Result<Dataset> {
        let mut entries = Vec::with_capacity(samples.len());
        let classes = samples.iter().find_map(|sample| sample.mask.as_ref()).map_or(1, Mask::classes);
        for Sample { id, z, image, mask } in samples {
            check_id(&id)?;
            check_size(&format!("image {id}"), image.height, image.width, image.pixels.len())?;
            let mask = match mask {
                Some(mask) => {
                    check_sizes(&id, (image.height, image.width), &mask)?;
                    check_classes(&id, classes, mask.classes())?;
                    MaskSource::Memory(Arc::new(mask))
                }
                None => MaskSource::None,
            };
            let image = ImageSource::Memory(Arc::new(image));
            entries.push(Entry::new(id, z, image, mask));
        }
        let all = Dataset::from_entries(sort_by_id(entries, |entry| &entry.id))?;
        Ok(all.with_names(numbered(classes)))
    }

    /// A dataset of entries that are sorted by id.
    pub(crate) fn from_entries(entries: Vec<Entry>) -> Result<Dataset> {
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].id >= pair[1].id) {
            return Err(Error::Id {
                id: pair[1].id.clone(),
                why: "is there twice; expected each id once".into(),
            });
        }
        let (members, class_names) = (Arc::new((0..entries.len()).collect()), Arc::new(numbered(1)));
        Ok(Dataset { entries: Arc::new(entries), members, submission_format: Arc::default(), class_names })
    }

    /// What the classes of the masks are called: `salt`, or of several classes `class 1`, `class 2` … before
    /// [`Dataset::with_class_names`] names them.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The same samples, their classes so named: as many as the masks have, or any where no sample has a mask, as in a test set.
    ///
    /// ```
    /// use tgs_salt::types::{Dataset, Image, Mask, Sample};
    /// let image = Image::new(1, 2, vec![0.2, 0.8])?;
    /// let (fish, sugar) = (Mask::new(1, 2, vec![1, 0])?, Mask::new(1, 2, vec![1, 1])?);
    /// let mask = Some(Mask::stack(&[fish, sugar])?);
    /// let clouds = Dataset::from_samples(vec![Sample { id: "a".into(), z: None, image, mask }])?;
    /// assert_eq!(clouds.with_class_names(&["fish", "sugar"])?.class_names(), ["fish", "sugar"]);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] when there is not one name for each class of the masks, or none at all.
    pub fn with_class_names(&self, names: &[&str]) -> Result<Dataset> {
        let masks = (0..self.len()).any(|i| self.has_mask(i));
        if names.is_empty() || masks && names.len() != self.class_names.len() {
            let expected = format!("one for each of the {} classes of its masks", self.class_names.len());
            return Err(Error::Config { field: "class names", got: names.len().to_string(), expected });
        }
        Ok(self.clone().with_names(names.iter().map(|name| name.to_string()).collect()))
    }

    /// As [`Dataset::with_class_names`], unchecked.
    pub(crate) fn with_names(self, names: Vec<String>) -> Dataset {
        Dataset { class_names: Arc::new(names), ..self }
    }

    /// The same samples at another size, in pixels: [`Dataset::get`] then averages images down (or interpolates them, see
    /// [`Image::resize`]) and takes of masks the nearest pixels. All that follows is at this size: training, predictions,
    /// scores, submissions. Sizes do not add up: what is resized is always what the file holds. Kaggle scores a submission at one
    /// size: resize a competition's training set alone, and predict its test set as it was opened.
    ///
    /// ```
    /// let salt = tgs_salt::Competition::sample()?;
    /// let small = salt.train.resized(50, 50)?.get(0)?;
    /// assert_eq!((small.image.height, small.mask.unwrap().width()), (50, 50));
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// [`Image::resize`]: crate::Image::resize
    ///
    /// # Errors
    /// [`Error::Config`] when a side is not from 1 to 16,384.
    pub fn resized(&self, height: usize, width: usize) -> Result<Dataset> {
        check_sides(height, width)?;
        let entries = self.entries().map(|entry| entry.resized(height, width)).collect();
        let resized = Dataset::from_entries(entries)?;
        Ok(Dataset { entries: resized.entries, members: resized.members, ..self.clone() })
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The ids, in order.
    pub fn ids(&self) -> Vec<String> {
        self.entries().map(|entry| entry.id.clone()).collect()
    }

    /// The depths in feet, in the order of the ids; `None` where there is none.
    pub fn depths(&self) -> Vec<Option<f32>> {
        self.entries().map(|entry| entry.z).collect()
    }

    /// True when there is a sample, and every one has a mask.
    pub fn has_masks(&self) -> bool {
        !self.is_empty() && self.entries().all(|entry| !matches!(entry.mask, MaskSource::None))
    }

    /// True when the sample at `i` has a mask.
    pub(crate) fn has_mask(&self, i: usize) -> bool {
        self.entry(i).is_some_and(|entry| !matches!(entry.mask, MaskSource::None))
    }

    /// The samples of these ids, in the order of the ids.
    ///
    /// # Errors
    /// [`Error::Id`] when there is no such sample, or an id is given twice.
    pub fn select(&self, ids: &[&str]) -> Result<Dataset> {
        let mut members = Vec::with_capacity(ids.len());
        for id in ids {
            let at =
                self.members.binary_search_by(|&i| self.entries[i].id.as_str().cmp(id)).map_err(|_| {
                    let why = format!("is not among these {} samples; see ids()", self.len());
                    Error::Id { id: id.to_string(), why }
                })?;
            members.push(self.members[at]);
        }
        members.sort_unstable();
        if let Some(pair) = members.windows(2).find(|pair| pair[0] == pair[1]) {
            let id = self.entries[pair[0]].id.clone();
            return Err(Error::Id { id, why: "is given twice; expected each id once".into() });
        }
        Ok(self.with_members(members))
    }

    /// The samples at which `keep` is true, `keep` being in the order of this dataset.
    pub(crate) fn filter(&self, mut keep: impl FnMut(usize) -> bool) -> Dataset {
        let members = self.members.iter().enumerate().filter(|(i, _)| keep(*i)).map(|(_, &entry)| entry);
        self.with_members(members.collect())
    }

    fn with_members(&self, members: Vec<usize>) -> Dataset {
        Dataset { members: Arc::new(members), ..self.clone() }
    }

    /// The entries of this dataset, in order.
    pub(crate) fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.members.iter().map(|&i| &self.entries[i])
    }

    /// The entry at `i`.
    pub(crate) fn entry(&self, i: usize) -> Option<&Entry> {
        self.members.get(i).map(|&at| &self.entries[at])
    }

    /// The id of the sample at `i`; empty where there is none.
    pub(crate) fn id(&self, i: usize) -> &str {
        self.entry(i).map_or("", |entry| entry.id.as_str())
    }

    /// What a submission of masks of this dataset is like.
    pub(crate) fn submission_format(&self) -> Arc<SubmissionFormat> {
        self.submission_format.clone()
    }

    /// The same samples, submitted so.
    pub(crate) fn with_submission_format(self, format: Arc<SubmissionFormat>) -> Dataset {
        Dataset { submission_format: format, ..self }
    }
}

/// The masks of a dataset have the same classes.
fn check_classes(id: &str, expected: usize, got: usize) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    Err(Error::Shape {
        what: format!("mask of {id}"),
        expected: format!("{expected} classes as the other masks"),
        got: got.to_string(),
        hint: "give an empty mask for a class that is not there".into(),
    })
}

impl std::fmt::Debug for Dataset {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Dataset of {} samples", self.len())?;
        if self.is_empty() {
            return Ok(());
        }
        match (self.has_masks(), self.class_names.len()) {
            (false, _) => f.write_str(" without masks")?,
            (true, 1) => f.write_str(" with masks")?,
            (true, classes) => write!(f, " with masks of {classes} classes")?,
        }
        if let Some((height, width)) = self.entry(0).and_then(|entry| entry.size) {
            write!(f, ", at {height}×{width}")?;
        }
        let depths = self.entries().filter_map(|entry| entry.z);
        let (low, high) = depths.fold((f32::MAX, f32::MIN), |(low, high), z| (low.min(z), high.max(z)));
        if low <= high { write!(f, ", depth {low} to {high} ft") } else { f.write_str(", without depths") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Image;

    fn sample(id: &str, z: Option<f32>, mask: Option<Mask>) -> Sample {
        Sample { id: id.into(), z, image: Image::new(1, 2, vec![0.0, 1.0]).unwrap(), mask }
    }

    #[test]
    fn samples_are_sorted_and_selected_by_id() {
        let samples =
            vec![sample("c", Some(9.0), None), sample("a", None, None), sample("b", Some(5.0), None)];
        let dataset = Dataset::from_samples(samples).unwrap();
        assert_eq!(dataset.ids(), ["a", "b", "c"]);
        assert_eq!(dataset.depths(), [None, Some(5.0), Some(9.0)]);
        let part = dataset.select(&["c", "a"]).unwrap();
        assert_eq!(part.ids(), ["a", "c"]);
        assert_eq!(part.select(&["c"]).unwrap().ids(), ["c"]);
        assert!(part.select(&["b"]).is_err(), "b is not in this part");
        assert!(matches!(dataset.select(&["a", "a"]), Err(Error::Id { id, .. }) if id == "a"));
        assert_eq!(format!("{dataset:?}"), "Dataset of 3 samples without masks, depth 5 to 9 ft");
        assert_eq!(format!("{:?}", dataset.select(&[]).unwrap()), "Dataset of 0 samples");
    }

    #[test]
    fn samples_that_do_not_fit_are_refused() {
        let twice = vec![sample("a", None, None), sample("b", None, None), sample("a", None, None)];
        assert!(matches!(Dataset::from_samples(twice), Err(Error::Id { id, .. }) if id == "a"));
        assert!(matches!(Dataset::from_samples(vec![sample("../a", None, None)]), Err(Error::Id { .. })));
        let tall = Mask::new(2, 1, vec![0, 1]).unwrap();
        let error = Dataset::from_samples(vec![sample("a", None, Some(tall))]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "mask of a: expected 1×2 as its image, got 2×1; image and mask have to be of the same size"
        );
        let mut broken = sample("a", None, None);
        broken.image.height = 7;
        assert!(matches!(Dataset::from_samples(vec![broken]), Err(Error::Shape { .. })));
    }

    #[test]
    fn where_nothing_has_a_mask_any_names_are_right() {
        let none = Dataset::from_samples(vec![sample("a", None, None)]).unwrap();
        assert_eq!(none.with_class_names(&["x", "y"]).unwrap().class_names(), ["x", "y"]);
        assert!(matches!(none.with_class_names(&[]), Err(Error::Config { .. })));
        let mask = Mask::new(1, 2, vec![0, 1]).ok();
        let some = Dataset::from_samples(vec![sample("a", None, mask), sample("b", None, None)]).unwrap();
        assert!(matches!(some.with_class_names(&["x", "y"]), Err(Error::Config { .. })));
    }
}
