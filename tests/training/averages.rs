//! Averages of weights.

use super::{config, few, network, tensors, tiny, trained};
use tgs_salt::prelude::*;

#[test]
fn the_average_is_the_mean_of_the_epochs_and_its_batch_norm_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    // A cycle per epoch: the snapshots are the weights at the end of each.
    let cycles = Schedule::CosineRestarts { cycles: 3 };
    let (history, _) = trained(&network(), &config(folder.path()).schedule(cycles).swa_from(2));
    assert_eq!(history.snapshots.len(), 3);
    let snapshots: Vec<_> = history.snapshots.iter().map(tensors).collect();
    let averaged = tensors(folder.path().join("swa.safetensors"));
    let (mut measured, mut compared) = (0, 0);
    for (name, values) in &averaged {
        let mean = snapshots[1][name].iter().zip(&snapshots[2][name]).map(|(a, b)| (a + b) / 2.0);
        let apart = values.iter().zip(mean).map(|(ours, mean)| (ours - mean).abs()).fold(0.0, f32::max);
        match name.contains("running") {
            true => measured += usize::from(apart > 1e-4),
            false => {
                compared += 1;
                assert!(apart < 1e-6, "{name}: {apart}");
            }
        }
    }
    assert!(compared > 10 && measured > 5, "{compared} weights, {measured} statistics");
    let score = history.averaged.unwrap();
    let model = Model::load(folder.path().join("swa.safetensors"), &Device::Cpu).unwrap();
    let masks = model.predict(&few(20).1).unwrap().threshold(0.5).unwrap();
    let truths: Vec<Mask> = few(20).1.samples().unwrap().into_iter().map(|s| s.mask.unwrap()).collect();
    let ours: Vec<Mask> = masks.ids.iter().map(|id| masks.get(id).unwrap()).collect();
    let again = Score::of(&truths, &ours, 0.5).unwrap();
    assert!((again.mean_precision - score.mean_precision).abs() < 1e-12, "{again:?} {score:?}");
    assert!((again.iou - score.iou).abs() < 1e-12 && (again.dice - score.dice).abs() < 1e-12);
}

#[test]
fn the_model_has_the_better_of_average_and_best_epoch() {
    let (train, valid) = few(20);
    for rate in [1e-2, 1e-6] {
        let folder = tempfile::tempdir().unwrap();
        let mut model = tiny();
        let config = config(folder.path()).learning_rate(rate).swa_from(1).monitor(Metric::ValidLoss);
        let history = model.train(&train, &valid, &config).unwrap();
        let (best, averaged) = (history.best().unwrap().valid_loss, history.averaged.unwrap().valid_loss);
        let file = if averaged <= best { "swa.safetensors" } else { "best.safetensors" };
        let kept = Run::open(folder.path()).unwrap().model(&Device::Cpu).unwrap();
        let same = Model::load(folder.path().join(file), &Device::Cpu).unwrap();
        let of = |model: &Model| model.predict(&valid).unwrap().get(&valid.ids()[0]).unwrap();
        assert!(of(&model) == of(&kept) && of(&model) == of(&same), "{averaged} {best}");
    }
}

#[test]
fn a_moving_average_is_validated_and_kept_while_training_goes_on_without_it() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (with, last) = trained(&network(), &config(folders[0].path()).ema(0.9));
    let (without, plain) = trained(&network(), &config(folders[1].path()));
    let losses = |history: &History| history.epochs.iter().map(|e| e.train_loss).collect::<Vec<_>>();
    assert_eq!(losses(&with), losses(&without), "the average changes no step");
    assert_ne!(with.epochs[0].valid_loss, without.epochs[0].valid_loss);
    let raw = |name: &String| !name.starts_with("ema.");
    assert!(last.iter().filter(|(name, _)| raw(name)).all(|(name, values)| plain[name] == *values));
    if with.best().unwrap().epoch == 3 {
        let best = tensors(folders[0].path().join("best.safetensors"));
        assert!(best.iter().all(|(name, values)| last[&format!("ema.{name}")] == *values));
    }
}

#[test]
fn snapshots_are_an_ensemble() {
    let folder = tempfile::tempdir().unwrap();
    let cycles = Schedule::CosineRestarts { cycles: 2 };
    let (history, _) = trained(&network(), &config(folder.path()).epochs(4).schedule(cycles));
    let rates: Vec<f64> = history.epochs.iter().map(|epoch| epoch.learning_rate).collect();
    assert!(rates[0] == rates[2] && rates[1] == rates[3] && rates[1] < rates[0], "{rates:?}");
    let valid = few(20).1;
    let ensemble = history.ensemble(&Device::Cpu).unwrap().predict(&valid).unwrap();
    let each = history
        .snapshots
        .iter()
        .map(|path| Model::load(path, &Device::Cpu).unwrap().predict(&valid).unwrap());
    let mean = Probabilities::mean(&each.collect::<Vec<_>>()).unwrap();
    let id = &valid.ids()[0];
    assert_eq!(ensemble.get(id).unwrap(), mean.get(id).unwrap());
    let (plain, _) = trained(&network(), &config(&folder.path().join("plain")));
    assert!(plain.ensemble(&Device::Cpu).unwrap_err().to_string().contains("CosineRestarts"));
}
