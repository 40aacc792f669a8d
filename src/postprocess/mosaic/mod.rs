//! Mosaics: which patches were neighbours in the section that they were cut from, found by their edges.
//!
//! The idea and the numbers are those of two public notebooks of the competition: V. Gaitan's
//! [Salt jigsaw puzzle](https://www.kaggle.com/vicensgaitan/salt-jigsaw-puzzle), in R, whose mosaics the winners used, and a
//! shorter one after it in Python ([`MosaicSearch::kernel`]). An edge is extrapolated outward, `e + r (e − e')` with `e'` the row
//! or column inside of it, and z-scored. Of the edges that may lie opposite, the nearest one is the neighbour's, if it is near
//! enough, clearly nearer than the second nearest (the compatibility `1 − d₁ / d₂` of Pomeranz et al., *A fully automated greedy
//! square jigsaw puzzle solver*, CVPR 2011), and finds this one nearest too.
//!
//! Links are taken from the shortest distance upwards and grow sections of tiles; one that contradicts those before it, because
//! a tile would lie at two places or on another, is left out and counted.

mod assembly;
mod edges;
mod links;
mod mosaics;
mod nearest;
mod search;
mod section;
#[cfg(test)]
mod tests;

pub use self::mosaics::{MosaicCounts, Mosaics, Neighbour, Neighbours};
pub use self::search::MosaicSearch;
pub use self::section::{Section, SectionTile};
