//! What lies behind an entry of a dataset, read and brought to its size.

use crate::io::folder::image_file;
use crate::io::picture::{picture_size, read_picture};
use crate::io::png::{read_image, read_mask, read_values};
use crate::types::{Entry, Image, ImageSource, Mask, MaskSource, Resize, Rle, check_sizes};
use crate::{Error, Result};

/// The image at the size of the dataset.
pub(super) fn load_image(entry: &Entry) -> Result<Image> {
    at_size(entry, stored_image(entry)?)
}

/// The mask at the size of the dataset, if there is one; of the image at most the header is read.
pub(super) fn load_mask(entry: &Entry) -> Result<Option<Mask>> {
    mask(entry, None)
}

/// Image and mask, which have to be of one size where they are stored.
pub(super) fn load(entry: &Entry) -> Result<(Image, Option<Mask>)> {
    let image = stored_image(entry)?;
    let mask = mask(entry, Some((image.height, image.width)))?;
    let image = at_size(entry, image)?;
    if let Some(mask) = &mask {
        check_sizes(&entry.id, (image.height, image.width), mask)?;
    }
    Ok((image, mask))
}

/// How many pixels of each class the mask has. Runs tell without the image where nothing is resized.
pub(super) fn class_areas(entry: &Entry) -> Result<Option<Vec<usize>>> {
    if let MaskSource::Rles(rles, at) = &entry.mask
        && (entry.size.is_none() || entry.size == *at)
    {
        return Ok(Some(rles.iter().map(Rle::area).collect()));
    }
    let area = |plane: &[u8]| plane.iter().map(|&p| usize::from(p)).sum();
    Ok(load_mask(entry)?.map(|mask| mask.planes().map(area).collect()))
}

fn stored_image(entry: &Entry) -> Result<Image> {
    match &entry.image {
        ImageSource::File(folder) => read_image(&entry.id, &image_file(folder, &entry.id)),
        ImageSource::Picture(folder, ending) => {
            read_picture(&entry.id, &folder.join(format!("{}{ending}", entry.id)))
        }
        ImageSource::Memory(image) => Ok(image.as_ref().clone()),
        ImageSource::Tile(whole, tile) => {
            let image = load_image(whole)?;
            let (from, (height, width)) =
                ((image.height, image.width), tile.size((image.height, image.width)));
            Image::new(height, width, tile.crop(from, &image.pixels))
        }
    }
}

/// Height and width of the image at the size of the dataset; of files at most the header is read.
pub(super) fn size(entry: &Entry) -> Result<(usize, usize)> {
    entry.size.map_or_else(|| stored_size(entry), Ok)
}

/// Height and width of the image where it is stored.
fn stored_size(entry: &Entry) -> Result<(usize, usize)> {
    match &entry.image {
        ImageSource::File(folder) => picture_size(&entry.id, &image_file(folder, &entry.id)),
        ImageSource::Picture(folder, ending) => {
            picture_size(&entry.id, &folder.join(format!("{}{ending}", entry.id)))
        }
        ImageSource::Memory(image) => Ok((image.height, image.width)),
        ImageSource::Tile(whole, tile) => Ok(tile.size(size(whole)?)),
    }
}

fn at_size(entry: &Entry, image: Image) -> Result<Image> {
    let from = (image.height, image.width);
    match entry.size {
        Some(to) if to != from => Image::new(to.0, to.1, Resize::new(from, to).bilinear(&image.pixels)),
        _ => Ok(image),
    }
}

/// The mask at the size of the dataset, held against the size of the stored image where that is known.
fn mask(entry: &Entry, image: Option<(usize, usize)>) -> Result<Option<Mask>> {
    let stored = match &entry.mask {
        MaskSource::None => return Ok(None),
        MaskSource::Rles(rles, size) => {
            let of_image = || image.map_or_else(|| stored_size(entry), Ok);
            return draw(entry, rles, size.map_or_else(of_image, Ok)?).map(Some);
        }
        MaskSource::File(folder) => read_mask(&entry.id, &image_file(folder, &entry.id))?,
        MaskSource::Values(folder, ending, values) => {
            classes_of_values(&entry.id, &folder.join(format!("{}{ending}", entry.id)), values)?
        }
        MaskSource::Memory(mask) => mask.as_ref().clone(),
        MaskSource::Tile(whole, tile) => {
            // A tile of a larger mask may be as large as that of the image, and lies elsewhere.
            let Some(mask) = mask(whole, Some(stored_size(whole)?))? else { return Ok(None) };
            let from = (mask.height(), mask.width());
            mask.map_planes(tile.size(from), |plane| tile.crop(from, plane))?
        }
    };
    if let Some(image) = image {
        check_sizes(&entry.id, image, &stored)?;
    }
    match entry.size {
        Some(to) if to != (stored.height(), stored.width()) => stored.resize(to.0, to.1).map(Some),
        _ => Ok(Some(stored)),
    }
}

fn draw(entry: &Entry, rles: &[Rle], from: (usize, usize)) -> Result<Mask> {
    let one = |rle: &Rle| {
        rle.to_mask_at(from, entry.size.unwrap_or(from)).map_err(|error| match error {
            Error::Rle { why, .. } => Error::Rle { id: entry.id.clone(), why },
            other => other,
        })
    };
    Mask::stack(&rles.iter().map(one).collect::<Result<Vec<_>>>()?)
}

/// A plane for each value; what has none of them is 0, the background.
fn classes_of_values(id: &str, path: &std::path::Path, classes: &[u16]) -> Result<Mask> {
    read_values(id, path, |height, width, values| {
        let plane = |class: &u16| {
            Mask::new(height, width, values.iter().map(|value| u8::from(value == class)).collect())
        };
        let planes = classes.iter().map(plane).collect::<Result<Vec<_>>>();
        planes.and_then(|planes| Mask::stack(&planes)).map_err(|error| error.to_string())
    })
}
