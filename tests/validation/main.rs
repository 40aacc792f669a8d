//! Test-time augmentation, ensembles, cross-validation and pseudo-labels, on small networks.

mod cross_validation;
mod ensembles;
mod pseudo_labels;
mod views;

use std::path::Path;
use tgs_salt::prelude::*;

fn tiny(seed: u64) -> Architecture {
    Unet::new(Encoder::Plain).depth(2).base_filters(2).seed(seed)
}

fn built(architecture: Architecture) -> Model {
    architecture.build(&Device::Cpu).unwrap()
}

/// So many images of the sample's training set, with and without salt, the same each time.
fn few(images: usize) -> Dataset {
    let train = Competition::sample().unwrap().train;
    let ids = train.ids();
    let ids: Vec<&str> = ids.iter().step_by(ids.len() / images).map(String::as_str).collect();
    train.select(&ids).unwrap()
}

fn config(folder: &Path) -> TrainConfig {
    TrainConfig::default().epochs(2).batch_size(4).learning_rate(1e-2).run_folder(folder)
}

/// Equal bit for bit.
fn assert_same(ours: &Probabilities, theirs: &Probabilities) {
    assert_eq!(ours.ids, theirs.ids);
    for id in &ours.ids {
        assert!(ours.get(id).unwrap() == theirs.get(id).unwrap(), "{id}");
    }
    assert_eq!(ours.presence_head(), theirs.presence_head());
    assert_eq!(ours.presence(), theirs.presence());
}
