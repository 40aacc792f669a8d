//! What a model predicts, drawn: made-up predictions that are wrong in the ways that a model is.

use super::{competition, look};
use crate::inference::Probabilities;
use crate::metrics::ThresholdSearch;
use crate::types::{Dataset, Image, Mask, Sample};

/// A mask, moved by some pixels, blurred, sometimes not seen at all, and sometimes seen where none is.
fn probability(sample: &Sample, i: usize) -> Image {
    let (height, width) = (sample.image.height, sample.image.width);
    let empty = Mask::new(height, width, vec![0; height * width]).unwrap();
    let mask = sample.mask.as_ref().unwrap_or(&empty);
    let moved = (i % 7) as isize - 3;
    let salt = |y: isize, x: isize| {
        let (y, x) = (y.clamp(0, height as isize - 1), (x + moved).clamp(0, width as isize - 1));
        f32::from(mask.pixels()[y as usize * width + x as usize])
    };
    let reach = 2 + (i % 3) as isize;
    let value = |p: usize| {
        let (y, x) = ((p / width) as isize, (p % width) as isize);
        let around = (-reach..=reach).flat_map(|dy| (-reach..=reach).map(move |dx| (dy, dx)));
        let mean = around.map(|(dy, dx)| salt(y + dy, x + dx)).sum::<f32>() / ((2 * reach + 1).pow(2)) as f32;
        let wave = (y as f32 / 9.0 + i as f32).sin() * (x as f32 / 13.0 - (i * i) as f32).cos();
        let sure = if i % 11 == 3 { 2.5 } else { 7.0 };
        let logit = sure * (mean - 0.5) + 1.6 * wave + if i % 13 == 5 { 2.0 } else { -0.4 };
        1.0 / (1.0 + (-logit).exp())
    };
    Image { height, width, pixels: (0..height * width).map(value).collect() }
}

fn predicted(dataset: &Dataset) -> Probabilities {
    let maps = (0..dataset.len()).map(|i| probability(&dataset.get(i).unwrap(), i)).collect();
    Probabilities::new(dataset.ids(), maps)
}

/// Some samples, spread over all of them.
fn some(dataset: &Dataset, n: usize) -> Dataset {
    let step = (dataset.len() / n).max(1);
    dataset.filter(|i| i % step == 0)
}

#[test]
fn galleries() {
    let valid = some(&competition().train, 200);
    let all = predicted(&valid);
    let masks = all.threshold(0.5).unwrap();
    for (n, name) in [(8, "top_losses"), (1, "top_losses_1")] {
        look(&all.plot_top_losses(&valid, n).unwrap(), name);
    }
    look(&all.plot_best(&valid, 8).unwrap(), "best");
    look(&masks.plot_worst(&valid, 12).unwrap(), "masks_worst");
    look(&masks.plot_best(&valid, 12).unwrap(), "masks_best");
    look(&all.plot_best(&valid, usize::MAX).unwrap(), "best_many");
    assert!(all.plot_top_losses(&valid, 0).is_err());
    let empty = valid.select(&[]).unwrap();
    assert!(masks.plot_worst(&empty, 3).is_err() && masks.plot_best(&empty, 3).is_err());
}

#[test]
fn distributions() {
    let salt = competition();
    let (valid, test) = (some(&salt.train, 400), some(&salt.test, 400));
    let all = predicted(&valid);
    let masks = all.threshold(0.5).unwrap();
    look(&masks.plot_coverage(&valid).unwrap(), "coverage");
    look(&predicted(&test).threshold(0.5).unwrap().plot_coverage(&test).unwrap(), "coverage_test");
    look(&masks.plot_confusion(&valid).unwrap(), "confusion");
    look(&masks.plot_depths(&valid).unwrap(), "depths");
    look(&all.plot_calibration(&valid).unwrap(), "calibration");
    let search = all.threshold_search(&valid).unwrap();
    let better = ThresholdSearch {
        curve: search.curve.iter().map(|&(t, s)| (t, s + 0.06 * (1.0 - t))).collect(),
        best: search.best,
        mean_precision: search.mean_precision + 0.06 * (1.0 - search.best),
    };
    look(&ThresholdSearch::compare(&[("train", &better), ("valid", &search)]).unwrap(), "thresholds");
    assert!(ThresholdSearch::compare(&[]).is_err());
    let untold = predicted(&test).threshold(0.5).unwrap();
    assert!(untold.plot_confusion(&test).is_err() && untold.plot_depths(&test).is_err());
}

