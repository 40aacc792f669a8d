//! From a trained network to probabilities, masks and scores.

mod evaluate;
mod predictions;
mod predictor;

pub use predictions::{Masks, Probabilities};
