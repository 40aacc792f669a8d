//! Steps, rates, and when to stop.

use super::{config, few, network, tensors, tiny, trained};
use std::path::Path;
use tgs_salt::prelude::*;

#[test]
fn batches_that_are_accumulated_step_as_one() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    // Without batch norm, which sees each batch by itself. The last batch is smaller than the others.
    let network = network().batch_norm(false);
    let sgd = |folder: &Path| config(folder).optimizer(Optimizer::sgd()).clip_norm(0.5).epochs(2);
    let (whole, one) = trained(&network, &sgd(folders[0].path()).batch_size(8));
    let (parts, two) = trained(&network, &sgd(folders[1].path()).batch_size(2).accumulate(4));
    for (whole, parts) in whole.epochs.iter().zip(&parts.epochs) {
        assert!((whole.train_loss - parts.train_loss).abs() < 1e-6, "{whole:?} {parts:?}");
    }
    for (name, values) in one {
        let apart = values.iter().zip(&two[&name]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 1e-5, "{name}: {apart}");
    }
}

/// Names of the encoder's weights, without what batch norm measures.
fn is_encoder(name: &str) -> bool {
    name.starts_with("encoder.") && !name.contains("running")
}

#[test]
fn frozen_layers_learn_from_their_epoch_on() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start.safetensors");
    tiny().save(&start).unwrap();
    let start = tensors(&start);
    let network = network().frozen(usize::MAX);
    let moved = |epochs: usize| {
        let (_, last) = trained(&network, &config(&folder.path().join("run")).epochs(epochs).unfreeze_at(3));
        start.iter().filter(|(name, values)| is_encoder(name) && last[*name] != **values).count()
    };
    assert_eq!((moved(2), moved(3) > 5), (0, true));
}

#[test]
fn the_encoder_has_a_rate_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start.safetensors");
    tiny().save(&start).unwrap();
    let start = tensors(&start);
    let (_, last) = trained(&network(), &config(&folder.path().join("run")).encoder_rate(0.0).epochs(1));
    for (name, values) in start.iter().filter(|(name, _)| !name.contains("running")) {
        assert_eq!(last[name] == *values, is_encoder(name), "{name}");
    }
}

#[test]
fn weight_decay_leaves_out_biases_and_norms() {
    let folder = tempfile::tempdir().unwrap();
    // A step that decay alone decides.
    let strong =
        config(folder.path()).optimizer(Optimizer::sgd()).learning_rate(1e-4).weight_decay(1e3).epochs(1);
    let (_, last) = trained(&network(), &strong);
    let (_, plain) = trained(&network(), &strong.weight_decay(0.0));
    let mean = |values: &[f32]| values.iter().map(|v| v.abs()).sum::<f32>() / values.len() as f32;
    for (name, values) in plain.iter().filter(|(name, _)| name.ends_with("weight")) {
        let is_norm = values.len() < 40 && values.iter().all(|v| (v - 1.0).abs() < 0.1);
        let shrunk = mean(&last[name]) / mean(values);
        if !name.starts_with("optimizer.") {
            assert_eq!(shrunk > 0.95, is_norm, "{name}: {shrunk}");
        }
    }
}

#[test]
fn the_rate_falls_on_a_plateau() {
    let folder = tempfile::tempdir().unwrap();
    let plateau = Schedule::ReduceOnPlateau { factor: 0.5, patience: 0 };
    // Weights that hardly move: nothing gets better by a ten-thousandth.
    let still = config(folder.path()).optimizer(Optimizer::sgd()).learning_rate(1e-12).epochs(4);
    let still = still.schedule(plateau).monitor(Metric::TrainLoss).augment(Augment::none());
    let network = network().batch_norm(false);
    let (history, _) = trained(&network, &still);
    let rates: Vec<f64> = history.epochs.iter().map(|epoch| epoch.learning_rate / 1e-12).collect();
    assert_eq!(rates, [1.0, 1.0, 0.5, 0.25]);
}

