//! Mosaics as a card and as a table.

#[cfg(feature = "frames")]
use polars::prelude::{Column, DataFrame};

use crate::plot::html::Card;
use crate::plot::text::{count, percent};
use crate::postprocess::{Mosaics, Section};
#[cfg(feature = "frames")]
use crate::{Error, Result, postprocess::Neighbour};

/// Sections are counted by their tiles: from so many to so many.
const SIZES: [(usize, usize, &str); 7] = [
    (2, 2, "2"),
    (3, 3, "3"),
    (4, 5, "4–5"),
    (6, 9, "6–9"),
    (10, 19, "10–19"),
    (20, 49, "20–49"),
    (50, usize::MAX, "50–"),
];

impl Mosaics {
    /// Shows a card in a cell of the notebook: how many images have found neighbours, how large the sections are.
    pub fn evcxr_display(&self) {
        self.card().display(self);
    }

    pub(crate) fn card(&self) -> Card {
        let counts = &self.counts;
        let placed: usize = self.sections().iter().map(Section::len).sum();
        let share = percent(placed as f64 / counts.images.max(1) as f64);
        let largest = self.sections().first().map_or("–".to_owned(), |first| {
            format!("{} tiles in {}×{}", first.len(), first.rows(), first.columns())
        });
        let sizes = SIZES.map(|(from, to, name)| {
            let inside = self.sections().iter().filter(|section| (from..=to).contains(&section.len()));
            (name.to_owned(), inside.count())
        });
        Card::new("Mosaics")
            .row("images", &[count(counts.images)])
            .row("of one grey", &[count(counts.blank)])
            .row("have found a neighbour above", &[count(counts.up)])
            .row("below", &[count(counts.down)])
            .row("to the left", &[count(counts.left)])
            .row("to the right", &[count(counts.right)])
            .row("pairs that contradict nearer ones", &[count(counts.contradictions)])
            .row("in a section", &[format!("{}, {share}", count(placed))])
            .row("sections", &[count(self.len())])
            .row("the largest", &[largest])
            .bars("sections by number of tiles", &sizes)
    }
}

#[cfg(feature = "frames")]
impl Mosaics {
    /// A polars DataFrame with a row per image: `id`, `section` (0 is the largest), `row`, `column`, the ids of its neighbours
    /// `up`, `down`, `left`, `right`, and how far apart the edges are, `up_distance` and so on; null where there is none.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let salt = Competition::sample()?;
    /// let mosaics = Mosaics::find(&salt.train, &MosaicSearch::default())?;
    /// assert_eq!(mosaics.table()?.shape(), (400, 12));
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Figure`] when polars refuses the columns.
    pub fn table(&self) -> Result<DataFrame> {
        let images = self.ids().len();
        let mut places: Vec<[Option<u32>; 3]> = vec![[None; 3]; images];
        for (number, section) in self.sections().iter().enumerate() {
            for tile in section.tiles() {
                if let Ok(at) = self.ids().binary_search(&tile.id) {
                    places[at] = [number, tile.row, tile.column].map(|value| Some(value as u32));
                }
            }
        }
        let mut columns = vec![Column::new("id".into(), self.ids())];
        for (i, name) in ["section", "row", "column"].into_iter().enumerate() {
            columns.push(Column::new(name.into(), places.iter().map(|place| place[i]).collect::<Vec<_>>()));
        }
        let neighbours = self.ids().iter().map(|id| self.neighbours(id)).collect::<Result<Vec<_>>>()?;
        let side = |i: usize| -> Vec<Option<&Neighbour>> {
            neighbours.iter().map(|n| [&n.up, &n.down, &n.left, &n.right][i].as_ref()).collect()
        };
        let names = ["up", "down", "left", "right"];
        for (i, name) in names.into_iter().enumerate() {
            let ids: Vec<Option<&str>> = side(i).into_iter().map(|n| n.map(|n| n.id.as_str())).collect();
            columns.push(Column::new(name.into(), ids));
        }
        for (i, name) in names.into_iter().enumerate() {
            let distances: Vec<Option<f64>> =
                side(i).into_iter().map(|n| n.and_then(|n| n.distance)).collect();
            columns.push(Column::new(format!("{name}_distance").into(), distances));
        }
        DataFrame::new(images, columns)
            .map_err(|e| Error::Figure { what: "table".into(), why: e.to_string() })
    }
}
