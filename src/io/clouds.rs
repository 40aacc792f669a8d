//! Opening "Understanding Clouds from Satellite Images" as Kaggle ships it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::io::competition::only_in;
use crate::io::csv::{Row, parse_rle, read_rows};
use crate::io::folder::list_files;
use crate::types::{Competition, Dataset, Entry, ImageSource, MaskSource, Notes, Rle, SubmissionFormat};
use crate::{Error, Result};

/// The size, height × width, of the masks that are submitted.
const SUBMITTED: (usize, usize) = (350, 525);
/// Rows are of an image and a class.
const ROWS: SubmissionFormat = SubmissionFormat { order: None, by_class: true, size: None };
const COLUMNS: [&str; 2] = ["Image_Label", "EncodedPixels"];
const UNPACK: &str = "expected the clouds competition's folder; unpack its zip file, \
                      with train_images/ and test_images/, into it";

impl Competition {
    /// Opens "Understanding Clouds from Satellite Images" as Kaggle ships it: `train_images`, `test_images`, `train.csv`,
    /// `sample_submission.csv`.
    ///
    /// The images are grey (luma) and read when asked for. They are 1400×2100; masks are submitted and scored at 350×525, so
    /// that is the size of both datasets, and `clouds.train.resized(1400, 2100)` that of the files again. Ids are the files'
    /// names, such as `0011165.jpg`; the classes are those of `train.csv`, sorted: `Fish`, `Flower`, `Gravel`, `Sugar`. One of
    /// the two halves may be missing.
    ///
    /// ```no_run
    /// use tgs_salt::prelude::*;
    /// let clouds = Competition::clouds("../data/clouds")?;
    /// let (train, valid) = clouds.train.split(0.2, 42)?;
    /// let mut model = Unet::new(Encoder::ResNet34).classes(4).input_size(256, 384).build(&device()?)?;
    /// model.train(&train, &valid, &TrainConfig::default())?;
    /// model.predict(&clouds.test)?.threshold(0.5)?.submit("submission.csv")?; // rows 0011165.jpg_Fish …
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Missing`] when there are no images, or no `train.csv` for those of training; [`Error::Csv`] or
    /// [`Error::Rle`] when a CSV file breaks a rule, lacks a class of an image or has an image that is not there;
    /// [`Error::Id`] when a training image has no rows; [`Error::Io`] when something cannot be read.
    pub fn clouds(dir: impl AsRef<Path>) -> Result<Competition> {
        let dir = dir.as_ref();
        let mut notes = Notes::default();
        let train_images = Images::list(dir.join("train_images"), &mut notes)?;
        let test_images = Images::list(dir.join("test_images"), &mut notes)?;
        if train_images.ids.is_empty() && test_images.ids.is_empty() {
            let path = if dir.is_dir() { train_images.path } else { dir.into() };
            return Err(Error::Missing { path, hint: UNPACK.into() });
        }
        let labels = Table::read(dir.join("train.csv"), parse_rle)?;
        let order = Table::read(dir.join("sample_submission.csv"), |_, _, _, _| Ok(()))?;
        for (table, there) in [(&labels.path, labels.there), (&order.path, order.there)] {
            if !there {
                let name = table.file_name().unwrap_or_default().to_string_lossy().into_owned();
                notes.missing.push(name);
            }
        }
        let names = if labels.there { labels.classes() } else { order.classes() };
        let train = train(&train_images, labels, &names)?;
        let test = test(&test_images, order, &names, &mut notes)?;
        let sized = |data: Dataset| data.resized(SUBMITTED.0, SUBMITTED.1);
        Ok(Competition { train: sized(train)?, test: sized(test)?, notes })
    }
}

/// Whether a folder is laid out as that of the clouds competition.
pub(crate) fn is_clouds(dir: &Path) -> bool {
    ["train_images", "test_images"].iter().any(|name| dir.join(name).is_dir())
}

/// The JPEG files of a folder, by name.
struct Images {
    path: PathBuf,
    ids: Vec<String>,
}

impl Images {
    fn list(path: PathBuf, notes: &mut Notes) -> Result<Images> {
        let Some(files) = list_files(&path, &[".jpg"])? else {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            notes.missing.push(name);
            return Ok(Images { path, ids: Vec::new() });
        };
        notes.other_files += files.others;
        let mut ids: Vec<String> = files.names.into_iter().map(|(id, ending)| id + ending).collect();
        ids.sort(); // `a.jpg` is after `a-.jpg`, yet `a` before `a-`
        Ok(Images { path, ids })
    }

    fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.iter().map(String::as_str)
    }

    /// A dataset of the images with these masks.
    fn dataset(
        &self,
        masks: impl Iterator<Item = MaskSource>,
        format: SubmissionFormat,
        names: &[String],
    ) -> Result<Dataset> {
        let folder: Arc<Path> = self.path.as_path().into();
        let entry = |(id, mask): (&String, MaskSource)| {
            Entry::new(id.clone(), None, ImageSource::Picture(folder.clone(), ""), mask)
        };
        let all = Dataset::from_entries(self.ids.iter().zip(masks).map(entry).collect())?;
        let all = all.with_submission_format(Arc::new(format));
        Ok(if names.is_empty() { all } else { all.with_names(names.to_vec()) })
    }
}

/// A row of an image and a class.
struct Labelled<T> {
    image: String,
    class: String,
    row: Row<T>,
}

/// The rows of a CSV file, in its order.
struct Table<T> {
    path: PathBuf,
    there: bool,
    rows: Vec<Labelled<T>>,
}

impl<T> Table<T> {
    fn read(path: PathBuf, parse: impl Fn(&Path, &str, &str, u64) -> Result<T>) -> Result<Table<T>> {
        let rows = read_rows(&path, COLUMNS, |id, text, line| parse(&path, id, text, line))?;
        let there = rows.is_some();
        let label = |row: Row<T>| match row.id.rsplit_once('_') {
            Some((image, class)) if !image.is_empty() && !class.is_empty() => {
                Ok(Labelled { image: image.into(), class: class.into(), row })
            }
            _ => {
                let expected = "expected an image, `_` and a class, such as 0011165.jpg_Fish";
                let why = format!("`{}` names no image and class; {expected}", row.id);
                Err(Error::Csv { path: path.clone(), line: row.line, why })
            }
        };
        let rows = rows.unwrap_or_default().into_iter().map(label).collect::<Result<_>>()?;
        Ok(Table { path, there, rows })
    }

    /// The classes, sorted.
    fn classes(&self) -> Vec<String> {
        self.rows.iter().map(|row| &row.class).collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }

    fn error(&self, row: &Labelled<T>, why: String) -> Error {
        Error::Csv { path: self.path.clone(), line: row.row.line, why }
    }

    /// Where the rows are, by image and class, after a look that each image is there and has each class once.
    fn by_image(&self, images: &Images, names: &[String]) -> Result<Vec<&Labelled<T>>> {
        let mut rows: Vec<&Labelled<T>> = self.rows.iter().collect();
        rows.sort_by(|a, b| (&a.image, &a.class).cmp(&(&b.image, &b.class)));
        for of_image in rows.chunk_by(|a, b| a.image == b.image) {
            let first = of_image[0];
            if let Some(pair) = of_image.windows(2).find(|pair| pair[0].class == pair[1].class) {
                let (id, line) = (&pair[0].row.id, pair[0].row.line);
                return Err(
                    self.error(pair[1], format!("`{id}` is already on line {line}; keep one of them"))
                );
            }
            let has = |name: &String| of_image.iter().any(|row| row.class == *name);
            if let Some(name) = names.iter().find(|name| !has(name)) {
                let why = format!("{} has no row for {name}; add it, blank where there is none", first.image);
                return Err(self.error(first, why));
            }
            if let Some(row) = of_image.iter().find(|row| !names.contains(&row.class)) {
                let why = format!("`{}` is of no known class; expected {}", row.row.id, names.join(", "));
                return Err(self.error(row, why));
            }
            if images.ids.binary_search(&first.image).is_err() {
                let file = images.path.join(&first.image);
                let why = format!("{} is not there; add it, or remove its rows", file.display());
                return Err(self.error(first, why));
            }
        }
        Ok(rows)
    }
}

/// The training images, each with the runs of its classes.
fn train(images: &Images, labels: Table<Rle>, names: &[String]) -> Result<Dataset> {
    if images.ids.is_empty() {
        return images.dataset(std::iter::empty(), ROWS, names);
    }
    if !labels.there {
        let hint = "expected the masks of train_images/ in it; unpack the competition's zip file".into();
        return Err(Error::Missing { path: labels.path, hint });
    }
    let rows = labels.by_image(images, names)?;
    if let Some(id) = only_in(images.ids(), rows.iter().map(|row| row.image.as_str())) {
        let (folder, table) = (images.path.display(), labels.path.display());
        let why = format!("is in {folder} but has no row in {table}; add its rows, or remove the image");
        return Err(Error::Id { id: id.into(), why });
    }
    let of_image = |rows: &[&Labelled<Rle>]| {
        MaskSource::Rles(rows.iter().map(|row| row.row.value.clone()).collect(), None)
    };
    images.dataset(rows.chunk_by(|a, b| a.image == b.image).map(of_image), ROWS, names)
}

/// The test images; rows are submitted in the order of `sample_submission.csv`.
fn test(images: &Images, order: Table<()>, names: &[String], notes: &mut Notes) -> Result<Dataset> {
    let masks = images.ids.iter().map(|_| MaskSource::None);
    let submitted = SubmissionFormat { size: Some(SUBMITTED), ..ROWS };
    if images.ids.is_empty() || !order.there {
        return images.dataset(masks, submitted, names);
    }
    let listed = order.by_image(images, names)?.len() / names.len().max(1);
    notes.test_not_in_submission = images.ids.len() - listed;
    let rows = order.rows.into_iter().map(|row| row.row.id).collect();
    images.dataset(masks, SubmissionFormat { order: Some(rows), ..submitted }, names)
}
