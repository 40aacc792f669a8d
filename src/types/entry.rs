//! One sample of a dataset, not read yet.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::types::{Image, Mask, MaskStatistics, PixelStatistics, Rle, Tile};

/// Where a sample comes from.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) z: Option<f32>,
    pub(crate) image: ImageSource,
    pub(crate) mask: MaskSource,
    /// Height and width to which image and mask are brought; `None` leaves them as they are.
    pub(crate) size: Option<(usize, usize)>,
    /// What the mask is like, remembered once it was read.
    pub(crate) salt: OnceLock<MaskStatistics>,
    /// What the image is like, remembered once somebody asked.
    pub(crate) pixels: OnceLock<PixelStatistics>,
}

impl Entry {
    pub(crate) fn new(id: String, z: Option<f32>, image: ImageSource, mask: MaskSource) -> Entry {
        Entry { id, z, image, mask, size: None, salt: OnceLock::new(), pixels: OnceLock::new() }
    }

    /// The same sample at another size. What was remembered was of the old one.
    pub(super) fn resized(&self, height: usize, width: usize) -> Entry {
        let (image, mask) = (self.image.clone(), self.mask.clone());
        Entry { size: Some((height, width)), ..Entry::new(self.id.clone(), self.z, image, mask) }
    }
}

#[derive(Clone)]
pub(crate) enum ImageSource {
    /// The folder of `id.png`, grey.
    File(Arc<Path>),
    /// The folder of a PNG or JPEG file, and what follows the id in its name; colours become grey.
    Picture(Arc<Path>, &'static str),
    Memory(Arc<Image>),
    /// A part of another entry's image.
    Tile(Arc<Entry>, Tile),
}

#[derive(Clone)]
pub(crate) enum MaskSource {
    None,
    /// The folder of `id.png`, of one class.
    File(Arc<Path>),
    /// The folder of a PNG file, what follows the id in its name, and the value of each class.
    Values(Arc<Path>, &'static str, Arc<[u16]>),
    /// The runs of each class; height and width of the mask, where they are not those of the image's file.
    Rles(Vec<Rle>, Option<(usize, usize)>),
    Memory(Arc<Mask>),
    /// A part of another entry's mask, which has one.
    Tile(Arc<Entry>, Tile),
}
