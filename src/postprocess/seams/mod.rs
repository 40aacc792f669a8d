//! What the known masks of the tiles above and below say of a tile's mask.
//!
//! Salt is a body that reaches down, and whoever drew the competition's masks drew them on whole sections: what leaves a tile
//! through its lowest row enters the tile below. Two habits of theirs are worth more than any border: a mask whose columns are
//! each salt or not all the height goes on like this tile after tile, and a tile that lies within the salt altogether has an empty
//! mask. Both were known to the participants (V. Gaitan's *Salt jigsaw puzzle* and what the winners wrote of their mosaics).
//!
//! How right each is was measured on the pairs of labelled tiles in the sections of [`Mosaics`](super::Mosaics), of 3,200 labelled
//! and 18,000 unlabelled tiles of the competition (`benches/refine.rs` prints it). Rows that meet agree in 92 % of their pixels,
//! columns that meet in 86 %, those of any two tiles in 63 %. Of the tiles beside one without salt a fifth has some: no rule came
//! of side by side. Nor of predicted components at a seam beyond which a known mask has nothing: of 640 predictions 3 changed without
//! them, none for the better.

#[cfg(test)]
mod tests;

use crate::types::Mask;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Rules for the mask of a tile from the known masks above and below it. A known mask above decides first: its lowest row has
/// no salt, salt all along, or salt in a part of it. Where its rule is off, the mask below decides.
///
/// | Name | Default | Meaning | Pairs | Score |
/// |---|---|---|---|---|
/// | `vertical_above` | true | above is a vertical mask, each column salt or not all the height: here are the same columns | 7 | 1.00 |
/// | `full_above` | true | above has salt all along its lowest row: here is the inside of the salt, whose mask is empty | 7 | 1.00 |
/// | `none_above` | true | above has no salt in its lowest row: here is none | 57 | 0.96 |
/// | `part_above` | false | above, not vertical, has salt in a part of its lowest row: here is salt in these columns, all the height | 19 | 0.72 |
/// | `vertical_below` | true | below is a vertical mask: here are the same columns | 12 | 0.87 |
/// | `none_below` | true | below is empty: here is salt all along the lowest row, or none at all | 62 | — |
/// | `reach` | 3 | how many tiles above a known mask is looked for, 1 or more; the nearest counts | | |
///
/// *Pairs* are of labelled tiles that a rule speaks of, *Score* is the competition's of what it says, to be held against a
/// network's on tiles with salt; `none_below` says which of two, 55 were empty and 7 full. Two tiles away the first three score
/// 1.00, 1.00 and 0.98, three tiles away 1.00, 1.00 and 0.94; the others are of direct neighbours only. A known mask above
/// empties no tile that lies on known salt: what enters the tile below has to come through it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SeamRules {
    /// Above is a vertical mask: here are the same columns.
    pub vertical_above: bool,
    /// Above has salt all along its lowest row: here is the inside of the salt, whose mask is empty.
    pub full_above: bool,
    /// Above has no salt in its lowest row: here is none.
    pub none_above: bool,
    /// Above, not vertical, has salt in a part of its lowest row: here is salt in these columns, all the height.
    pub part_above: bool,
    /// Below is a vertical mask: here are the same columns.
    pub vertical_below: bool,
    /// Below is empty: here is salt all along the lowest row, or none at all.
    pub none_below: bool,
    /// How many tiles above a known mask is looked for; the nearest counts.
    pub reach: usize,
}

impl Default for SeamRules {
    fn default() -> Self {
        SeamRules::none().switched([true, true, true, false, true, true])
    }
}

/// What a known mask above has in its lowest row.
enum Above {
    None,
    Full,
    Vertical,
    Part,
}

impl SeamRules {
    setters! {
        SeamRules,
        /// Above is a vertical mask: here are the same columns.
        vertical_above: bool,
        /// Above has salt all along its lowest row: here is the inside of the salt, whose mask is empty.
        full_above: bool,
        /// Above has no salt in its lowest row: here is none.
        none_above: bool,
        /// Above, not vertical, has salt in a part of its lowest row: here is salt in these columns, all the height.
        part_above: bool,
        /// Below is a vertical mask: here are the same columns.
        vertical_below: bool,
        /// Below is empty: here is salt all along the lowest row, or none at all.
        none_below: bool,
        /// How many tiles above a known mask is looked for; the nearest counts.
        reach: usize,
    }

