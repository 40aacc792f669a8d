//! What a search for neighbours gave.

use super::assembly::{Place, assemble};
use super::edges::{AllEdges, Side};
use super::links;
use super::nearest::distance;
use super::{MosaicSearch, Section, SectionTile};
use crate::types::Dataset;
use crate::{Error, Result};

/// The sections that a dataset's images were cut from, as far as they could be put together again.
///
/// Sections and neighbours agree: who lies next to whom in a section is its neighbour.
#[derive(Clone)]
pub struct Mosaics {
    /// What the search met with.
    pub counts: MosaicCounts,
    /// Sorted.
    ids: Vec<String>,
    /// The section of each id.
    section: Vec<Option<usize>>,
    /// Largest first.
    sections: Vec<Section>,
}

/// What a search for neighbours met with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MosaicCounts {
    /// Images that were looked at.
    pub images: usize,
    /// Of these, images of one grey all over, which have no neighbours.
    pub blank: usize,
    /// Images that have found a neighbour above.
    pub up: usize,
    /// Images that have found a neighbour below.
    pub down: usize,
    /// Images that have found a neighbour to the left.
    pub left: usize,
    /// Images that have found a neighbour to the right.
    pub right: usize,
    /// Pairs that contradict nearer ones, and are left out.
    pub contradictions: usize,
}

/// The neighbours of an image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbours {
    /// The image above.
    pub up: Option<Neighbour>,
    /// The image below.
    pub down: Option<Neighbour>,
    /// The image to the left.
    pub left: Option<Neighbour>,
    /// The image to the right.
    pub right: Option<Neighbour>,
}

/// A neighbour of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbour {
    /// Its id.
    pub id: String,
    /// How far apart the two edges are, as [`MosaicSearch`] measures it; none where one of them is constant.
    pub distance: Option<f64>,
}

