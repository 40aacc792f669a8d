//! A run that was interrupted ends in the same bits as one that was not.

use super::{config, few, network, tensors};
use std::path::Path;
use tgs_salt::prelude::*;

/// Stops the run in `folder` after its first epoch.
fn stopped(network: &Architecture, config: &TrainConfig) -> History {
    let folder = config.run_folder.clone();
    let stopper = std::thread::spawn(move || {
        while !folder.join("last.safetensors").exists() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        std::fs::write(folder.join("STOP"), "").unwrap();
    });
    let (train, valid) = few(40);
    let history = network.build(&Device::Cpu).unwrap().train(&train, &valid, config).unwrap();
    stopper.join().unwrap();
    history
}

fn check(network: &Architecture, change: impl Fn(TrainConfig) -> TrainConfig) {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config = |folder: &Path| change(config(folder).epochs(4));
    let (train, valid) = few(40);
    network.build(&Device::Cpu).unwrap().train(&train, &valid, &config(whole.path())).unwrap();

    let history = stopped(network, &config(parts.path()));
    assert!(history.ended.contains("STOP") && history.epochs.len() < 4, "{history:?}");
    let mut model = network.build(&Device::Cpu).unwrap();
    let history = model.train(&train, &valid, &config(parts.path()).resume(true)).unwrap();
    assert_eq!(history.epochs.len(), 4);
    for file in std::fs::read_dir(whole.path()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".safetensors") {
            assert!(tensors(parts.path().join(&name)) == tensors(whole.path().join(&name)), "{name} differs");
        }
    }
}

#[test]
fn with_moving_averages_and_accumulation() {
    let all = network().dropout(0.2).deep_supervision(true).presence_head(true);
    check(&all, |config| {
        config
            .optimizer(Optimizer::nadam())
            .ema(0.99)
            .accumulate(3)
            .warmup(1)
            .clip_norm(1.0)
            .side_weight(0.3)
            .loss_from(3, Loss::LovaszElu)
    });
}

#[test]
fn with_snapshots_and_stochastic_averages() {
    let cycles = Schedule::CosineRestarts { cycles: 4 };
    check(&network(), |config| {
        config.optimizer(Optimizer::sgd()).weight_decay(1e-3).schedule(cycles).swa_from(1)
    });
}

#[test]
fn with_layers_that_thaw() {
    let plateau = Schedule::ReduceOnPlateau { factor: 0.2, patience: 0 };
    check(&network().frozen(usize::MAX), |config| {
        let config = config.schedule(plateau).monitor(Metric::ValidLoss).unfreeze_at(2).encoder_rate(0.1);
        config.augment(Augment::strong()).optimizer(Optimizer::adamw()).weight_decay(0.01)
    });
}

#[test]
fn with_balanced_classes() {
    check(&network(), |config| config.sampling(Sampling::Balanced).augment(Augment::strong().mixup(0.3)));
}
