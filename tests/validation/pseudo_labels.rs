//! Pseudo-labels: no fold learns of its held-out images.

use crate::{config, few, tiny};
use std::path::Path;
use tgs_salt::prelude::*;

/// Whatever it is, it is trusted; the cut is where half of fold 1's masks are empty, whatever so small a network has learnt.
fn all_trusted(cv: &CrossValidation) -> PseudoLabels {
    let predicted = Model::load(&cv.folds[0].model, &Device::Cpu).unwrap().predict(&unlabelled()).unwrap();
    let highest = |id: &String| predicted.get(id).unwrap().pixels.into_iter().fold(0.0, f32::max);
    let mut highest: Vec<f32> = predicted.ids.iter().map(highest).collect();
    highest.sort_by(f32::total_cmp);
    let trust = Trust::Confidence { low: 0.5, high: 0.5, share: 0.0 };
    PseudoLabels::default().trust(trust).threshold(f64::from(highest[highest.len() / 2]))
}

fn unlabelled() -> Dataset {
    let test = Competition::sample().unwrap().test;
    let ids = test.ids();
    test.select(&ids.iter().step_by(4).map(String::as_str).collect::<Vec<_>>()).unwrap()
}

/// One epoch only, so that no epoch is chosen; folds by depth, which does not depend on the masks.
fn first_round(dataset: &Dataset, folder: &Path) -> CrossValidation {
    let folds = Folds::of(3).stratify(Stratify::Depth);
    tiny(5).cross_validate(dataset, &folds, &config(folder).epochs(1)).unwrap()
}

fn weights(run_folder: &Path) -> Vec<(String, Vec<f32>)> {
    tgs_salt::models::checkpoint_tensors(run_folder.join("best.safetensors")).unwrap()
}

fn masks(labels: &PseudoLabelled) -> Vec<(String, Option<Mask>)> {
    labels.dataset.samples().unwrap().into_iter().map(|sample| (sample.id, sample.mask)).collect()
}

#[test]
fn the_held_out_images_of_a_fold_do_not_touch_its_labels() {
    let dataset = few(24);
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let cv = first_round(&dataset, folders[0].path());
    // The same again, with the masks of fold 1's held-out images turned round.
    let held_out = cv.folds[0].valid.ids();
    let changed = dataset.samples().unwrap().into_iter().map(|sample| {
        let turned = |mask: Mask| {
            let pixels = mask.pixels().iter().map(|p| 1 - p).collect();
            Mask::new(mask.height(), mask.width(), pixels).unwrap()
        };
        let is_held_out = held_out.contains(&sample.id);
        Sample { mask: sample.mask.map(|mask| if is_held_out { turned(mask) } else { mask }), ..sample }
    });
    let changed = Dataset::from_samples(changed.collect()).unwrap();
    let other = first_round(&changed, folders[1].path());
    assert_eq!(other.folds[0].valid.ids(), held_out);
    let [labels, others] =
        [&cv, &other].map(|round| round.pseudo_labels(&unlabelled(), &all_trusted(&cv)).unwrap());
    let of = |labels: &FoldLabels, fold: usize| masks(labels.get(fold).unwrap());
    assert!(of(&labels, 1).len() > 20, "{labels:?}");
    assert_eq!(of(&labels, 1), of(&others, 1), "fold 1's labels tell of its held-out images");
    let of_fold_2 = |folder: &Path| weights(&folder.join("fold-2"));
    let moved = of_fold_2(folders[0].path()) != of_fold_2(folders[1].path());
    assert!(moved, "the other folds learn from them, or this test tests nothing");
}

#[test]
fn labels_are_those_of_the_folds_own_model() {
    let folder = tempfile::tempdir().unwrap();
    let cv = first_round(&few(24), folder.path());
    let labels = cv.pseudo_labels(&unlabelled(), &all_trusted(&cv)).unwrap();
    for fold in &cv.folds {
        let labelled = labels.get(fold.number).unwrap();
        let model = Model::load(&fold.model, &Device::Cpu).unwrap();
        let predicted = model.predict(&unlabelled()).unwrap();
        let predicted = predicted.threshold(all_trusted(&cv).threshold).unwrap();
        for (id, mask) in masks(labelled) {
            assert_eq!(mask, Some(predicted.get(&id).unwrap()));
        }
        assert_eq!((labelled.predicted, labelled.trusted), (50, 50));
        let empty = fold.train.coverages().unwrap().iter().filter(|c| **c == Some(0.0)).count();
        assert_eq!(labelled.train_empty_share, empty as f64 / fold.train.len() as f64);
        let kept = labelled.dataset.len() as f64;
        assert!(
            (labelled.empty_share - labelled.train_empty_share).abs() * kept <= 0.5 + 1e-9,
            "{labelled:?}"
        );
    }
    assert!(labels.get(4).is_err());
}

