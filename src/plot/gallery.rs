//! Galleries: many images at a glance, each with its caption above, salt outlined.

use plotters::element::BitMapElement;
use plotters::style::text_anchor::HPos;

use rayon::prelude::*;

use crate::plot::figure::{Canvas, Figure, Painted};
use crate::plot::style::{self, FAINT_INK, HEADER, INK, Legend, MARGIN, Text, WIDTH};
use crate::plot::tile::{Picture, Tile};
use crate::{Error, Result};

/// The most pictures of one gallery: more are too small to see and make a notebook heavy.
pub(crate) const MOST: usize = 96;
const GAP: i32 = 18;
const GROUP_GAP: i32 = 44;
/// Height of a caption's two lines, with the white above and below.
const CAPTION: i32 = 82;
/// White below a row.
const BELOW: i32 = 14;

/// A gallery to be drawn: tiles row by row, in groups that stay together.
pub(crate) struct Gallery {
    pub(crate) title: String,
    pub(crate) legend: Vec<Legend>,
    pub(crate) tiles: Vec<Tile>,
    /// How many tiles belong together, at least 1.
    pub(crate) group: usize,
}

/// Where the tiles stand.
struct Grid {
    columns: i32,
    side: i32,
    /// Height of a row's pictures, at most `side`.
    tall: i32,
    group: i32,
}

impl Grid {
    /// Few pictures are large, many are small; never more than eight columns of single pictures.
    fn new(tiles: usize, group: usize) -> Grid {
        let group = group.clamp(1, 6) as i32;
        let columns = match (group, tiles) {
            (1, 0..=6) => tiles.max(3) as i32,
            (1, 7..=8) => 4,
            (1, 9..=10) => 5,
            (1, 13..=14) => 7,
            (1, 11..=30) => 6,
            (1, _) => 8,
            _ if tiles as i32 <= group => group,
            // Two pairs in a row are large enough to compare, three where that fills the rows better.
            (2, 8) => 4,
            _ => group * (6 / group),
        };
        let gaps = (columns - columns / group) * GAP
            + (columns / group - 1) * (if group > 1 { GROUP_GAP } else { GAP });
        let side = (WIDTH as i32 - 2 * MARGIN - gaps) / columns;
        Grid { columns, side, tall: side, group }
    }

    fn height(&self, tiles: usize) -> u32 {
        let rows = (tiles as i32 + self.columns - 1) / self.columns;
        (HEADER + rows * (CAPTION + self.tall + BELOW) + MARGIN - BELOW) as u32
    }

    /// Upper left corner of a tile's caption.
    fn at(&self, tile: usize) -> (i32, i32) {
        let (row, column) = (tile as i32 / self.columns, tile as i32 % self.columns);
        let between = if self.group > 1 { column / self.group * (GROUP_GAP - GAP) } else { 0 };
        (MARGIN + column * (self.side + GAP) + between, HEADER + row * (CAPTION + self.tall + BELOW))
    }
}

impl Gallery {
    /// Draws it.
    ///
    /// # Errors
    /// [`Error::Figure`] without any tile, or when an image, its pixels and its masks differ in size.
    pub(crate) fn draw(&self) -> Result<Figure> {
        if self.tiles.is_empty() {
            let why = "there is no image to show".to_owned();
            return Err(Error::Figure { what: format!("gallery {:?}", self.title), why });
        }
        let mut grid = Grid::new(self.tiles.len(), self.group);
        let pictures: Vec<Picture> =
            self.tiles.par_iter().map(|t| t.picture(grid.side.max(1) as u32)).collect::<Result<_>>()?;
        grid.tall = pictures.iter().map(|picture| picture.height as i32).max().unwrap_or(grid.side);
        Figure::draw("gallery", (WIDTH, grid.height(self.tiles.len())), |canvas| {
            style::header(canvas, &self.title, &self.legend)?;
            for (i, (tile, picture)) in self.tiles.iter().zip(pictures).enumerate() {
                paint(canvas, tile, picture, (grid.at(i), grid.side))?;
            }
            Ok(())
        })
    }
}

fn paint(canvas: &Canvas, tile: &Tile, picture: Picture, ((x, y), side): ((i32, i32), i32)) -> Painted {
    let title = Text::Bold.fit(&tile.title, side);
    Text::Bold.draw(canvas, &title, (x, y + 22), (HPos::Left, INK))?;
    let detail = Text::Small.fit(&tile.detail, side);
    Text::Small.draw(canvas, &detail, (x, y + 54), (HPos::Left, FAINT_INK))?;
    let size = (picture.width, picture.height);
    let element = BitMapElement::with_owned_buffer((x, y + CAPTION - 8), size, picture.rgb);
    Ok(canvas.draw(&element.ok_or("a picture has not the size of its pixels")?)?)
}
