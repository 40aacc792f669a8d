//! Training: batches, losses and steps, epoch by epoch, with a checkpoint after each.

mod config;
mod first_batch;
mod history;
mod objective;
#[cfg(all(test, feature = "cuda"))]
mod on_device;
mod pending;
mod progress;
mod run_folder;
mod schedule;
mod trainer;

pub use config::TrainConfig;
pub use history::{Epoch, History};
pub use schedule::Schedule;
