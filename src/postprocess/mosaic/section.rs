//! A section that was put together again.

use crate::types::{Dataset, Image, Mask};
use crate::{Error, Result};

/// A piece of the section that patches were cut from: two tiles or more, each at its row and column.
///
/// ```
/// use tgs_salt::prelude::*;
/// let salt = Competition::sample()?;
/// let all = salt.train.join(&salt.test)?;
/// let mosaics = Mosaics::find(&all, &MosaicSearch::default())?;
/// let section = mosaics.section(0)?;
/// let (image, mask) = (section.image(&all)?, section.mask(&all)?);
/// assert_eq!((image.height, image.width), (101 * section.rows(), 101 * section.columns()));
/// assert_eq!((mask.height(), mask.width()), section.size());
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone)]
pub struct Section {
    pub(super) tiles: Vec<SectionTile>,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Height and width of a tile in pixels.
    pub(super) tile_size: (usize, usize),
}

/// A tile of a [`Section`].
#[derive(Clone, PartialEq)]
pub struct SectionTile {
    /// The image's id.
    pub id: String,
    /// From the top, 0 first.
    pub row: usize,
    /// From the left, 0 first.
    pub column: usize,
    /// The distance of the edges to the tile below, where there is one.
    pub(super) down: Option<f64>,
    /// The distance of the edges to the tile to the right, where there is one.
    pub(super) right: Option<f64>,
}

impl Section {
    /// The tiles, row by row.
    pub fn tiles(&self) -> &[SectionTile] {
        &self.tiles
    }

    /// How many tiles there are; the rest of `rows() × columns()` was not found.
    pub fn len(&self) -> usize {
        self.tiles.len()
    }

    /// Never true: a section has two tiles at least.
    pub fn is_empty(&self) -> bool {
        self.tiles.is_empty()
    }

    /// Height in tiles.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Width in tiles.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Height and width in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.rows * self.tile_size.0, self.columns * self.tile_size.1)
    }

    /// The ids of the tiles, sorted.
    pub fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.tiles.iter().map(|tile| tile.id.clone()).collect();
        ids.sort_unstable();
        ids
    }

    /// The tile at a place.
    pub fn tile(&self, row: usize, column: usize) -> Option<&SectionTile> {
        self.tiles
            .binary_search_by_key(&(row, column), |tile| (tile.row, tile.column))
            .ok()
            .map(|at| &self.tiles[at])
    }

    /// The section's image, of the tiles that are in `dataset`; 0 where there is none.
    ///
    /// # Errors
    /// [`Error::Id`] when no tile is in the dataset; [`Error::Shape`] when a tile is of another size there; as [`Dataset::get`].
    pub fn image(&self, dataset: &Dataset) -> Result<Image> {
        let (height, width) = self.size();
        let mut pixels = vec![0f32; height * width];
        for (tile, at) in self.found(dataset)? {
            let image = dataset.get(at)?.image;
            self.check_tile(&tile.id, (image.height, image.width))?;
            self.paste(tile, &image.pixels, &mut pixels);
        }
        Image::new(height, width, pixels)
    }

    /// Where the salt is, or each class, as far as tiles that are in `dataset` have masks; 0 elsewhere.
    ///
    /// # Errors
    /// As [`Section::image`].
    pub fn mask(&self, dataset: &Dataset) -> Result<Mask> {
        let (height, width) = self.size();
        let mut planes = vec![vec![0u8; height * width]; dataset.class_names().len().max(1)];
        for (tile, at) in self.found(dataset)? {
            if let Some(mask) = dataset.get(at)?.mask {
                self.check_tile(&tile.id, (mask.height(), mask.width()))?;
                planes.iter_mut().zip(mask.planes()).for_each(|(to, from)| self.paste(tile, from, to));
            }
        }
        let masks = planes.into_iter().map(|pixels| Mask::new(height, width, pixels));
        Mask::stack(&masks.collect::<Result<Vec<_>>>()?)
    }

    /// The tiles that are in a dataset, and where.
    pub(crate) fn found(&self, dataset: &Dataset) -> Result<Vec<(&SectionTile, usize)>> {
        let ids = dataset.ids();
        let at = |tile: &SectionTile| ids.binary_search(&tile.id).ok();
        let found: Vec<_> = self.tiles.iter().filter_map(|tile| Some((tile, at(tile)?))).collect();
        match (found.is_empty(), self.tiles.first()) {
            (true, Some(first)) => {
                let why = "is not in this dataset, nor is another tile of its section; give the dataset in which \
                           neighbours were looked for";
                Err(Error::Id { id: first.id.clone(), why: why.into() })
            }
            _ => Ok(found),
        }
    }

    fn check_tile(&self, id: &str, got: (usize, usize)) -> Result<()> {
        if got == self.tile_size {
            return Ok(());
        }
        Err(Error::Shape {
            what: format!("image {id}"),
            expected: format!("{}×{} as in the search", self.tile_size.0, self.tile_size.1),
            got: format!("{}×{}", got.0, got.1),
            hint: "give the dataset in which neighbours were looked for".into(),
        })
    }

    fn paste<T: Copy>(&self, tile: &SectionTile, from: &[T], to: &mut [T]) {
        let (height, width) = self.tile_size;
        let start = (tile.row * height * self.columns + tile.column) * width;
        let rows = to[start..].chunks_mut(self.columns * width);
        rows.zip(from.chunks_exact(width)).for_each(|(to, from)| to[..width].copy_from_slice(from));
    }
}

impl std::fmt::Debug for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let (height, width) = self.size();
        write!(
            f,
            "Section of {} tiles in {}×{}, {height}×{width} pixels",
            self.len(),
            self.rows,
            self.columns
        )
    }
}

impl std::fmt::Debug for SectionTile {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{} in row {}, column {}", self.id, self.row, self.column)
    }
}
