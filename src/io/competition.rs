//! Opening the folder as Kaggle ships it.

use std::path::Path;
use std::sync::Arc;

use crate::io::csv::{Row, Tables, sorted};
use crate::io::folder::{Folder, Folders};
use crate::types::{Competition, Dataset, Entry, ImageSource, MaskSource, Notes, SubmissionFormat};
use crate::{Error, Result};

const UNPACK: &str =
    "expected the competition's folder; unpack train.zip into train/ and test.zip into test/ in it";

impl Competition {
    /// Opens the folder as Kaggle ships it: `train/images`, `train/masks`, `test/images`, `train.csv`, `depths.csv`,
    /// `sample_submission.csv`.
    ///
    /// Test images may also lie in `test/` itself or in `images/`, training images in `train/` or, with `masks/` beside
    /// it, in `images/`. Where there is no folder of masks they come from `train.csv`. One of the two halves may be
    /// missing, and so may each CSV file that nothing needs: `notes` says what is. Folders are listed, CSV files are
    /// read, and all are held against each other; images are not opened.
    ///
    /// ```no_run
    /// let salt = tgs_salt::types::Competition::open("../data/tgs-salt")?;
    /// println!("{salt:?}");
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Missing`] when there are no images, or neither masks nor `train.csv`; [`Error::Csv`] or [`Error::Rle`]
    /// when a CSV file breaks a rule or has an id without an image; [`Error::Id`] when a training image has no mask or
    /// no row in `train.csv`, or a mask has no image; [`Error::Io`] when something cannot be read.
    pub fn open(dir: impl AsRef<Path>) -> Result<Competition> {
        let dir = dir.as_ref();
        let unpack = |path| Error::Missing { path, hint: UNPACK.into() };
        if !dir.is_dir() {
            return Err(unpack(dir.into()));
        }
        let (folders, tables) = rayon::join(|| Folders::list(dir), || Tables::read(dir));
        let (mut folders, mut tables) = (folders?, tables?);
        if folders.train.is_none() && folders.test.is_none() {
            return Err(unpack(dir.join("train/images")));
        }
        let mut notes = notes(&folders, &tables);
        let train = train(&mut folders, &mut tables)?;
        let test = test(&mut folders, &mut tables, &mut notes)?;
        let without_depth = |data: &Dataset| data.entries().filter(|entry| entry.z.is_none()).count();
        notes.train_without_depth = without_depth(&train);
        notes.test_without_depth = without_depth(&test);
        notes.depths_without_image = tables.depths.iter().filter(|row| !row.used).count();
        Ok(Competition { train, test, notes })
    }
}

/// What is there and what is not, before a look inside.
fn notes(folders: &Folders, tables: &Tables) -> Notes {
    let there = [
        ("train/images", folders.train.is_some()),
        ("test/images", folders.test.is_some()),
        ("train.csv", tables.masks.is_some()),
        ("depths.csv", tables.has_depths),
        ("sample_submission.csv", tables.order.is_some()),
    ];
    let listed = [&folders.train, &folders.masks, &folders.test];
    Notes {
        missing: there.iter().filter(|(_, there)| !there).map(|(name, _)| name.to_string()).collect(),
        masks_from_csv: folders.train.is_some() && folders.masks.is_none(),
        other_files: listed.into_iter().flatten().map(|folder| folder.others).sum(),
        ..Notes::default()
    }
}

/// The training images, each with its mask: from the folder of masks, else from `train.csv`.
fn train(folders: &mut Folders, tables: &mut Tables) -> Result<Dataset> {
    let Some(images) = folders.train.take() else { return Dataset::from_entries(Vec::new()) };
    if let Some(rows) = &tables.masks {
        check_rows(&tables.masks_path, rows.iter(), &images)?;
        if let Some(id) = only_in(images.ids(), rows.iter().map(|row| row.id.as_str())) {
            return Err(lonely(id, &images, &format!("row in {}; add the row", tables.masks_path.display())));
        }
    }
    let masks: Vec<MaskSource> = match (folders.masks.take(), tables.masks.take()) {
        (Some(masks), _) => {
            if let Some(id) = only_in(images.ids(), masks.ids()) {
                return Err(lonely(id, &images, &format!("mask; add {}", masks.file(id).display())));
            }
            if let Some(id) = only_in(masks.ids(), images.ids()) {
                return Err(lonely(id, &masks, &format!("image; add {}", images.file(id).display())));
            }
            let folder: Arc<Path> = masks.path.into();
            masks.ids.iter().map(|_| MaskSource::File(folder.clone())).collect()
        }
        (None, Some(rows)) => rows.into_iter().map(|row| MaskSource::Rles(vec![row.value], None)).collect(),
        (None, None) => {
            let hint = "expected masks in train/masks, or this file; unpack train.zip into train/".into();
            return Err(Error::Missing { path: tables.masks_path.clone(), hint });
        }
    };
    Dataset::from_entries(entries(images, masks, &mut tables.depths))
}

/// The test images, in the order of `sample_submission.csv` when they are submitted.
fn test(folders: &mut Folders, tables: &mut Tables, notes: &mut Notes) -> Result<Dataset> {
    let Some(images) = folders.test.take() else { return Dataset::from_entries(Vec::new()) };
    let order = match tables.order.take() {
        Some(rows) => {
            let by_id = sorted(&tables.order_path, rows.iter().collect())?;
            check_rows(&tables.order_path, by_id.iter().copied(), &images)?;
            notes.test_not_in_submission = images.ids.len() - rows.len();
            Some(rows.into_iter().map(|row| row.id).collect())
        }
        None => None,
    };
    let masks = images.ids.iter().map(|_| MaskSource::None).collect();
    let all = Dataset::from_entries(entries(images, masks, &mut tables.depths))?;
    Ok(all.with_submission_format(Arc::new(SubmissionFormat { order, ..SubmissionFormat::default() })))
}

/// Joins images, their masks at the same places, and the sorted depths.
fn entries(images: Folder, masks: Vec<MaskSource>, depths: &mut [Row<Option<f32>>]) -> Vec<Entry> {
    let mut depths = depths.iter_mut().peekable();
    let folder: Arc<Path> = images.path.into();
    let join = |(id, mask): (String, MaskSource)| {
        while depths.next_if(|row| row.id < id).is_some() {}
        let row = depths.next_if(|row| row.id == id);
        let z = row.and_then(|row| {
            row.used = true;
            row.value
        });
        Entry::new(id, z, ImageSource::File(folder.clone()), mask)
    };
    images.ids.into_iter().zip(masks).map(join).collect()
}

/// Every row, sorted by id, needs an image.
fn check_rows<'a, T: 'a>(
    path: &Path,
    rows: impl Iterator<Item = &'a Row<T>> + Clone,
    images: &Folder,
) -> Result<()> {
    let Some(id) = only_in(rows.clone().map(|row| row.id.as_str()), images.ids()) else { return Ok(()) };
    let line = rows.clone().find(|row| row.id == id).map_or(0, |row| row.line);
    let why =
        format!("id `{id}` has no image; expected {}; add it, or remove the row", images.file(id).display());
    Err(Error::Csv { path: path.into(), line, why })
}

/// The first of these sorted ids that is not among the sorted others.
pub(super) fn only_in<'a, 'b>(
    ids: impl Iterator<Item = &'a str>,
    others: impl Iterator<Item = &'b str>,
) -> Option<&'a str> {
    let (mut ids, mut others) = (ids, others.peekable());
    ids.find(|id| {
        while others.next_if(|other| other < id).is_some() {}
        others.next_if(|other| other == id).is_none()
    })
}

fn lonely(id: &str, folder: &Folder, what: &str) -> Error {
    let why = format!("is in {} but has no {what}, or remove {id}.png", folder.path.display());
    Error::Id { id: id.into(), why }
}