    /// The names of the rules, in the order of the table.
    pub const NAMES: [&'static str; 6] =
        ["vertical_above", "full_above", "none_above", "part_above", "vertical_below", "none_below"];

    /// No rule: masks stay as they are.
    pub fn none() -> SeamRules {
        SeamRules {
            vertical_above: false,
            full_above: false,
            none_above: false,
            part_above: false,
            vertical_below: false,
            none_below: false,
            reach: 3,
        }
    }

    /// Which rules are on, in the order of [`SeamRules::NAMES`].
    pub fn switches(&self) -> [bool; 6] {
        [
            self.vertical_above,
            self.full_above,
            self.none_above,
            self.part_above,
            self.vertical_below,
            self.none_below,
        ]
    }

    /// The rules with these switches, in the order of [`SeamRules::NAMES`].
    pub(crate) fn switched(self, on: [bool; 6]) -> SeamRules {
        let [vertical_above, full_above, none_above, part_above, vertical_below, none_below] = on;
        SeamRules { vertical_above, full_above, none_above, part_above, vertical_below, none_below, ..self }
    }

    /// The mask of a tile between two others, as far as theirs are known.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let predicted = Mask::new(2, 3, vec![0, 1, 1, 0, 0, 1])?;
    /// let above = Mask::new(2, 3, vec![0, 1, 0, 0, 1, 0])?; // vertical: its columns go on
    /// let mask = SeamRules::default().mask(&predicted, Some(&above), None)?;
    /// assert_eq!(mask.pixels(), above.pixels());
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] when a mask is of another size or of several classes.
    pub fn mask(&self, mask: &Mask, above: Option<&Mask>, below: Option<&Mask>) -> Result<Mask> {
        for (what, other) in [("mask of the tile above", above), ("mask of the tile below", below)] {
            let Some(other) = other else { continue };
            one_class("mask of the tile", mask)?;
            one_class(what, other)?;
            same_size(what, mask, other)?;
        }
        let from_above = above.and_then(|above| self.by_above(mask, above, below));
        let from_below = || below.and_then(|below| self.by_below(mask, below));
        Ok(from_above.or_else(from_below).unwrap_or_else(|| mask.clone()))
    }

    fn by_above(&self, mask: &Mask, above: &Mask, below: Option<&Mask>) -> Option<Mask> {
        let lowest = lowest_row(above);
        let columns = || mask.with(|at| lowest[at % lowest.len()] == 1);
        // Salt that enters the tile below has to come through this one.
        let may_be_empty = below.is_none_or(|below| topmost_row(below).iter().all(|&p| p == 0));
        match seen_above(above) {
            Above::None => (self.none_above && may_be_empty).then(|| mask.with(|_| false)),
            Above::Full => (self.full_above && may_be_empty).then(|| mask.with(|_| false)),
            Above::Vertical => self.vertical_above.then(columns),
            Above::Part => self.part_above.then(columns),
        }
    }

    fn by_below(&self, mask: &Mask, below: &Mask) -> Option<Mask> {
        if below.is_empty() {
            // Predicted salt is rarely whole: more than half of the row stands for all of it.
            let lowest = lowest_row(mask);
            let is_full = 2 * lowest.iter().filter(|&&p| p == 1).count() > lowest.len();
            return (self.none_below && !is_full).then(|| mask.with(|_| false));
        }
        let columns = topmost_row(below);
        let goes_on = self.vertical_below && is_vertical(below);
        goes_on.then(|| mask.with(|at| columns[at % columns.len()] == 1))
    }
}

/// True where each column is salt or not, all the height, and there are both.
fn is_vertical(mask: &Mask) -> bool {
    let first = topmost_row(mask);
    first.contains(&1) && first.contains(&0) && mask.pixels().chunks(mask.width()).all(|row| row == first)
}

fn seen_above(above: &Mask) -> Above {
    let lowest = lowest_row(above);
    match (lowest.contains(&1), lowest.contains(&0)) {
        (false, _) => Above::None,
        (_, false) => Above::Full,
        _ if is_vertical(above) => Above::Vertical,
        _ => Above::Part,
    }
}

fn topmost_row(mask: &Mask) -> &[u8] {
    &mask.pixels()[..mask.width()]
}

fn lowest_row(mask: &Mask) -> &[u8] {
    &mask.pixels()[mask.pixels().len() - mask.width()..]
}

fn one_class(what: &str, mask: &Mask) -> Result<()> {
    if mask.classes() == 1 {
        return Ok(());
    }
    Err(Error::Shape {
        what: what.into(),
        expected: "1 class: these are rules for salt".into(),
        got: mask.classes().to_string(),
        hint: "take one class, with `mask.class(i)`".into(),
    })
}

fn same_size(what: &str, mask: &Mask, other: &Mask) -> Result<()> {
    if (mask.height(), mask.width()) == (other.height(), other.width()) {
        return Ok(());
    }
    Err(Error::Shape {
        what: what.into(),
        expected: format!("{}×{} as the tile", mask.height(), mask.width()),
        got: format!("{}×{}", other.height(), other.width()),
        hint: "tiles of a mosaic are of one size".into(),
    })
}

impl std::fmt::Debug for SeamRules {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let on: Vec<&str> = SeamRules::NAMES
            .into_iter()
            .zip(self.switches())
            .filter(|(_, on)| *on)
            .map(|(name, _)| name)
            .collect();
        match on.is_empty() {
            true => f.write_str("SeamRules: none"),
            false => write!(f, "SeamRules: {}, known masks up to {} above", on.join(", "), self.reach),
        }
    }
}
