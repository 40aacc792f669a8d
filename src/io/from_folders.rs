//! Anyone's own images and masks: two folders.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::io::competition::only_in;
use crate::io::folder::list_files;
use crate::io::picture::{is_jpeg, picture_size};
use crate::io::png::read_values;
use crate::types::{Competition, Dataset, Entry, ImageSource, MaskSource, Notes, sort_by_id};
use crate::{Error, Result};

const ENDINGS: [&str; 6] = [".png", ".jpg", ".jpeg", ".PNG", ".JPG", ".JPEG"];
/// More values than this are no classes.
const MAX_CLASSES: usize = 32;

impl Competition {
    /// Anyone's own data: a folder of images, PNG or JPEG, and one of masks, PNG, of the same names but for the ending.
    ///
    /// Images are grey; colours become their luma. In masks 0 is the background and each other value a class: the numbers
    /// that stand in the file, of a palette the indices. Masks of 0 and 255, of 0 and 65,535, or of 0 and 1, are of one class, `foreground`;
    /// other classes are named by their values. All images are in `train`, for [`Dataset::split`] to divide; `test` is empty.
    /// Images are read when asked for, masks once also here, on all cores, to know the classes.
    ///
    /// ```no_run
    /// use tgs_salt::prelude::*;
    /// let cells = Competition::from_folders("../data/cells/images", "../data/cells/masks")?;
    /// let (train, valid) = cells.train.resized(256, 256)?.split(0.2, 42)?;
    /// let network = Unet::new(Encoder::ResNet34).classes(train.class_names().len());
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Missing`] when a folder is not there or has no images; [`Error::Id`] when an image has no mask, a mask has
    /// no image, or two files are of one name; [`Error::Shape`] when a mask is of another size than its image;
    /// [`Error::Image`] when a mask cannot be read, is a JPEG, or there are more than 32 classes; [`Error::Io`] when
    /// something cannot be read.
    pub fn from_folders(images: impl AsRef<Path>, masks: impl AsRef<Path>) -> Result<Competition> {
        let (images, masks) = (Pictures::list(images.as_ref())?, Pictures::list(masks.as_ref())?);
        if let Some(id) = only_in(images.ids(), masks.ids()) {
            let (image, mask) = (images.path.display(), masks.path.display());
            let why = format!("is in {image} but has no mask; add {mask}/{id}.png, or remove the image");
            return Err(Error::Id { id: id.into(), why });
        }
        if let Some(id) = only_in(masks.ids(), images.ids()) {
            let (image, mask) = (images.path.display(), masks.path.display());
            let why = format!("is in {mask} but has no image; add {image}/{id}.png, or remove the mask");
            return Err(Error::Id { id: id.into(), why });
        }
        let classes: Arc<[u16]> = classes(&images, &masks)?.into();
        let names = match *classes {
            [1] | [255] | [u16::MAX] => vec!["foreground".into()],
            ref values => values.iter().map(u16::to_string).collect(),
        };
        let (image_folder, mask_folder): (Arc<Path>, Arc<Path>) =
            (images.path.as_path().into(), masks.path.as_path().into());
        let entry = |((id, image), (_, mask)): (&(String, &'static str), &(String, &'static str))| {
            let mask = MaskSource::Values(mask_folder.clone(), mask, classes.clone());
            Entry::new(id.clone(), None, ImageSource::Picture(image_folder.clone(), image), mask)
        };
        let entries = images.files.iter().zip(&masks.files).map(entry).collect();
        let train = Dataset::from_entries(entries)?.with_names(names);
        let notes = Notes { other_files: images.others + masks.others, ..Notes::default() };
        Ok(Competition { test: train.select(&[])?, train, notes })
    }
}

/// The image files of a folder.
struct Pictures {
    path: PathBuf,
    /// Ids and endings, sorted.
    files: Vec<(String, &'static str)>,
    others: usize,
}

impl Pictures {
    fn list(path: &Path) -> Result<Pictures> {
        let files = list_files(path, &ENDINGS)?.filter(|files| !files.names.is_empty());
        let Some(files) = files else {
            let hint = "expected a folder with PNG or JPEG files".into();
            return Err(Error::Missing { path: path.into(), hint });
        };
        let names = sort_by_id(files.names, |name| &name.0);
        if let Some(pair) = names.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let (id, folder) = (pair[0].0.clone(), path.display());
            let why = format!("is in {folder} as {id}{} and {id}{}; keep one of them", pair[0].1, pair[1].1);
            return Err(Error::Id { id, why });
        }
        Ok(Pictures { path: path.into(), files: names, others: files.others })
    }

    fn ids(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.0.as_str())
    }

    fn file(&self, i: usize) -> PathBuf {
        let (id, ending) = &self.files[i];
        self.path.join(format!("{id}{ending}"))
    }
}

/// The values but 0 of all masks, ascending, after a look that each mask is of its image's size.
fn classes(images: &Pictures, masks: &Pictures) -> Result<Vec<u16>> {
    let of_mask = |i: usize| -> Result<Vec<u16>> {
        let (id, file) = (&masks.files[i].0, masks.file(i));
        let size = picture_size(id, &images.file(i))?;
        if is_jpeg(&file).map_err(Error::io("read", &file))? {
            let why = "is a JPEG, whose pixels are not exact; save the mask as PNG";
            return Err(Error::Image { id: id.clone(), why: format!("{}: {why}", file.display()) });
        }
        let (got, values) = read_values(id, &file, |h, w, values| Ok(((h, w), distinct(values))))?;
        if got == size {
            return Ok(values);
        }
        Err(Error::Shape {
            what: format!("mask of {id}"),
            expected: format!("{}×{} as its image", size.0, size.1),
            got: format!("{}×{}", got.0, got.1),
            hint: "image and mask have to be of the same size".into(),
        })
    };
    let each: Vec<Result<Vec<u16>>> = (0..masks.files.len()).into_par_iter().map(of_mask).collect();
    let mut all = BTreeSet::new();
    for (i, values) in each.into_iter().enumerate() {
        all.extend(values?);
        if all.len() > MAX_CLASSES {
            let why = format!(
                "{}: with this mask there are {} values besides 0: expected at most {MAX_CLASSES}, one for each class; \
                 values in between come of JPEG or of resizing with interpolation",
                masks.file(i).display(),
                all.len()
            );
            return Err(Error::Image { id: masks.files[i].0.clone(), why });
        }
    }
    // Masks that are empty, all of them, have a class too.
    Ok(if all.is_empty() { vec![255] } else { all.into_iter().collect() })
}

/// The values but 0, ascending.
fn distinct(values: &[u16]) -> Vec<u16> {
    let mut seen = vec![false; 1 << 16];
    values.iter().for_each(|&value| seen[usize::from(value)] = true);
    (1..=u16::MAX).filter(|&value| seen[usize::from(value)]).collect()
}
