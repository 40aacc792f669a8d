//! The real competition data, where it is there: set TGS_SALT_DATA, or put it into ../shared/data/tgs-salt.

use std::collections::HashMap;
use std::path::PathBuf;

use tgs_salt::types::{Competition, Dataset, Rle, Stratify, coverage_class};

/// The folder, or a word on how to get it; where CI runs it has to be there.
fn real() -> Option<(PathBuf, Competition)> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/tgs-salt");
    let dir = std::env::var_os("TGS_SALT_DATA").map_or_else(beside, PathBuf::from);
    if dir.is_dir() {
        let salt = Competition::open(&dir).unwrap();
        return Some((dir, salt));
    }
    assert!(std::env::var_os("CI").is_none(), "{}: the real data has to be there in CI", dir.display());
    eprintln!("SKIPPED: no real data in {}; set TGS_SALT_DATA to the unpacked Kaggle folder", dir.display());
    None
}

#[test]
fn counts_and_statistics() {
    let Some((_, salt)) = real() else { return };
    assert_eq!(salt.test.len(), 18_000);
    assert!(salt.train.len() == 3_200 || salt.train.len() == 4_000, "{}", salt.train.len());
    assert!(salt.notes.lines().iter().all(|line| line.contains("beside")), "{:?}", salt.notes);
    let coverages: Vec<f64> = salt.train.coverages().unwrap().into_iter().flatten().collect();
    assert_eq!(coverages.len(), salt.train.len());
    let empty = coverages.iter().filter(|&&c| c == 0.0).count() as f64 / coverages.len() as f64;
    assert!((0.37..0.41).contains(&empty), "{empty}");
    let mean = coverages.iter().sum::<f64>() / coverages.len() as f64;
    assert!((0.23..0.27).contains(&mean), "{mean}");
    assert!((0..=10).all(|class| coverages.iter().any(|&c| coverage_class(c) == class)));
    let depths: Vec<f32> = salt.train.depths().into_iter().chain(salt.test.depths()).flatten().collect();
    assert!(depths.iter().all(|z| (50.0..=959.0).contains(z)));
}

#[test]
fn masks_are_those_of_train_csv() {
    let Some((dir, salt)) = real() else { return };
    let text = std::fs::read_to_string(dir.join("train.csv")).unwrap();
    let rows: HashMap<&str, &str> = text.lines().skip(1).filter_map(|line| line.split_once(',')).collect();
    assert_eq!(rows.len(), salt.train.len());
    for sample in salt.train.samples().unwrap() {
        let (mask, row) = (sample.mask.unwrap(), rows[sample.id.as_str()]);
        assert_eq!((sample.image.height, sample.image.width), (101, 101));
        assert!(row.parse::<Rle>().unwrap().to_mask(101, 101).unwrap() == mask, "{}", sample.id);
        assert_eq!(mask.to_rle().to_string(), row, "{}", sample.id);
    }
}

#[test]
fn every_test_image_is_read() {
    let Some((_, salt)) = real() else { return };
    let samples = salt.test.samples().unwrap();
    assert!(samples.iter().all(|s| s.image.pixels.len() == 10_201 && s.mask.is_none() && s.z.is_some()));
    assert!(samples.iter().flat_map(|s| &s.image.pixels).all(|p| (0.0..=1.0).contains(p)));
    let black = samples.iter().filter(|s| s.image.pixels.iter().all(|&p| p == 0.0)).count();
    assert!(black > 0, "the all-black images are gone");
}

fn share(part: &Dataset, class: usize) -> f64 {
    let coverages = part.coverages().unwrap();
    coverages.iter().flatten().filter(|&&c| coverage_class(c) == class).count() as f64 / part.len() as f64
}

