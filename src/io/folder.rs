//! Where the competition's images lie.

use std::fs;
use std::path::{Path, PathBuf};

use crate::types::{check_id, sort_by_id};
use crate::{Error, Result};

/// The PNG files of one folder.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// The ids of the files `id.png`, sorted.
    pub(super) ids: Vec<String>,
    /// How many other files and folders there are.
    pub(super) others: usize,
}

impl Folder {
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.iter().map(String::as_str)
    }

    /// Where the image or mask of this id is.
    pub(super) fn file(&self, id: &str) -> PathBuf {
        image_file(&self.path, id)
    }
}

/// The file of an id in a folder.
pub(super) fn image_file(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.png"))
}

/// The folders that have images in them.
pub(super) struct Folders {
    pub(super) train: Option<Folder>,
    pub(super) masks: Option<Folder>,
    pub(super) test: Option<Folder>,
}

impl Folders {
    /// Finds training images, masks and test images in the layouts that unpacking the zip files gives.
    pub(super) fn list(dir: &Path) -> Result<Folders> {
        // `images/` is what either zip file unpacks to; `masks/` beside it tells which one it was.
        let (images, masks) = (dir.join("images"), dir.join("masks"));
        let (trains, tests) = if masks.is_dir() {
            (vec!["train/images", "train", "images"], vec!["test/images", "test"])
        } else {
            (vec!["train/images", "train"], vec!["test/images", "test", "images"])
        };
        let train = || {
            let train = first_with_images(dir, &trains)?;
            let masks = match &train {
                Some(train) if train.path == images => first_with_images(dir, &["masks"])?,
                Some(_) => first_with_images(dir, &["train/masks"])?,
                None => None,
            };
            Ok((train, masks))
        };
        let (test, train) = rayon::join(|| first_with_images(dir, &tests), train);
        let ((train, masks), test) = (train?, test?);
        Ok(Folders { train, masks, test })
    }
}

/// Lists the first of these folders that has PNG files.
fn first_with_images(dir: &Path, names: &[&str]) -> Result<Option<Folder>> {
    for name in names {
        let folder = list(&dir.join(name))?.filter(|folder| !folder.ids.is_empty());
        if folder.is_some() {
            return Ok(folder);
        }
    }
    Ok(None)
}

/// Lists a folder; `None` when there is none.
fn list(path: &Path) -> Result<Option<Folder>> {
    let Some(Files { names, others }) = list_files(path, &[".png"])? else { return Ok(None) };
    let ids = names.into_iter().map(|(id, _)| id).collect();
    Ok(Some(Folder { path: path.into(), ids, others }))
}

/// The files of a folder with certain endings.
pub(super) struct Files {
    /// What their names are without the ending, and the ending, sorted.
    pub(super) names: Vec<(String, &'static str)>,
    /// How many other files and folders there are.
    pub(super) others: usize,
}

/// Lists the files with these endings; `None` when there is no such folder.
pub(super) fn list_files(path: &Path, endings: &[&'static str]) -> Result<Option<Files>> {
    if !path.is_dir() {
        return Ok(None);
    }
    let (mut names, mut others) = (Vec::new(), 0);
    for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
        let name = entry.map_err(Error::io("list", path))?.file_name();
        match name.into_string().map(|name| without_ending(name, endings)) {
            Ok(Some(name)) => {
                check_id(&name.0)?;
                names.push(name);
            }
            _ => others += 1,
        }
    }
    Ok(Some(Files { names: sort_by_id(names, |name| &name.0), others }))
}

/// The id and the ending in `id.png`. Names with a leading point are another system's bookkeeping.
fn without_ending(mut name: String, endings: &[&'static str]) -> Option<(String, &'static str)> {
    let ending = endings.iter().copied().find(|&ending| name.ends_with(ending))?;
    if name.starts_with('.') {
        return None;
    }
    name.truncate(name.len() - ending.len());
    Some((name, ending))
}
