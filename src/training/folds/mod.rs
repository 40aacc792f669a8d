//! Cross-validation, and pseudo-labels that keep its folds apart.

mod cross_validation;
mod labelling;
mod labels;
mod pseudo_labels;
mod run;
mod settings;

pub use cross_validation::{CrossValidation, Fold};
pub use labels::FoldLabels;
pub use pseudo_labels::{PseudoLabelled, PseudoLabels, Trust};
pub use settings::Folds;
