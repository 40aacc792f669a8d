//! What is done to masks and probabilities after the network: a dense CRF draws their borders along those of the image, small
//! objects and holes go; mosaics tell which images are neighbours, and what is known of them goes on across the seams.

mod components;
mod crf;
mod mosaic;
mod seams;

pub use components::{Component, ComponentRule, Components, Connectivity};
pub use crf::Crf;
pub(crate) use crf::Workspace;
pub use mosaic::{MosaicCounts, MosaicSearch, Mosaics, Neighbour, Neighbours, Section, SectionTile};
pub use seams::SeamRules;
