//! Where the competition's images lie.

use std::fs;
use std::path::{Path, PathBuf};

use crate::types::check_id;
use crate::{Error, Result};

/// The PNG files of one folder.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// Ids and files, sorted by id.
    pub(super) files: Vec<(String, Box<Path>)>,
    /// How many other files and folders there are.
    pub(super) others: usize,
}

impl Folder {
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(id, _)| id.as_str())
    }
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
        let train = first_with_images(dir, &trains)?;
        let masks = match &train {
            Some(train) if train.path == images => first_with_images(dir, &["masks"])?,
            Some(_) => first_with_images(dir, &["train/masks"])?,
            None => None,
        };
        Ok(Folders { train, masks, test: first_with_images(dir, &tests)? })
    }
}

/// Lists the first of these folders that has PNG files.
fn first_with_images(dir: &Path, names: &[&str]) -> Result<Option<Folder>> {
    for name in names {
        let folder = list(&dir.join(name))?.filter(|folder| !folder.files.is_empty());
        if folder.is_some() {
            return Ok(folder);
        }
    }
    Ok(None)
}

/// Lists a folder; `None` when there is none.
fn list(path: &Path) -> Result<Option<Folder>> {
    if !path.is_dir() {
        return Ok(None);
    }
    let mut folder = Folder { path: path.into(), files: Vec::new(), others: 0 };
    for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
        let name = entry.map_err(Error::io("list", path))?.file_name();
        match name.to_str().and_then(id_of) {
            Some(id) => {
                check_id(id)?;
                folder.files.push((id.into(), path.join(&name).into()));
            }
            None => folder.others += 1,
        }
    }
    folder.files.sort_unstable();
    Ok(Some(folder))
}

/// The id in `id.png`. Names with a leading point are another system's bookkeeping.
fn id_of(name: &str) -> Option<&str> {
    let (id, extension) = name.rsplit_once('.')?;
    (extension.eq_ignore_ascii_case("png") && !name.starts_with('.')).then_some(id)
}
