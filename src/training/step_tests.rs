use super::*;
use crate::models::{Encoder, Unet};
use crate::training::sampling::{TrainingSet, shuffled};
use crate::types::{Dataset, Entry, Image, ImageSource, Mask, Sample};
use candle_core::Device;
use std::path::Path;
use std::sync::Arc;

/// Images of 8×8 pixels, or of 8×16 where `is_wide`.
fn samples(count: usize, is_wide: impl Fn(usize) -> bool) -> Dataset {
    let sample = |i: usize| {
        let (height, width) = (8, if is_wide(i) { 16 } else { 8 });
        let pixels: Vec<f32> = (0..height * width).map(|p| ((p * (i + 3)) % 17) as f32 / 16.0).collect();
        let mask = Mask::new(height, width, pixels.iter().map(|&pixel| u8::from(pixel > 0.6)).collect());
        let image = Image::new(height, width, pixels).unwrap();
        Sample { id: format!("s{i:03}"), z: None, image, mask: Some(mask.unwrap()) }
    };
    Dataset::from_samples((0..count).map(sample).collect()).unwrap()
}

/// The same, but that the image at `at` cannot be read.
fn broken(dataset: &Dataset, at: usize) -> Dataset {
    let mut entries: Vec<Entry> = dataset.entries().cloned().collect();
    entries[at].image = ImageSource::Picture(Arc::from(Path::new("no such folder")), ".png");
    Dataset::from_entries(entries, None).unwrap()
}

fn tiny() -> Model {
    Unet::new(Encoder::Plain).depth(1).base_filters(2).seed(1).build(&Device::Cpu).unwrap()
}

#[test]
fn what_the_stop_file_ends_reads_no_images_that_are_left() {
    let (folder, count) = (tempfile::tempdir().unwrap(), 400);
    let config = TrainConfig::default().batch_size(2).run_folder(folder.path());
    let last = *shuffled(count, config.seed, 1).last().unwrap();
    let all = broken(&samples(count, |_| false), last);
    let (mut model, train) = (tiny(), TrainingSet::new(&all, &config).unwrap());
    let mut trainer = Trainer::new(&mut model, &train, &all, &config).unwrap();
    std::fs::write(folder.path().join("STOP"), "").unwrap();
    assert!(trainer.train_epoch(1).unwrap().is_none());
}
