//! Training with each loss on the embedded sample.

use crate::differences::each;
use std::path::Path;
use tgs_salt::models::checkpoint_tensors;
use tgs_salt::prelude::*;

fn tiny() -> Model {
    let network = Unet::new(Encoder::Plain).depth(1).base_filters(4).seed(1).deep_supervision(true);
    network.presence_head(true).build(&Device::Cpu).unwrap()
}

/// Images with and without salt, the same each time.
fn few(images: usize) -> (Dataset, Dataset) {
    let salt = Competition::sample().unwrap();
    let ids = salt.train.ids();
    let ids: Vec<&str> = ids.iter().step_by(400 / images).map(String::as_str).collect();
    salt.train.select(&ids).unwrap().split(0.25, 7).unwrap()
}

fn config(folder: &Path, loss: Loss) -> TrainConfig {
    TrainConfig::default().epochs(3).batch_size(4).learning_rate(1e-2).run_folder(folder).loss(loss)
}

#[test]
fn every_loss_goes_down() {
    let (train, valid) = few(10);
    for loss in each() {
        let folder = tempfile::tempdir().unwrap();
        // One batch, always the same.
        let still = Augment::none();
        let config = config(folder.path(), loss.clone()).epochs(8).batch_size(100).augment(still);
        let history = tiny().train(&train, &valid, &config).unwrap();
        let losses: Vec<f64> = history.epochs.iter().map(|epoch| epoch.train_loss).collect();
        assert!(losses.len() == 8 && losses[7] < 0.98 * losses[0], "{loss}: {losses:?}");
        assert!(history.epochs.iter().all(|epoch| epoch.valid_loss.is_finite()), "{loss}: {history:?}");
    }
}

#[test]
fn the_validation_loss_is_that_of_the_settings() {
    let (train, valid) = few(20);
    let folder = tempfile::tempdir().unwrap();
    let loss = Loss::sum([(0.5, Loss::Dice), (0.25, Loss::Lovasz)]);
    let config = config(folder.path(), loss.clone()).epochs(1).batch_size(100);
    let mut model = tiny();
    let history = model.train(&train, &valid, &config).unwrap();
    let probabilities = model.predict(&valid).unwrap();
    let values = |of: &dyn Fn(&Sample) -> Vec<f32>| -> Tensor {
        let values: Vec<f32> = valid.samples().unwrap().iter().flat_map(of).collect();
        Tensor::from_vec(values, (valid.len(), 1, 101, 101), &Device::Cpu).unwrap()
    };
    let logit = |p: &f32| (f64::from(*p) / (1.0 - f64::from(*p))).ln() as f32;
    let logits = values(&|sample| probabilities.get(&sample.id).unwrap().pixels.iter().map(logit).collect());
    let mask =
        |sample: &Sample| sample.mask.as_ref().unwrap().pixels().iter().map(|&p| f32::from(p)).collect();
    let expected = loss.compute(&logits, &values(&mask)).unwrap().to_scalar::<f32>().unwrap();
    let got = history.epochs[0].valid_loss;
    assert!((got - f64::from(expected)).abs() < 1e-4, "{got} instead of {expected}");
}

#[test]
fn a_stopped_run_resumes_to_the_same_bits() {
    let (train, valid) = few(40);
    let loss = Loss::sum([(0.7, Loss::LovaszSymmetric), (0.3, Loss::BoundaryBceDice)]);
    let (whole, stopped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    tiny().train(&train, &valid, &config(whole.path(), loss.clone())).unwrap();
    let folder = stopped.path().to_path_buf();
    let stopper = std::thread::spawn(move || {
        while !folder.join("last.safetensors").exists() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        std::fs::write(folder.join("STOP"), "").unwrap();
    });
    let history = tiny().train(&train, &valid, &config(stopped.path(), loss.clone())).unwrap();
    stopper.join().unwrap();
    assert!(history.epochs.len() < 3, "{history:?}");
    tiny().train(&train, &valid, &config(stopped.path(), loss).resume(true)).unwrap();
    let tensors = |folder: &Path| checkpoint_tensors(folder.join("last.safetensors")).unwrap();
    assert_eq!(tensors(stopped.path()), tensors(whole.path()));
}

#[test]
fn a_loss_out_of_range_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let (train, valid) = few(20);
    let error = tiny().train(&train, &valid, &config(&run, Loss::Focal { gamma: -1.0 })).unwrap_err();
    assert!(error.to_string().contains("gamma") && !run.exists(), "{error}");
}
