//! Training: batches, losses and steps, epoch by epoch, with a checkpoint after each; cross-validation and pseudo-labels
//! over it.

mod averaging;
mod config;
mod first_batch;
mod folds;
mod history;
mod lr_find;
mod metric;
mod objective;
#[cfg(all(test, feature = "cuda"))]
mod on_device;
mod pass;
mod pending;
mod progress;
mod recipe;
mod run;
mod run_folder;
mod sampling;
mod schedule;
mod step;
mod trainer;
mod validation;

pub use config::TrainConfig;
pub use folds::{CrossValidation, Fold, FoldLabels, Folds, PseudoLabelled, PseudoLabels, Trust};
pub use history::{Epoch, History};
pub use lr_find::LrFind;
pub use metric::Metric;
pub use recipe::Recipe;
pub use run::Run;
pub use sampling::Sampling;
pub use schedule::Schedule;
