//! Training: batches, losses and steps, epoch by epoch, with a checkpoint after each; cross-validation and pseudo-labels
//! over it.

mod averaging;
mod config;
mod cross_validation;
mod first_batch;
mod fold_labels;
mod fold_run;
mod folds;
mod history;
mod labelling;
mod lr_find;
mod metric;
mod objective;
#[cfg(all(test, feature = "cuda"))]
mod on_device;
mod pass;
mod pending;
mod progress;
mod pseudo_labels;
mod recipe;
mod run;
mod run_folder;
mod schedule;
mod step;
mod trainer;
mod validation;

pub use config::TrainConfig;
pub use cross_validation::{CrossValidation, Fold};
pub use fold_labels::FoldLabels;
pub use folds::Folds;
pub use history::{Epoch, History};
pub use lr_find::LrFind;
pub use metric::Metric;
pub use pseudo_labels::{PseudoLabelled, PseudoLabels, Trust};
pub use recipe::Recipe;
pub use run::Run;
pub use schedule::Schedule;
