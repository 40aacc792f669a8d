//! Draws everything; with `TGS_SALT_LOOK=folder` the figures and cards are also saved there, to be looked at.

mod charts;
mod classes;
mod evaluation;
mod explore;

use std::path::Path;

use crate::metrics::{Score, ThresholdSearch};
use crate::models::{Encoder, Unet};
use crate::plot::colormap::Colormap;
use crate::plot::figure::Figure;
use crate::plot::gallery::Gallery;
use crate::plot::predictions::{Predicted, draw};
use crate::plot::style::{self, Legend, Sign};
use crate::plot::tile::Tile;
use crate::plot::words::Words;
use crate::training::{Epoch, History, LrFind, Metric, TrainConfig};
use crate::transform::{Augment, Border};
use crate::types::{Competition, Dataset, Image, Mask, Notes, Sample};

/// Saves where somebody wants to look, and checks the PNG.
pub(super) fn look(figure: &Figure, name: &str) {
    if let Ok(folder) = std::env::var("TGS_SALT_LOOK") {
        figure.save(format!("{folder}/{name}.png")).unwrap();
    }
    let decoded = image::load_from_memory(figure.png()).unwrap().to_rgb8();
    assert_eq!(decoded.dimensions(), (figure.width(), figure.height()));
    assert!(decoded.pixels().any(|p| p[0] < 60), "{name} is not blank");
    let border = decoded.enumerate_pixels().filter(|(x, y, _)| *x < 8 || *y < 8 || *x + 8 >= figure.width());
    assert!(border.into_iter().all(|(_, _, p)| p.0 == [255; 3]), "{name}: something is cut off");
}

/// Layers that dip, differently for each `seed`.
fn layers(height: usize, width: usize, seed: usize) -> Image {
    let value = |p: usize| {
        let (y, x) = ((p / width) as f32, (p % width) as f32);
        let depth = y + 6.0 * (x / 19.0 + seed as f32).sin() + 0.1 * x * (seed % 3) as f32;
        0.5 + 0.3 * (depth / 2.2).sin() * (depth / 17.0 + seed as f32).cos()
    };
    Image { height, width, pixels: (0..height * width).map(value).collect() }
}

/// A dome; `size` 0 is empty.
pub(super) fn dome(height: usize, width: usize, size: f32) -> Mask {
    let inside = |p: usize| {
        let (y, x) = ((p / width) as f32 / height as f32 - 0.9, (p % width) as f32 / width as f32 - 0.55);
        u8::from(size > 0.0 && (x * x + 0.5 * y * y).sqrt() < size)
    };
    Mask::new(height, width, (0..height * width).map(inside).collect()).unwrap()
}

pub(super) fn tile(i: usize, colors: Colormap) -> Tile {
    Tile {
        image: layers(101, 101, i),
        colors,
        truth: Some(dome(101, 101, (i % 5) as f32 * 0.13)),
        prediction: None,
        title: format!("{:010x}", 0x575d24d81dusize.wrapping_mul(i + 1) % 0xffffffffff),
        detail: format!("{:.1} % salt · {} ft", (i * 7 % 100) as f64 + 0.3, 51 + i * 31),
    }
}

fn gallery(n: usize, colors: Colormap) -> Gallery {
    Gallery {
        title: format!("{n} of 3,200 samples"),
        legend: vec![Legend::new(Sign::Line(style::truth(colors)), "salt")],
        tiles: (0..n).map(|i| tile(i, colors)).collect(),
        group: 1,
    }
}

#[test]
fn galleries() {
    assert!(gallery(0, Colormap::Grey).draw().is_err());
    for n in [1, 2, 3, 5, 8, 12, 31] {
        look(&gallery(n, Colormap::Grey).draw().unwrap(), &format!("gallery_{n}"));
    }
    let long = "a title and a name as long as nobody would give them ".repeat(8);
    let mut gallery = gallery(9, Colormap::Seismic);
    gallery.tiles.iter_mut().for_each(|tile| tile.title = long.clone());
    look(&Gallery { title: long, ..gallery }.draw().unwrap(), "gallery_long");
}

