//! Draws everything with made-up values; with `TGS_SALT_LOOK=folder` the figures are also saved there, to be looked at.

use crate::metrics::{Score, ThresholdSearch};
use crate::plot::colormap::Colormap;
use crate::plot::figure::Figure;
use crate::plot::gallery::Gallery;
use crate::plot::predictions::{Predicted, draw};
use crate::plot::style::{self, Legend, Sign};
use crate::plot::tile::Tile;
use crate::training::{Epoch, History};
use crate::types::{Competition, Dataset, Image, Mask, Notes, Sample};

/// Saves where somebody wants to look, and gives the decoded pixels: width, height, RGB.
pub(super) fn look(figure: &Figure, name: &str) -> (u32, u32, Vec<u8>) {
    if let Ok(folder) = std::env::var("TGS_SALT_LOOK") {
        figure.save(format!("{folder}/{name}.png")).unwrap();
    }
    let decoded = image::load_from_memory(figure.png()).unwrap().to_rgb8();
    (decoded.width(), decoded.height(), decoded.into_raw())
}

/// Layers that dip, differently for each `seed`.
pub(super) fn layers(height: usize, width: usize, seed: usize) -> Image {
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
    for n in [1, 2, 3, 5, 6, 8, 12, 24, 96] {
        let figure = gallery(n, Colormap::Grey).draw().unwrap();
        let (width, height, _) = look(&figure, &format!("gallery_{n}"));
        assert_eq!((width, height), (figure.width(), figure.height()));
    }
    look(&gallery(12, Colormap::Seismic).draw().unwrap(), "gallery_seismic");
}

/// The real data where it is there, else made-up samples.
fn competition() -> Competition {
    if let Ok(folder) = std::env::var("TGS_SALT_DATA") {
        return Competition::open(folder).unwrap();
    }
    let sample = |i: usize| Sample {
        id: format!("{i:03}"),
        z: Some(50.0 + i as f32),
        image: layers(31, 41, i),
        mask: Some(dome(31, 41, (i % 5) as f32 * 0.13)),
    };
    let train = Dataset::from_samples((0..40).map(sample).collect()).unwrap();
    let test = Dataset::from_samples((0..9).map(|i| Sample { mask: None, ..sample(i) }).collect()).unwrap();
    Competition { train, test, notes: Notes { test_without_depth: 1, ..Notes::default() } }
}

fn save(name: &str, text: &str) {
    if let Ok(folder) = std::env::var("TGS_SALT_LOOK") {
        std::fs::write(format!("{folder}/{name}.html"), text).unwrap();
    }
}

#[test]
fn datasets_and_predictions() {
    let salt = competition();
    for (colors, name) in [(Colormap::Grey, "grey"), (Colormap::Seismic, "seismic")] {
        let t0 = std::time::Instant::now();
        let figure = salt.train.show_as(12, colors).unwrap();
        println!("Figure {figure:?} {:?}", t0.elapsed());
        look(&figure, &format!("real_{name}"));
    }
    look(&salt.train.show(1).unwrap(), "real_1");
    look(&salt.test.show(24).unwrap(), "real_test");
    let predicted = |with: bool| {
        (0..4usize)
            .map(|i| {
                let sample = salt.train.get(i * 5 + 1).unwrap();
                let mask = dome(sample.image.height, sample.image.width, 0.35);
                let pixels = mask
                    .pixels()
                    .iter()
                    .enumerate()
                    .map(|(p, &m)| 0.05 + 0.8 * m as f32 * (0.8 + 0.2 * (p as f32 / 50.0).sin()))
                    .collect();
                let probability =
                    with.then(|| Image::new(sample.image.height, sample.image.width, pixels).unwrap());
                Predicted { sample, probability, mask }
            })
            .collect()
    };
    look(&draw("4 of 640 predictions".into(), predicted(true)).unwrap(), "triptychs");
    look(&draw("4 of 640 predictions".into(), predicted(false)).unwrap(), "pairs");
    let score = Score { mean_precision: 0.6844, iou: 0.7123, dice: 0.79, threshold: 0.45 };
    let cards = [salt.card().html(), salt.train.card().html(), salt.test.card().html(), score.card().html()];
    save("cards", &cards.join("<br><br>"));
}

fn history(epochs: Vec<Epoch>) -> History {
    History { epochs, run_folder: "runs/2018-10-19".into(), ended: "all epochs done".into() }
}

#[test]
fn curves() {
    let point = |epoch: usize| Epoch {
        epoch,
        train_loss: 0.1 + 0.5 * (-(epoch as f64) / 8.0).exp(),
        valid_loss: 0.16
            + 0.4 * (-(epoch as f64) / 6.0).exp()
            + 0.02 * (epoch as f64 * 1.7).sin()
            + 0.002 * epoch as f64,
        mean_precision: 0.7 - 0.4 * (-(epoch as f64) / 7.0).exp() + 0.02 * (epoch as f64 * 2.3).sin(),
        learning_rate: 1e-3,
        images_per_second: 50.0,
        seconds: 60.0,
    };
    for n in [0, 1, 2, 8, 40, 200] {
        let history = history((1..=n).map(point).collect());
        look(&history.plot().unwrap(), &format!("curves_{n}"));
    }
    let curve: Vec<(f64, f64)> =
        (5..96).map(|t| t as f64 / 100.0).map(|t| (t, 0.7 - (t - 0.45f64).powi(2))).collect();
    let search = ThresholdSearch { curve, best: 0.45, mean_precision: 0.7 };
    look(&search.plot().unwrap(), "threshold");
}
