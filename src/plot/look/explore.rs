//! Figures and tables of datasets, of the real data where it is there, and of data that lacks something.

use std::time::Instant;

use super::{competition, dome, layers, look};
use crate::Result;
use crate::plot::figure::Figure;
use crate::types::{Competition, Dataset, Label, Mask, Sample, Stratify};

type Draw = fn(&Dataset) -> Result<Figure>;

/// Every figure that a dataset has, by name.
const FIGURES: [(&str, Draw); 8] = [
    ("show_12", |dataset| dataset.show(12)),
    ("show_60", |dataset| dataset.show(60)),
    ("montage", |dataset| dataset.montage(240)),
    ("depths", Dataset::plot_depths),
    ("coverage", Dataset::plot_coverage),
    ("depth_coverage", Dataset::plot_depth_coverage),
    ("pixel_statistics", Dataset::plot_pixel_statistics),
    ("means", Dataset::plot_means),
];

#[test]
fn datasets_are_explored() {
    let Competition { train, test, .. } = competition();
    for (name, draw) in FIGURES {
        look(&draw(&train).unwrap(), &format!("train_{name}"));
    }
    for (name, draw) in FIGURES {
        match name.contains("coverage") {
            true => assert!(draw(&test).unwrap_err().to_string().contains("no image has a mask"), "{name}"),
            false => look(&draw(&test).unwrap(), &format!("test_{name}")),
        }
    }
    look(&competition().plot_depths().unwrap(), "competition_depths");
    let (part, valid) = train.split(0.2, 42).unwrap();
    look(&part.plot_split(&valid).unwrap(), "split");
    let random = train.filter(|i| i * 7919 % 5 > 0).plot_split(&train.filter(|i| i * 7919 % 5 == 0));
    look(&random.unwrap(), "split_random");
    let (part, valid) = test.split_by(0.2, Stratify::Depth, 1).unwrap();
    look(&part.plot_split(&valid).unwrap(), "split_by_depth");
    for (name, gallery) in
        [("tiny", train.tiny_masks()), ("vertical", train.vertical_masks()), ("black", train.black_images())]
    {
        let gallery = gallery.unwrap();
        if !gallery.is_empty() {
            look(&gallery.show(12).unwrap(), &format!("gallery_{name}"));
        }
    }
    assert_eq!(train.empty_masks().unwrap().len() + train.with_salt().unwrap().len(), train.len());
}

/// The competition's 4,000 labelled images, or those of them that are there: as many vertical masks as the condition that
/// published notebooks use finds, an area that the height divides.
#[test]
fn vertical_masks_are_those_that_notebooks_find() {
    let train = competition().train;
    let divides = |sample: &Sample| {
        sample
            .mask
            .as_ref()
            .is_some_and(|m| !m.is_empty() && m.area() % m.height() == 0 && m.coverage() < 1.0)
    };
    let vertical = train.vertical_masks().unwrap().ids();
    let found: Vec<String> =
        train.samples().unwrap().into_iter().filter(divides).map(|sample| sample.id).collect();
    assert!(vertical.iter().all(|id| found.contains(id)));
    // By chance one in a hundred of the other masks has such an area.
    assert!(found.len() - vertical.len() <= train.len() / 60, "{} of {}", vertical.len(), found.len());
}

fn made(n: usize, z: impl Fn(usize) -> Option<f32>, masks: bool) -> Dataset {
    let sample = |i: usize| Sample {
        id: format!("{i:05}"),
        z: z(i),
        image: layers(20, 20, i),
        mask: masks.then(|| dome(20, 20, (i % 5) as f32 * 0.13)),
    };
    Dataset::from_samples((0..n).map(sample).collect()).unwrap()
}

#[test]
fn what_is_missing_is_said_in_one_line() {
    let bare = made(3, |_| None, false);
    for (name, draw) in FIGURES.into_iter().skip(3).filter(|(name, _)| *name != "means") {
        let line = draw(&bare).unwrap_err().to_string();
        assert!(line.contains("no image has a") && !line.contains('\n'), "{name}: {line}");
    }
    assert!(bare.plot_split(&bare).is_err());
    let none = bare.select(&[]).unwrap();
    assert!(FIGURES.iter().all(|(_, draw)| draw(&none).is_err()));
    // One image, one depth for all, no salt at all: odd, and no error.
    let empty = made(40, |_| Some(300.0), true).empty_masks().unwrap();
    for (data, dataset) in
        [("one", made(1, |_| Some(300.0), true)), ("same", empty), ("unknown", made(40, |_| None, true))]
    {
        for (name, draw) in FIGURES {
            let figure = draw(&dataset);
            if let (Ok(figure), true) = (&figure, data == "same" || name == "means") {
                look(figure, &format!("odd_{data}_{name}"));
            }
            assert!(figure.is_ok() || data == "unknown", "{data} {name}: {:?}", figure.err());
        }
    }
}

#[test]
fn classes_have_colours_and_names() {
    let stacked = |i: usize| {
        let planes = [0.13, 0.4].map(|size| dome(40, 60, (i % 3) as f32 * size));
        Sample { id: format!("{i:03}"), z: None, image: layers(40, 60, i), mask: Mask::stack(&planes).ok() }
    };
    let dataset = Dataset::from_samples((0..36).map(stacked).collect()).unwrap();
    let dataset = dataset.with_class_names(&["inner", "outer"]).unwrap();
    look(&dataset.show(36).unwrap(), "show_classes");
    look(&dataset.montage(100).unwrap(), "montage_classes");
    look(&dataset.plot_coverage().unwrap(), "coverage_classes");
}

/// `cargo test --lib plot::look::explore::tables -- --nocapture` shows them.
#[cfg(feature = "frames")]
#[test]
fn tables() {
    let Competition { train, test, .. } = competition();
    let (part, valid) = train.split(0.2, 42).unwrap();
    for table in [train.table(), train.depth_bins(3), test.depth_bins(3), part.class_balance(&valid)] {
        println!("{}", table.unwrap());
    }
}

/// Milliseconds of each figure over the test images with made-up masks, the first and the second time:
/// `RAYON_NUM_THREADS=2 cargo test --lib plot::look::explore::speed -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement: it takes the competition's 18,000 test images"]
fn speed() {
    let salt = competition();
    let dataset = |images: &Dataset| {
        let masks = (0..images.len()).map(|i| Label::of(&dome(101, 101, (i % 7) as f32 * 0.1))).collect();
        images.with_labels(masks).unwrap()
    };
    println!("{} images", salt.test.len());
    for (name, draw) in FIGURES {
        // Nothing is remembered of these yet.
        let dataset = dataset(&competition().test);
        time(name, || draw(&dataset));
    }
    time("competition_depths", || salt.plot_depths());
    let (train, valid) = dataset(&salt.test).split(0.2, 42).unwrap();
    time("split", || train.plot_split(&valid));
    let train = competition().train;
    time("coverage, train", || train.plot_coverage());
}

fn time(name: &str, draw: impl Fn() -> Result<Figure>) {
    let milliseconds = || {
        let (start, busy) = (Instant::now(), busy());
        let figure = draw().unwrap();
        (start.elapsed().as_secs_f64() * 1e3, self::busy() - busy, figure)
    };
    let ((first, cpu, figure), (second, _, _)) = (milliseconds(), milliseconds());
    println!("{name:<20} {first:7.0} ms ({cpu:5} ms of CPU) {second:7.0} ms  {figure:?}");
}

/// Milliseconds of CPU time that this process has taken; 0 where the system does not say.
fn busy() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    10 * ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>()
}
