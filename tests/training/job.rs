//! The main job on the embedded sample: train, stop, resume, predict, submit.

use super::{config, few, network, tiny};
use std::path::Path;
use tgs_salt::models::checkpoint_tensors;
use tgs_salt::prelude::*;

/// With all that a network can draw at random or add to the loss.
fn tiny_with_heads() -> Model {
    network().dropout(0.2).deep_supervision(true).presence_head(true).build(&Device::Cpu).unwrap()
}

fn last_tensors(folder: &Path) -> Vec<(String, Vec<f32>)> {
    checkpoint_tensors(folder.join("last.safetensors")).unwrap()
}

#[test]
fn training_learns_and_leaves_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let (train, valid) = few(80);
    let mut model = tiny();
    let history = model.train(&train, &valid, &config(folder.path()).learning_rate(1e-2)).unwrap();
    let losses: Vec<f64> = history.epochs.iter().map(|epoch| epoch.train_loss).collect();
    assert!(losses.len() == 3 && losses[2] < 0.9 * losses[0], "{losses:?}");
    let best = Model::load(folder.path().join("best.safetensors"), &Device::Cpu).unwrap();
    let (ours, theirs) = (model.predict(&valid).unwrap(), best.predict(&valid).unwrap());
    for id in &ours.ids {
        assert_eq!(ours.get(id).unwrap(), theirs.get(id).unwrap(), "the model has the best epoch's weights");
    }
    let masks = ours.threshold(0.5).unwrap();
    let truths = valid.samples().unwrap();
    let scores = truths.iter().map(|sample| {
        metrics::mean_precision(sample.mask.as_ref().unwrap(), &masks.get(&sample.id).unwrap()).unwrap()
    });
    let score = scores.sum::<f64>() / truths.len() as f64;
    assert!(
        (score - history.best().unwrap().mean_precision).abs() < 1e-12,
        "the history's score is that of predict"
    );
}

#[test]
fn a_stopped_run_resumes_to_the_same_bits() {
    let (whole, stopped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (train, valid) = few(80);
    tiny_with_heads().train(&train, &valid, &config(whole.path())).unwrap();

    let folder = stopped.path().to_path_buf();
    let stopper = std::thread::spawn(move || {
        while !folder.join("last.safetensors").exists() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        std::fs::write(folder.join("STOP"), "").unwrap();
    });
    let history = tiny_with_heads().train(&train, &valid, &config(stopped.path())).unwrap();
    stopper.join().unwrap();
    assert!(history.ended.contains("STOP") && history.epochs.len() < 3, "{history:?}");

    let history = tiny_with_heads().train(&train, &valid, &config(stopped.path()).resume(true)).unwrap();
    assert_eq!(history.epochs.len(), 3);
    assert_eq!(last_tensors(stopped.path()), last_tensors(whole.path()));
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let (train, valid) = few(20);
    let run = |threads: usize| {
        let folder = tempfile::tempdir().unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| tiny().train(&train, &valid, &config(folder.path()).epochs(1)).unwrap());
        last_tensors(folder.path())
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn an_older_run_is_moved_aside_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let (train, valid) = few(20);
    let config = config(&run).epochs(1);
    tiny().train(&train, &valid, &config).unwrap();
    let first = last_tensors(&run);
    tiny().train(&train, &valid, &config.clone().seed(9)).unwrap();
    assert_ne!(last_tensors(&run), first);
    assert_eq!(last_tensors(&folder.path().join("run.previous")), first);
}

#[test]
fn a_loss_that_is_no_number_stops_and_names_the_images() {
    let folder = tempfile::tempdir().unwrap();
    let (train, valid) = few(20);
    let error = tiny().train(&train, &valid, &config(folder.path()).learning_rate(1e30)).unwrap_err();
    let Error::NotFinite { ids, .. } = &error else { panic!("{error}") };
    assert!(
        ids.iter().all(|id| train.ids().contains(id)) && error.to_string().contains("learning rate"),
        "{error}"
    );
}

#[test]
fn bad_settings_and_data_without_masks_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let (train, valid) = few(20);
    let refused = |train: &Dataset, config: TrainConfig, word: &str| {
        let message = tiny().train(train, &valid, &config).unwrap_err().to_string();
        assert!(message.contains(word) && !message.contains('\n') && !run.exists(), "{message}");
    };
    refused(&train, config(&run).epochs(0), "epochs");
    refused(&train, config(&run).batch_size(0), "batch_size");
    refused(&train, config(&run).learning_rate(f64::NAN), "learning_rate");
    refused(&train, config(&run).augment(Augment::default().horizontal_flip(1.5)), "horizontal_flip");
    refused(&Competition::sample().unwrap().test, config(&run), "mask");
    refused(&train.select(&[]).unwrap(), config(&run), "at least one image");
}

#[test]
fn a_checkpoint_of_another_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (train, valid) = few(20);
    tiny().train(&train, &valid, &config(folder.path()).epochs(1)).unwrap();
    let mut other = Unet::new(Encoder::Plain).depth(1).base_filters(4).build(&Device::Cpu).unwrap();
    let error = other.train(&train, &valid, &config(folder.path()).resume(true)).unwrap_err();
    assert!(matches!(error, Error::Weights { .. }) && error.to_string().contains("run_folder"), "{error}");
}

#[test]
fn the_whole_job_in_one_call() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("submission.csv");
    let config = tgs_salt::RunConfig::default()
        .architecture(network())
        .train(config(&folder.path().join("run")).epochs(1))
        .submission(&path);
    let report = tgs_salt::run_sample(&config).unwrap();
    let submission = std::fs::read_to_string(&path).unwrap();
    let mut lines = submission.lines();
    assert_eq!((lines.next(), lines.count(), report.submission.rows), (Some("id,rle_mask"), 200, 200));
    assert!((0.3..0.5).contains(&report.all_empty), "{report:?}");
    let steps: Vec<&str> = report.seconds.iter().map(|(step, _)| step.as_str()).collect();
    assert_eq!(steps, ["open", "split", "train", "evaluate", "predict", "submit"]);
}