#[test]
fn splits_and_folds_are_stratified_and_reproducible() {
    let Some((_, salt)) = real() else { return };
    let (train, valid) = salt.train.split(0.2, 42).unwrap();
    assert_eq!(valid.len(), salt.train.len() / 5);
    let mut ids = [train.ids(), valid.ids()].concat();
    ids.sort();
    assert_eq!(ids, salt.train.ids(), "the parts are not disjoint or lose an image");
    for class in 0..=10 {
        assert!(
            (share(&train, class) - share(&valid, class)).abs() < 2.0 / valid.len() as f64,
            "class {class}"
        );
    }
    assert_eq!(salt.train.split(0.2, 42).unwrap().1.ids(), valid.ids());
    assert_ne!(salt.train.split(0.2, 43).unwrap().1.ids(), valid.ids());

    let folds = salt.train.folds(5, 42).unwrap();
    let mut held: Vec<String> = folds.iter().flat_map(|(_, valid)| valid.ids()).collect();
    held.sort();
    assert_eq!(held, salt.train.ids());
    assert!(folds.iter().all(|(train, valid)| train.len() + valid.len() == salt.train.len()));
    assert!(folds.iter().all(|(_, valid)| (share(valid, 0) - share(&salt.train, 0)).abs() < 0.002));
}

/// How far the mean coverage and the mean depth of a fold are from those of all images, at most, on average over seeds.
fn worst_deviations(salt: &Dataset, held_out: impl Fn(u64) -> Vec<Dataset>) -> [f64; 2] {
    let mean = |part: &Dataset| {
        let coverages = part.coverages().unwrap().into_iter().flatten().sum::<f64>();
        let depths = part.depths().into_iter().flatten().map(f64::from).sum::<f64>();
        [coverages / part.len() as f64, depths / part.len() as f64]
    };
    let all = mean(salt);
    let worst = |seed: u64| {
        let means: Vec<[f64; 2]> = held_out(seed).iter().map(mean).collect();
        [0, 1].map(|i| means.iter().map(|mean| (mean[i] - all[i]).abs()).fold(0.0, f64::max))
    };
    let worst: Vec<[f64; 2]> = (0..20).map(worst).collect();
    [0, 1].map(|i| worst.iter().map(|worst| worst[i]).sum::<f64>() / worst.len() as f64)
}

#[test]
fn folds_are_even_in_what_they_are_stratified_by() {
    let Some((_, salt)) = real() else { return };
    let ids = salt.train.ids();
    let shuffled = worst_deviations(&salt.train, |seed| {
        let mut order: Vec<(u64, &str)> = ids.iter().map(|id| (draw(seed, id), id.as_str())).collect();
        order.sort();
        let fold = |f: usize| order.iter().skip(f).step_by(5).map(|(_, id)| *id).collect::<Vec<_>>();
        (0..5).map(|f| salt.train.select(&fold(f)).unwrap()).collect()
    });
    let by = |stratify: Stratify| {
        worst_deviations(&salt.train, |seed| {
            let folds = salt.train.folds_by(5, stratify, seed).unwrap();
            folds.into_iter().map(|(_, valid)| valid).collect()
        })
    };
    let [coverage, depth, both] = [Stratify::Coverage, Stratify::Depth, Stratify::CoverageAndDepth].map(by);
    for (name, [c, d]) in [("shuffled", shuffled), ("coverage", coverage), ("depth", depth), ("both", both)] {
        println!("{name}: worst deviation of mean coverage {c:.5}, of mean depth {d:.2} ft");
    }
    assert!(coverage[0] < 0.3 * shuffled[0] && depth[1] < 0.3 * shuffled[1]);
    assert!(both[0] < 0.3 * shuffled[0] && both[1] < 0.3 * shuffled[1]);
}

/// Some number that depends on both.
fn draw(seed: u64, id: &str) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = std::hash::DefaultHasher::new();
    (seed, id).hash(&mut hasher);
    hasher.finish()
}

/// The smallest network there is predicts all of it; what matters here is the file.
#[test]
fn a_submission_has_every_row_in_kaggles_order() {
    use tgs_salt::prelude::{Device, Encoder, Unet};
    let Some((dir, salt)) = real() else { return };
    let model = Unet::new(Encoder::Plain).depth(1).base_filters(1).build(&Device::Cpu).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("submission.csv");
    let submission = model.predict(&salt.test).unwrap().threshold(0.5).unwrap().submit(&path).unwrap();
    let ids = |path: PathBuf| -> Vec<String> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| line.split(',').next().unwrap().to_string()).collect()
    };
    assert_eq!((submission.rows, ids(path.clone()).len()), (18_000, 18_001));
    assert_eq!(ids(path), ids(dir.join("sample_submission.csv")));
}