#[test]
fn the_best_epoch_is_that_of_the_monitored_metric() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) =
        trained(&network(), &config(folder.path()).monitor(Metric::ValidLoss).learning_rate(0.02));
    let best = history.epochs.iter().map(|epoch| epoch.valid_loss).fold(f64::MAX, f64::min);
    assert_eq!(history.best().unwrap().valid_loss, best);
    let (train, valid) = few(20);
    let mut model = tiny();
    // Nothing gets better than the first epoch when nothing moves.
    let still =
        config(&folder.path().join("still")).learning_rate(1e-20).epochs(9).patience(2).monitor(Metric::Dice);
    let history = model.train(&train, &valid, &still).unwrap();
    assert!(history.epochs.len() < 9 && history.ended.contains("dice"), "{history:?}");
}

#[test]
fn finding_a_rate_leaves_the_model_as_it_was() {
    let (train, _) = few(20);
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (folder.path().join("before"), folder.path().join("after"));
    let mut model = tiny();
    model.save(&before).unwrap();
    let found = model.lr_find(&train, &config(&folder.path().join("run"))).unwrap();
    model.save(&after).unwrap();
    assert!(tensors(&before) == tensors(&after));
    assert!((1e-6..0.5).contains(&found.suggestion) && found.curve.len() > 40, "{found:?}");
    assert!(found.curve.iter().any(|point| point.0 == found.suggestion));
    assert!(!folder.path().join("run").exists(), "it writes nothing");
    assert_eq!(found, tiny().lr_find(&train, &config(folder.path())).unwrap());
}

#[test]
fn a_loss_that_is_no_number_keeps_the_last_good_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (train, valid) = few(20);
    let explode = Schedule::Step { epochs: 1, factor: 1e30 };
    let mut model = tiny();
    let error = model.train(&train, &valid, &config(folder.path()).schedule(explode)).unwrap_err();
    assert!(matches!(error, Error::NotFinite { epoch: 2, .. }), "{error}");
    assert_eq!(Run::open(folder.path()).unwrap().history.epochs.len(), 1);
    assert!(tensors(folder.path().join("last.safetensors")).values().flatten().all(|v| v.is_finite()));
    let best = Model::load(folder.path().join("best.safetensors"), &Device::Cpu).unwrap();
    let id = &valid.ids()[0];
    let of = |model: &Model| model.predict(&valid).unwrap().get(id).unwrap();
    assert_eq!(of(&model), of(&best));
}

#[test]
fn bf16_is_for_gpus() {
    let (train, valid) = few(20);
    let config = config(Path::new("nowhere")).precision(Precision::Bf16);
    let message = tiny().train(&train, &valid, &config).unwrap_err().to_string();
    assert_eq!(message, "precision = Bf16: expected F32 for training on a CPU");
}

#[test]
fn another_loss_takes_over_at_its_epoch() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (plain, _) = trained(&network(), &config(folders[0].path()));
    let (then, _) = trained(&network(), &config(folders[1].path()).loss_from(3, Loss::Lovasz));
    let losses =
        |history: &History| history.epochs.iter().map(|e| (e.train_loss, e.valid_loss)).collect::<Vec<_>>();
    assert_eq!(losses(&plain)[..2], losses(&then)[..2]);
    assert!(losses(&then)[2].0 > losses(&plain)[2].0 + 0.1, "{then:?}");
    assert!(format!("{:?}", Run::open(folders[1].path()).unwrap()).contains("then lovasz from epoch 3"));
}

#[test]
fn balanced_classes_train_on_other_images_each_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let (train, valid) = few(20);
    let balanced = config(folder.path()).sampling(Sampling::Balanced);
    let mut model = tiny();
    let history = model.train(&train, &valid, &balanced).unwrap();
    assert_eq!(history.epochs.len(), 3);
    assert!(format!("{:?}", Run::open(folder.path()).unwrap()).contains("of balanced classes"));
    let other = tempfile::tempdir().unwrap();
    let shuffled = tiny().train(&train, &valid, &config(other.path())).unwrap();
    assert_ne!(history.epochs[0].train_loss, shuffled.epochs[0].train_loss);
    assert!(model.lr_find(&train, &balanced).is_ok() && model.show_batch(&train, &balanced).is_ok());
    let test = Competition::sample().unwrap().test;
    let error = model.show_batch(&test, &balanced).unwrap_err().to_string();
    assert!(error.contains("has no mask"), "{error}");
}
