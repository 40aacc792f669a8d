//! What is done to masks and probabilities after the network: a dense CRF draws their borders along those of the image,
//! small objects and holes go.

mod components;
mod crf;

pub use components::{Component, ComponentRule, Components, Connectivity};
pub use crf::Crf;
pub(crate) use crf::Workspace;