#[test]
fn odd_datasets() {
    let valid = some(&competition().train, 40);
    let samples = |keep: usize| {
        let one = |i: usize| {
            let sample = valid.get(i).unwrap();
            let mask = sample.mask.clone().filter(|_| i < keep);
            Sample { z: None, mask, ..sample }
        };
        Dataset::from_samples((0..valid.len().min(5)).map(one).collect()).unwrap()
    };
    for (keep, name) in [(2, "coverage_few_known"), (5, "coverage_5")] {
        let few = samples(keep);
        look(&predicted(&few).threshold(0.5).unwrap().plot_coverage(&few).unwrap(), name);
    }
    let few = samples(5);
    let masks = predicted(&few).threshold(0.5).unwrap();
    assert!(masks.plot_depths(&few).unwrap_err().to_string().contains("no image has a depth"));
    look(&masks.plot_confusion(&few).unwrap(), "confusion_5");
    let one = valid.filter(|i| i == 0);
    look(&predicted(&one).threshold(0.5).unwrap().plot_depths(&one).unwrap(), "depths_1");
    look(&predicted(&one).plot_calibration(&one).unwrap(), "calibration_1");
    let none = valid.filter(|_| false);
    let nothing = predicted(&none).threshold(0.5).unwrap();
    assert!(nothing.plot_coverage(&none).is_err() && nothing.plot_confusion(&none).is_err());
}

/// The best of three, and what all processors together have worked for it, where /proc tells.
fn measure<T>(name: &str, draw: impl Fn() -> crate::Result<T>) {
    let worked = || -> f64 {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        stat.split(' ').skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * 10.0
    };
    let times = (0..3).map(|_| {
        let (start, before) = (std::time::Instant::now(), worked());
        draw().unwrap();
        (start.elapsed().as_secs_f64() * 1e3, worked() - before)
    });
    let (time, work) = times.fold((f64::MAX, f64::MAX), |best, one| (best.0.min(one.0), best.1.min(one.1)));
    println!("{name:<24} {time:>6.0} ms, {work:>6.0} ms of work");
}

/// Milliseconds of each figure over many images: `cargo test --lib -- --ignored --nocapture milliseconds`.
#[test]
#[ignore = "measures"]
fn milliseconds() {
    let model = |i: usize| {
        let image = super::layers(101, 101, i);
        let mask = Some(super::dome(101, 101, (i % 5) as f32 * 0.13));
        let sample = Sample { id: String::new(), z: Some(51.0 + 23.0 * i as f32), image, mask };
        let map = probability(&sample, i);
        (sample, map)
    };
    let models: Vec<(Sample, Image)> = (0..40).map(model).collect();
    for n in [4_000, 18_000] {
        let model = |i: usize| &models[i * 7 % models.len()];
        let sample = |i: usize| Sample { id: format!("{i:05}"), ..model(i).0.clone() };
        let dataset = Dataset::from_samples((0..n).map(sample).collect()).unwrap();
        let all = Probabilities::new(dataset.ids(), (0..n).map(|i| model(i).1.clone()).collect());
        let masks = all.threshold(0.5).unwrap();
        println!("{n} images");
        measure("plot_top_losses", || all.plot_top_losses(&dataset, 8));
        measure("plot_best", || all.plot_best(&dataset, 8));
        measure("plot_worst", || masks.plot_worst(&dataset, 12));
        measure("plot_coverage", || masks.plot_coverage(&dataset));
        measure("plot_confusion", || masks.plot_confusion(&dataset));
        measure("plot_depths", || masks.plot_depths(&dataset));
        measure("plot_calibration", || all.plot_calibration(&dataset));
        measure("threshold_search, plot", || all.threshold_search(&dataset)?.plot());
        #[cfg(feature = "frames")]
        measure("table", || all.table(&dataset));
    }
}
