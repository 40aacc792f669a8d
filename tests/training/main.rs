//! Training, and the whole job around it, on a few samples of the embedded survey.

mod averages;
mod folder;
mod job;
mod recipes;
mod resume;
mod steps;

use std::collections::BTreeMap;
use std::path::Path;
use tgs_salt::models::checkpoint_tensors;
use tgs_salt::prelude::*;

fn network() -> Architecture {
    Unet::new(Encoder::Plain).depth(2).base_filters(4).seed(1)
}

fn tiny() -> Model {
    network().build(&Device::Cpu).unwrap()
}

/// Images with and without salt, the same each time.
fn few(images: usize) -> (Dataset, Dataset) {
    let salt = Competition::sample().unwrap();
    let ids = salt.train.ids();
    let ids: Vec<&str> = ids.iter().step_by(400 / images).map(String::as_str).collect();
    salt.train.select(&ids).unwrap().split(0.25, 7).unwrap()
}

fn config(folder: &Path) -> TrainConfig {
    TrainConfig::default().epochs(3).batch_size(4).learning_rate(3e-3).run_folder(folder)
}

/// The tensors of a checkpoint, by name.
fn tensors(path: impl AsRef<Path>) -> BTreeMap<String, Vec<f32>> {
    checkpoint_tensors(path).unwrap().into_iter().collect()
}

/// Trains a new model and gives the checkpoint `last.safetensors`.
fn trained(network: &Architecture, config: &TrainConfig) -> (History, BTreeMap<String, Vec<f32>>) {
    let (train, valid) = few(20);
    let history = network.build(&Device::Cpu).unwrap().train(&train, &valid, config).unwrap();
    (history, tensors(config.run_folder.join("last.safetensors")))
}