impl Mosaics {
    /// Looks for the neighbours of all images of a dataset, training and test images together: patches of both were cut from
    /// the same sections. All cores; the same result with any number of them. 22,000 images take some seconds.
    ///
    /// ```no_run
    /// use tgs_salt::prelude::*;
    /// let salt = Competition::open("../data/tgs-salt")?;
    /// let all = salt.train.join(&salt.test)?;
    /// let mosaics = Mosaics::find(&all, &MosaicSearch::default())?;
    /// let largest = mosaics.section(0)?.image(&all)?;
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] when a setting is out of range or there is no image; [`Error::Shape`] when images differ in size;
    /// [`Error::Image`] for an amplitude at an edge that is not finite; as [`Dataset::get`].
    pub fn find(dataset: &Dataset, search: &MosaicSearch) -> Result<Mosaics> {
        search.check()?;
        let edges = AllEdges::read(dataset, search)?;
        let found = links::find(&edges, search);
        let (placed, contradictions) = assemble(dataset.len(), &found.links);
        let ids = dataset.ids();
        let mut sections: Vec<Section> =
            placed.into_iter().map(|places| section(&places, &ids, &edges)).collect();
        let first = |section: &Section| section.tiles.first().map(|tile| tile.id.clone());
        sections.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| first(a).cmp(&first(b))));
        let mut section = vec![None; ids.len()];
        for (number, tile) in
            sections.iter().enumerate().flat_map(|(i, s)| s.tiles.iter().map(move |t| (i, t)))
        {
            if let Ok(at) = ids.binary_search(&tile.id) {
                section[at] = Some(number);
            }
        }
        let [up, down, left, right] = found.counts;
        let counts =
            MosaicCounts { images: ids.len(), blank: edges.blank, up, down, left, right, contradictions };
        Ok(Mosaics { counts, ids, section, sections })
    }

    /// How many sections there are.
    pub fn len(&self) -> usize {
        self.sections.len()
    }

    /// True when no image has found a neighbour.
    pub fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    /// The sections, those of most tiles first.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// A section, counted from 0, the largest.
    ///
    /// # Errors
    /// [`Error::Config`] when there is no such section.
    pub fn section(&self, i: usize) -> Result<&Section> {
        self.sections.get(i).ok_or_else(|| {
            let expected = format!("below the number of sections, {}", self.len());
            Error::Config { field: "i", got: i.to_string(), expected }
        })
    }

    /// The section that an image is in; none where no neighbour was found.
    ///
    /// # Errors
    /// [`Error::Id`] when the search did not see this image.
    pub fn section_of(&self, id: &str) -> Result<Option<&Section>> {
        match self.ids.binary_search_by(|other| other.as_str().cmp(id)) {
            Ok(at) => Ok(self.section[at].and_then(|number| self.sections.get(number))),
            Err(_) => {
                let why = format!("is not among the {} images that were looked at", self.ids.len());
                Err(Error::Id { id: id.into(), why })
            }
        }
    }

    /// Who lies next to an image in its section; nobody where no neighbour was found.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let salt = Competition::sample()?;
    /// let mosaics = Mosaics::find(&salt.train.join(&salt.test)?, &MosaicSearch::default())?;
    /// let first = &mosaics.section(0)?.tiles()[0]; // the first row's first tile
    /// let found = mosaics.neighbours(&first.id)?;
    /// assert!(found.up.is_none() && found.left.is_none());
    /// if let Some(right) = found.right {
    ///     assert_eq!(mosaics.neighbours(&right.id)?.left.map(|left| left.id), Some(first.id.clone()));
    /// }
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Id`] when the search did not see this image.
    pub fn neighbours(&self, id: &str) -> Result<Neighbours> {
        let Some(section) = self.section_of(id)? else { return Ok(Neighbours::default()) };
        let Some(tile) = section.tiles.iter().find(|tile| tile.id == id) else {
            return Ok(Neighbours::default());
        };
        let at = |row: Option<usize>, column: Option<usize>| section.tile(row?, column?);
        let neighbour = |tile: Option<&SectionTile>, distance: Option<f64>| {
            tile.map(|tile| Neighbour { id: tile.id.clone(), distance })
        };
        let (row, column) = (tile.row, tile.column);
        let up = at(row.checked_sub(1), Some(column));
        let left = at(Some(row), column.checked_sub(1));
        Ok(Neighbours {
            up: neighbour(up, up.and_then(|up| up.down)),
            down: neighbour(section.tile(row + 1, column), tile.down),
            left: neighbour(left, left.and_then(|left| left.right)),
            right: neighbour(section.tile(row, column + 1), tile.right),
        })
    }

    /// The ids of each section, sorted: what has to stay on one side of a split, for [`Dataset::split_together`] and
    /// [`Dataset::folds_together`].
    pub fn groups(&self) -> Vec<Vec<String>> {
        self.sections.iter().map(Section::ids).collect()
    }

    /// The images that were looked at, sorted.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }
}

/// A section whose rows and columns count from 0.
fn section(places: &[Place], ids: &[String], edges: &AllEdges) -> Section {
    let least = |pick: fn((i32, i32)) -> i32| places.iter().map(|place| pick(place.1)).min().unwrap_or(0);
    let (top, left) = (least(|place| place.0), least(|place| place.1));
    let mut sorted: Vec<(usize, usize, u32)> = places
        .iter()
        .map(|&(image, (row, column))| ((row - top) as usize, (column - left) as usize, image))
        .collect();
    sorted.sort_unstable();
    let at = |row: usize, column: usize| {
        let found = sorted.binary_search_by_key(&(row, column), |&(row, column, _)| (row, column));
        found.ok().map(|at| sorted[at].2)
    };
    let apart = |from: (Side, u32), to: (Side, Option<u32>)| {
        let (a, b) = (edges.side(from.0).of_image(from.1)?, edges.side(to.0).of_image(to.1?)?);
        Some(distance(a, b))
    };
    let tile = |&(row, column, image): &(usize, usize, u32)| SectionTile {
        id: ids[image as usize].clone(),
        row,
        column,
        down: apart((Side::Down, image), (Side::Up, at(row + 1, column))),
        right: apart((Side::Right, image), (Side::Left, at(row, column + 1))),
    };
    let tiles: Vec<SectionTile> = sorted.iter().map(tile).collect();
    let most = |pick: fn(&SectionTile) -> usize| tiles.iter().map(pick).max().map_or(0, |most| most + 1);
    let (rows, columns) = (most(|tile| tile.row), most(|tile| tile.column));
    Section { rows, columns, tiles, tile_size: edges.size }
}

impl std::fmt::Debug for Mosaics {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let placed: usize = self.sections.iter().map(Section::len).sum();
        write!(f, "Mosaics of {} images: {placed} of them in {} sections", self.ids.len(), self.len())?;
        match self.sections.first() {
            Some(first) => {
                write!(f, ", the largest {}×{} with {} tiles", first.rows, first.columns, first.len())
            }
            None => Ok(()),
        }
    }
}
