//! Training: batches, losses and steps, epoch by epoch, with a checkpoint after each; cross-validation and pseudo-labels
//! over it.

mod config;
mod cross_validation;
mod fold_labels;
mod fold_run;
mod folds;
mod history;
mod labelling;
mod objective;
#[cfg(all(test, feature = "cuda"))]
mod on_device;
mod pending;
mod progress;
mod pseudo_labels;
mod run_folder;
mod schedule;
mod trainer;

pub use config::TrainConfig;
pub use cross_validation::{CrossValidation, Fold};
pub use fold_labels::FoldLabels;
pub use folds::Folds;
pub use history::{Epoch, History};
pub use pseudo_labels::{PseudoLabelled, PseudoLabels, Trust};
pub use schedule::Schedule;