/// The real data where it is there, else made-up samples.
fn competition() -> Competition {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/tgs-salt");
    let folder = std::env::var_os("TGS_SALT_DATA").map_or(beside, Into::into);
    if folder.is_dir() {
        return Competition::open(folder).unwrap();
    }
    let sample = |i: usize| Sample {
        id: format!("{i:03}"),
        z: Some(50.0 + i as f32),
        image: layers(31, 41, i),
        mask: Some(dome(31, 41, (i % 5) as f32 * 0.13)),
    };
    let train = Dataset::from_samples((0..40).map(sample).collect()).unwrap();
    let test = (0..9).map(|i| Sample { mask: None, ..sample(i) }).collect();
    let notes = Notes { test_without_depth: 1, ..Notes::default() };
    Competition { train, test: Dataset::from_samples(test).unwrap(), notes }
}

#[test]
fn datasets() {
    let salt = competition();
    look(&salt.train.show(12).unwrap(), "train_grey");
    look(&salt.train.show_as(12, Colormap::Seismic).unwrap(), "train_seismic");
    look(&salt.test.show(24).unwrap(), "test_grey");
    let score = Score { mean_precision: 0.6844, iou: 0.7123, dice: 0.79, threshold: 0.45 };
    let missing = Notes { depths_without_image: 800, missing: vec!["train.csv".into()], ..Notes::default() };
    let odd = Competition { notes: missing, train: salt.train.select(&[]).unwrap(), ..salt.clone() };
    let cards =
        [salt.card(), odd.card(), salt.train.card(), salt.test.card(), score.card(), history(3).card()];
    let html: Vec<String> = cards.iter().map(|card| card.html()).collect();
    if let Ok(folder) = std::env::var("TGS_SALT_LOOK") {
        std::fs::write(format!("{folder}/cards.html"), html.join("<br><br>")).unwrap();
    }
    assert!(html[0].contains("empty masks") && !html[3].contains("empty masks"), "only train has masks");
    assert!(html[1].contains("⚠ train.csv is not there") && html[1].contains("⚠ 800 ids"), "{}", html[1]);
}

#[test]
fn predictions() {
    let train = competition().train;
    let words = Words::of(&train);
    let predicted = |i: usize, with: bool| {
        let sample = train.get(i * 5 + 1).unwrap();
        let (height, width) = (sample.image.height, sample.image.width);
        let mask = dome(height, width, 0.35 * (i % 3) as f32);
        let pixels = mask.pixels().iter().map(|&m| 0.05 + 0.8 * f32::from(m)).collect();
        let probability = with.then_some(Image { height, width, pixels });
        Predicted { sample, probability, mask }
    };
    for (n, with, name) in
        [(4, true, "triptychs"), (4, false, "pairs"), (1, true, "triptych"), (5, false, "pairs_5")]
    {
        let all = (0..n).map(|i| predicted(i, with)).collect();
        look(&draw(format!("{n} of 640 predictions"), &words, all).unwrap(), name);
    }
    assert!(draw("mixed".into(), &words, vec![predicted(0, true), predicted(1, false)]).is_err());
    assert!(draw("none".into(), &words, Vec::new()).is_err());
}

fn history(epochs: usize) -> History {
    let one = |epoch: usize| {
        let t = epoch as f64;
        Epoch {
            epoch,
            train_loss: 0.1 + 0.5 * (-t / 8.0).exp(),
            valid_loss: 0.16 + 0.4 * (-t / 6.0).exp() + 0.02 * (t * 1.7).sin() + 0.002 * t,
            mean_precision: 0.7 - 0.4 * (-t / 7.0).exp() + 0.02 * (t * 2.3).sin(),
            iou: 0.6,
            dice: 0.65,
            learning_rate: 1e-3,
            images_per_second: 50.0,
            waited: 0.0,
            seconds: 61.5,
        }
    };
    let epochs = (1..=epochs).map(one).collect();
    History {
        epochs,
        run_folder: "runs/2018-10-19".into(),
        ended: "all epochs done".into(),
        monitor: Metric::MeanPrecision,
        averaged: None,
        snapshots: vec![],
    }
}

