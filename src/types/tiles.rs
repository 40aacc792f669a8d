//! Images cut into tiles, each a sample of its own.

use std::sync::Arc;

use crate::types::{Dataset, Entry, ImageSource, MaskSource, sort_by_id};
use crate::{Error, Result};

/// The most rows and columns of tiles.
const MOST: usize = 64;

/// One tile of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    /// Rows and columns of the grid.
    pub(crate) grid: (usize, usize),
    /// The tile's row and column.
    pub(crate) at: (usize, usize),
}

impl Tile {
    /// All tiles of a grid, row by row.
    pub(crate) fn all(grid: (usize, usize)) -> impl Iterator<Item = Tile> {
        (0..grid.0 * grid.1).map(move |i| Tile { grid, at: (i / grid.1, i % grid.1) })
    }

    /// The id of the tile of an image at a row and column.
    pub(crate) fn name(whole: &str, (row, column): (usize, usize)) -> String {
        format!("{whole}_r{row}c{column}")
    }

    /// Height and width of a tile of an image of this size.
    pub(crate) fn size(&self, (height, width): (usize, usize)) -> (usize, usize) {
        (height.div_ceil(self.grid.0), width.div_ceil(self.grid.1))
    }

    /// The row and column of its first pixel. Tiles are spread evenly from edge to edge, so they overlap where the grid does
    /// not divide the image.
    pub(crate) fn start(&self, whole: (usize, usize)) -> (usize, usize) {
        let size = self.size(whole);
        let along = |at: usize, tiles: usize, rest: usize| at * rest / (tiles - 1).max(1);
        (along(self.at.0, self.grid.0, whole.0 - size.0), along(self.at.1, self.grid.1, whole.1 - size.1))
    }

    /// Its pixels out of those of an image, row by row.
    pub(crate) fn crop<T: Copy>(&self, whole: (usize, usize), pixels: &[T]) -> Vec<T> {
        let ((top, left), (height, width)) = (self.start(whole), self.size(whole));
        let rows = pixels.chunks_exact(whole.1.max(1)).skip(top).take(height);
        rows.flat_map(|row| row[left..left + width].iter().copied()).collect()
    }
}

impl Dataset {
    /// Each image cut into `rows` × `columns` tiles of equal size, which overlap by a pixel or so where they do not fit: of an
    /// image of 101×101, `tiles(2, 2)` are its quadrants of 51×51. Tiles are samples like others, with ids such as `575d24d81d_r0c1`, cut
    /// when asked for; [`assemble`](crate::Probabilities::assemble) makes of their predictions those of the whole images.
    /// Split before you cut, else tiles of one image are on both sides.
    ///
    /// ```
    /// let salt = tgs_salt::Competition::sample()?;
    /// let quadrants = salt.train.tiles(2, 2)?;
    /// assert_eq!(quadrants.len(), 4 * salt.train.len());
    /// assert_eq!(quadrants.get(0)?.image.height, 51);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] when rows or columns are not from 1 to 64.
    pub fn tiles(&self, rows: usize, columns: usize) -> Result<Dataset> {
        for (field, tiles) in [("rows of tiles", rows), ("columns of tiles", columns)] {
            if !(1..=MOST).contains(&tiles) {
                let expected = format!("from 1 to {MOST}");
                return Err(Error::Config { field, got: tiles.to_string(), expected });
            }
        }
        let entries = self.entries().flat_map(|entry| {
            let whole = Arc::new(entry.clone());
            Tile::all((rows, columns)).map(move |tile| tile_of(&whole, tile))
        });
        let entries = sort_by_id(entries.collect(), |entry| &entry.id);
        Ok(Dataset::from_entries(entries)?.with_names(self.class_names().to_vec()))
    }
}

fn tile_of(whole: &Arc<Entry>, tile: Tile) -> Entry {
    let mask = match whole.mask {
        MaskSource::None => MaskSource::None,
        _ => MaskSource::Tile(whole.clone(), tile),
    };
    Entry::new(Tile::name(&whole.id, tile.at), whole.z, ImageSource::Tile(whole.clone(), tile), mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_an_image_from_edge_to_edge() {
        for whole in [(101, 101), (350, 525), (7, 5), (3, 3)] {
            for grid in [(1, 1), (2, 2), (3, 4), (5, 2)] {
                let mut seen = vec![0; whole.0 * whole.1];
                for tile in Tile::all(grid) {
                    let ((top, left), (height, width)) = (tile.start(whole), tile.size(whole));
                    for row in top..top + height {
                        for column in left..left + width {
                            seen[row * whole.1 + column] += 1;
                        }
                    }
                }
                assert!(seen.iter().all(|&times| times > 0), "{whole:?} in {grid:?}");
            }
        }
        let starts: Vec<_> = Tile::all((2, 2)).map(|tile| tile.start((101, 101))).collect();
        assert_eq!(starts, [(0, 0), (0, 50), (50, 0), (50, 50)]);
    }

    #[test]
    fn a_tile_is_what_lies_there() {
        let pixels: Vec<u8> = (0..15).collect();
        let tile = Tile { grid: (2, 2), at: (1, 1) };
        assert_eq!((tile.size((3, 5)), tile.crop((3, 5), &pixels)), ((2, 3), vec![7, 8, 9, 12, 13, 14]));
        assert_eq!(Tile::name("a", tile.at), "a_r1c1");
    }
}