#[test]
fn a_second_round_trains_on_the_labels_of_its_folds_and_of_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = few(24);
    let cv = first_round(&dataset, folder.path());
    let labels = cv.pseudo_labels(&unlabelled(), &all_trusted(&cv)).unwrap();
    let second = folder.path().join("second");
    let round = |folds: Folds, seed: u64, resume: bool| {
        let config = config(&second).epochs(1).seed(seed).resume(resume);
        tiny(5).cross_validate(&dataset, &folds.labels(labels.clone()), &config)
    };
    let by_depth = || Folds::of(3).stratify(Stratify::Depth).only([1]);
    for (folds, seed) in [(by_depth(), 43), (Folds::of(3).only([1]), 42)] {
        let message = round(folds, seed, false).unwrap_err().to_string();
        assert!(message.contains("labels") && !second.exists(), "{message}");
    }
    let again = round(by_depth(), 42, false).unwrap();
    assert_eq!(again.folds[0].valid.ids(), cv.folds[0].valid.ids());
    assert!(
        weights(&second.join("fold-1")) != weights(&folder.path().join("fold-1")),
        "labels change nothing"
    );
    // By hand.
    let train = cv.folds[0].train.join(&labels.get(1).unwrap().dataset).unwrap();
    let mut model = tiny(5).build(&Device::Cpu).unwrap();
    let by_hand = folder.path().join("by-hand");
    model.train(&train, &cv.folds[0].valid, &config(&by_hand).epochs(1)).unwrap();
    assert!(weights(&second.join("fold-1")) == weights(&by_hand));
    // Without the labels it is another run.
    let without = tiny(5).cross_validate(&dataset, &by_depth(), &config(&second).epochs(1).resume(true));
    assert!(without.unwrap_err().to_string().contains("resume = true"));
}

#[test]
fn models_of_several_cross_validations_are_asked_to_agree() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = few(24);
    let folds = Folds::of(2).stratify(Stratify::Depth);
    let round = |seed: u64, split: u64| {
        let config = config(&folder.path().join(format!("{seed}-{split}"))).epochs(1).seed(split);
        tiny(seed).cross_validate(&dataset, &folds, &config).unwrap()
    };
    let (a, b) = (round(1, 42), round(2, 42));
    let agreeing = PseudoLabels::agreeing().trust(Trust::Agreement { iou: 0.0 });
    let both = CrossValidation::pseudo_labels_of(&[a.clone(), b], &unlabelled(), &agreeing).unwrap();
    assert_eq!(both.get(1).unwrap().trusted, 50);
    assert!(a.pseudo_labels(&unlabelled(), &agreeing).unwrap_err().to_string().contains("at least 2"));
    let other = round(1, 43);
    let message = CrossValidation::pseudo_labels_of(&[a, other], &unlabelled(), &agreeing).unwrap_err();
    assert!(message.to_string().contains("same folds"), "{message}");
}

#[test]
fn an_ensemble_labels_for_a_single_split() {
    let (train, _) = few(24).split(0.25, 1).unwrap();
    let models = [1, 2].map(|seed| tiny(seed).build(&Device::Cpu).unwrap());
    let ensemble = Ensemble::new(models.into()).unwrap();
    let agreeing = PseudoLabels::agreeing().trust(Trust::Agreement { iou: 0.0 });
    let labelled = ensemble.pseudo_labels(&unlabelled(), &train, &agreeing).unwrap();
    assert_eq!(labelled.predicted, 50);
    let more = train.join(&labelled.dataset).unwrap();
    assert_eq!(more.len(), train.len() + labelled.dataset.len());
    assert!(more.has_masks());
    assert!(format!("{labelled:?}").starts_with("Pseudo-labels: "), "{labelled:?}");
}
