//! What is done to masks and probabilities after the network: a dense CRF draws their borders along those of the image; mosaics
//! tell which images are neighbours.

mod crf;
mod mosaic;

pub use crf::Crf;
pub(crate) use crf::Workspace;
pub use mosaic::{MosaicCounts, MosaicSearch, Mosaics, Neighbour, Neighbours, Section, SectionTile};
