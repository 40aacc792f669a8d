//! What can be set of the search for neighbours.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// When two patches are taken for neighbours.
///
/// The defaults are the rule of the notebook in R, but for edges that are extrapolated by half a row: there both sides say what
/// is in the seam itself, and more of the pairs to the right are found. On the competition's images every ring of four accepted
/// pairs closes.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `extrapolate` | 0.5 | by how many rows an edge is extrapolated outward; at ½ both sides meet in the seam | 0 to 1 |
/// | `own_scale` | true | each edge is z-scored by its own mean and deviation; false: by those of all edges of its side | |
/// | `up`, `down`, `left`, `right` | 10 | the distance below which an image's nearest edge on that side is accepted | > 0 |
/// | `compatibility` | 0.25 | how much nearer the nearest has to be than the second, `1 − d₁ / d₂`; 0 switches it off | 0 ≤ … < 1 |
/// | `mutual` | true | both have to accept each other | |
///
/// A distance is Euclidean, as in the notebooks: z-scored edges of 101 pixels that have nothing in common are about
/// `√(2·101) = 14` apart, those of neighbours 2 to 6.
///
/// ```
/// use tgs_salt::prelude::*;
/// let strict = MosaicSearch::default().compatibility(0.4);
/// assert_eq!((strict.right, MosaicSearch::kernel().right), (10.0, 0.65));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MosaicSearch {
    /// By how many rows an edge is extrapolated outward.
    pub extrapolate: f64,
    /// Whether each edge is z-scored by itself.
    pub own_scale: bool,
    /// The distance below which a neighbour above is accepted.
    pub up: f64,
    /// The distance below which a neighbour below is accepted.
    pub down: f64,
    /// The distance below which a neighbour to the left is accepted.
    pub left: f64,
    /// The distance below which a neighbour to the right is accepted.
    pub right: f64,
    /// How much nearer the nearest has to be than the second nearest.
    pub compatibility: f64,
    /// Whether both have to accept each other.
    pub mutual: bool,
}

impl Default for MosaicSearch {
    fn default() -> Self {
        MosaicSearch {
            extrapolate: 0.5,
            own_scale: true,
            up: 10.0,
            down: 10.0,
            left: 10.0,
            right: 10.0,
            compatibility: 0.25,
            mutual: true,
        }
    }
}

impl MosaicSearch {
    /// As the public notebook in Python: edges one row outward, all of a side z-scored together, the nearest one below 0.4 (to
    /// the right 0.65). On the competition's images most of what it finds is wrong: edges without contrast are near each other.
    pub fn kernel() -> MosaicSearch {
        MosaicSearch {
            extrapolate: 1.0,
            own_scale: false,
            right: 0.65,
            compatibility: 0.0,
            mutual: false,
            ..MosaicSearch::default().within(0.4)
        }
    }

    setters! {
        MosaicSearch,
        /// By how many rows an edge is extrapolated outward.
        extrapolate: f64,
        /// Whether each edge is z-scored by itself.
        own_scale: bool,
        /// The distance below which a neighbour above is accepted.
        up: f64,
        /// The distance below which a neighbour below is accepted.
        down: f64,
        /// The distance below which a neighbour to the left is accepted.
        left: f64,
        /// The distance below which a neighbour to the right is accepted.
        right: f64,
        /// How much nearer the nearest has to be than the second nearest.
        compatibility: f64,
        /// Whether both have to accept each other.
        mutual: bool,
    }

    /// The same distance for all four sides.
    pub fn within(self, distance: f64) -> MosaicSearch {
        MosaicSearch { up: distance, down: distance, left: distance, right: distance, ..self }
    }

    /// # Errors
    /// [`Error::Config`] for the first setting that is out of its range.
    pub(super) fn check(&self) -> Result<()> {
        let distance = |field, value: f64| (field, value > 0.0, value, "a distance above 0");
        let rules = [
            (
                "extrapolate",
                (0.0..=1.0).contains(&self.extrapolate),
                self.extrapolate,
                "from 0 to 1 row outward",
            ),
            distance("up", self.up),
            distance("down", self.down),
            distance("left", self.left),
            distance("right", self.right),
            (
                "compatibility",
                (0.0..1.0).contains(&self.compatibility),
                self.compatibility,
                "0 or more, and below 1",
            ),
        ];
        match rules.into_iter().find(|(_, is_right, ..)| !is_right) {
            Some((field, _, got, expected)) => {
                Err(Error::Config { field, got: got.to_string(), expected: expected.into() })
            }
            None => Ok(()),
        }
    }
}
