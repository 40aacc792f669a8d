//! Cross-validation: who has seen what, what is put together, and going on.

use crate::{assert_same, config, few, tiny};
use std::path::Path;
use tgs_salt::prelude::*;

fn run(folder: &Path, folds: &Folds, resume: bool) -> Result<CrossValidation> {
    tiny(1).cross_validate(&few(24), folds, &config(folder).resume(resume))
}

#[test]
fn each_image_is_predicted_by_the_model_that_has_not_seen_it() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = few(24);
    let folds = Folds::of(3).stratify(Stratify::CoverageAndDepth).tta(Tta::default());
    let cv = run(folder.path(), &folds, false).unwrap();
    assert_eq!(cv.probabilities.ids, dataset.ids());
    assert_eq!(cv.folds.iter().map(|fold| fold.number).collect::<Vec<_>>(), [1, 2, 3]);
    for (fold, (train, valid)) in cv.folds.iter().zip(dataset.folds_by(3, folds.stratify, 42).unwrap()) {
        assert_eq!((fold.train.ids(), fold.valid.ids()), (train.ids(), valid.ids()));
        assert_eq!(fold.model, folder.path().join(format!("fold-{}/model.safetensors", fold.number)));
        let model = Model::load(&fold.model, &Device::Cpu).unwrap();
        let ids = valid.ids();
        let own = cv.probabilities.select(&ids.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        assert_same(&own, &model.predict_tta(&valid, &Tta::default()).unwrap());
        let rule = MaskRule::default().threshold(cv.threshold);
        assert_eq!(own.evaluate_rule(&valid, &rule).unwrap(), fold.score);
    }
    assert_eq!(cv.probabilities.evaluate(&dataset).unwrap(), cv.score);
    let scores: Vec<f64> = cv.folds.iter().map(|fold| fold.score.mean_precision).collect();
    assert!((cv.mean - scores.iter().sum::<f64>() / 3.0).abs() < 1e-12);
    assert!(cv.sd >= 0.0 && format!("{cv:?}").lines().count() == 2, "{cv:?}");
    let ensemble = cv.ensemble(&Device::Cpu).unwrap();
    assert_eq!(ensemble.models().len(), 3);
    let best = |i: usize| folder.path().join(format!("fold-{i}/best.safetensors"));
    let loaded = Ensemble::load(&[best(1), best(2), best(3)], &Device::Cpu).unwrap();
    assert_same(&ensemble.predict(&dataset).unwrap(), &loaded.predict(&dataset).unwrap());
}

#[test]
fn folds_that_are_complete_are_not_trained_again() {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let expected = run(whole.path(), &Folds::of(3), false).unwrap();
    let first = run(parts.path(), &Folds::of(3).only([2]), false).unwrap();
    assert_eq!((first.folds.len(), first.folds[0].number), (1, 2));
    assert_eq!(first.probabilities.ids, expected.folds[1].valid.ids());
    let written = |name: &str| std::fs::metadata(parts.path().join(name)).unwrap().modified().unwrap();
    let names = ["fold-2/best.safetensors", "fold-2/last.safetensors"];
    let before = names.map(written);
    let all = run(parts.path(), &Folds::of(3), true).unwrap();
    assert_eq!(names.map(written), before);
    assert_same(&all.probabilities, &expected.probabilities);
    assert_eq!((all.score, all.threshold), (expected.score, expected.threshold));
}

#[test]
fn a_stopped_fold_goes_on() {
    let (whole, stopped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let long = |folder: &Path| config(folder).epochs(4);
    let validate = |config: TrainConfig| tiny(1).cross_validate(&few(24), &Folds::of(3), &config).unwrap();
    let expected = validate(long(whole.path()));
    let second = stopped.path().join("fold-2");
    let stopper = std::thread::spawn(move || {
        while !second.join("last.safetensors").exists() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        std::fs::write(second.join("STOP"), "").unwrap();
    });
    let part = validate(long(stopped.path()));
    stopper.join().unwrap();
    assert_eq!(part.folds.len(), 2, "{part:?}");
    assert!(!stopped.path().join("fold-3").exists());
    let all = validate(long(stopped.path()).resume(true));
    assert_same(&all.probabilities, &expected.probabilities);
}

#[test]
fn a_run_of_other_folds_does_not_go_on() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &Folds::of(3).only([1]), false).unwrap();
    let message = run(folder.path(), &Folds::of(4).only([1]), true).unwrap_err().to_string();
    assert!(message.contains("resume = true") && message.contains("fold-1"), "{message}");
    // Without resuming the older run is moved aside; with another folder's worth of checkpoints nothing is mixed.
    run(folder.path(), &Folds::of(4).only([1]), false).unwrap();
    assert!(folder.path().join("fold-1.previous/fold.json").exists());
    assert!(run(folder.path(), &Folds::of(4).only([1]), true).is_ok());
}

#[test]
fn a_rule_is_scored_on_folds_that_it_was_not_chosen_on() {
    let folder = tempfile::tempdir().unwrap();
    let cv = run(folder.path(), &Folds::of(2), false).unwrap();
    let search = RuleSearch::default().min_size(true).gate(true);
    let chosen = cv.choose_rule(&search).unwrap();
    assert_eq!(chosen.rule, cv.probabilities.choose_rule(&few(24), &search).unwrap().rule);
    let parts: Vec<(Probabilities, &Dataset)> = cv
        .folds
        .iter()
        .map(|fold| {
            let ids = fold.valid.ids();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            (cv.probabilities.select(&ids).unwrap(), &fold.valid)
        })
        .collect();
    let scored = |on: usize, chosen_on: usize| {
        let (probabilities, valid) = &parts[chosen_on];
        let rule = probabilities.choose_rule(valid, &search).unwrap().rule;
        parts[on].0.evaluate_rule(parts[on].1, &rule).unwrap().mean_precision
    };
    let images = [0, 1].map(|part| parts[part].1.len() as f64);
    let expected = (images[0] * scored(0, 1) + images[1] * scored(1, 0)) / (images[0] + images[1]);
    assert!((chosen.score.mean_precision - expected).abs() < 1e-12, "{chosen:?} instead of {expected}");

    let one = run(folder.path(), &Folds::of(2).only([1]), true).unwrap();
    assert!(one.choose_rule(&search).unwrap_err().to_string().contains("folds = 1"));
}

#[test]
fn what_cannot_be_is_refused_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cv");
    for (folds, word) in [(Folds::of(1), "k = 1"), (Folds::of(3).only([4]), "folds 1 to 3")] {
        let message = run(&path, &folds, false).unwrap_err().to_string();
        assert!(message.contains(word) && !path.exists(), "{message}");
    }
    let salt = Competition::sample().unwrap();
    assert!(tiny(1).cross_validate(&salt.test, &Folds::of(3), &config(&path)).is_err());
}