#[test]
fn curves() {
    for n in [0, 1, 2, 8, 40, 200] {
        look(&history(n).plot().unwrap(), &format!("curves_{n}"));
    }
    let mut odd = history(6);
    odd.epochs[0].mean_precision = f64::NAN;
    odd.epochs[2].valid_loss = f64::INFINITY;
    odd.epochs[3].train_loss = f64::NAN;
    look(&odd.plot().unwrap(), "curves_odd");
    let mut averaged = history(40);
    averaged.averaged = averaged.epochs.last().map(|last| Epoch { mean_precision: 0.71, ..*last });
    look(&averaged.plot().unwrap(), "curves_averaged");
    averaged.monitor = Metric::ValidLoss;
    look(&averaged.plot().unwrap(), "curves_by_loss");
    let runs: Vec<History> =
        ["bce", "0.7 lovasz + 0.15 bce + 0.15 dice", "focal", "resnet34_snapshots", "a", "b"]
            .iter()
            .enumerate()
            .map(|(i, name)| History { run_folder: format!("runs/{name}").into(), ..history(20 + 3 * i) })
            .collect();
    look(&History::compare(&runs.iter().collect::<Vec<_>>()).unwrap(), "runs");
    look(&History::compare(&[&runs[0], &runs[2]]).unwrap(), "runs_2");
    assert!(History::compare(&[]).is_err());
    let loss =
        |log: f64| 0.7 - 0.3 / (1.0 + (-2.0 * (log + 3.0)).exp()) + 0.05 * (log + 1.0).max(0.0).powi(3);
    let rates = (0..95).map(|i| -7.0 + 8.0 * f64::from(i) / 99.0);
    let curve = rates.map(|log| (10f64.powf(log), loss(log))).collect();
    look(&LrFind { curve, suggestion: 1e-3 }.plot().unwrap(), "lr_find");
    let curve = (5..96).map(|t| f64::from(t) / 100.0).map(|t| (t, 0.7 - (t - 0.45).powi(2))).collect();
    look(&ThresholdSearch { curve, best: 0.45, mean_precision: 0.7 }.plot().unwrap(), "threshold");
    let none = ThresholdSearch { curve: Vec::new(), best: f64::NAN, mean_precision: f64::NAN };
    look(&none.plot().unwrap(), "threshold_none");
}

#[test]
fn batches() {
    let train = competition().train;
    let network = Unet::new(Encoder::Plain);
    let config = |augment: Augment| TrainConfig::default().augment(augment);
    let strong = Augment::strong().elastic(4.0).noise(0.05).cutout(2);
    for (name, network, config) in [
        ("batch", network.clone(), config(Augment::default())),
        ("batch_strong_zero", network.clone().padding(Border::Zero), config(strong.clone())),
        (
            "batch_resized_edge",
            network.clone().input_size(202, 150).padding(Border::Edge),
            config(Augment::strong()),
        ),
        ("batch_mixed", network.clone().in_channels(3), config(Augment::default().mixup(0.4)).batch_size(5)),
    ] {
        look(&network.show_batch(&train, &config).unwrap(), name);
    }
    let empty = train.select(&[]).unwrap();
    assert!(network.show_batch(&empty, &TrainConfig::default()).is_err());
    assert!(network.show_batch(&train, &TrainConfig::default().batch_size(0)).is_err());
    let without = Dataset::from_samples(vec![Sample { mask: None, ..train.get(0).unwrap() }]).unwrap();
    network.show_batch(&without, &TrainConfig::default()).unwrap();
    let at =
        train.coverages().unwrap().iter().position(|coverage| coverage.is_some_and(|c| c > 0.2)).unwrap();
    for (name, augment) in
        [("augment_strong", Augment::strong()), ("augment_all", strong.p(0.9).border(Border::Zero))]
    {
        look(&augment.show(&train.get(at).unwrap()).unwrap(), name);
    }
}
