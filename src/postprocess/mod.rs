//! What is done to masks and probabilities after the network: a dense CRF draws their borders along those of the image.

mod crf;

pub use crf::Crf;
pub(crate) use crf::Workspace;
