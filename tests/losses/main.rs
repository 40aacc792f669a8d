//! The losses against PyTorch and segmentation_models.pytorch, against plain loops in double precision, and in training.

mod differences;
#[path = "../nn_layers/gradients.rs"]
mod gradients;
#[path = "../python/mod.rs"]
mod python;
mod reference;
mod threads;
mod training;
