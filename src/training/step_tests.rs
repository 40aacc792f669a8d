use super::*;
use crate::models::{Encoder, Unet};
use crate::training::Sampling;
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
    Dataset::from_entries(entries).unwrap()
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

/// Where the schedule stands before each step of the second epoch.
fn steps(count: usize, accumulate: usize) -> Vec<usize> {
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig::default().batch_size(4).accumulate(accumulate).epochs(3);
    let (config, all) = (config.run_folder(folder.path()), samples(count, |_| false));
    let (mut model, train) = (tiny(), TrainingSet::new(&all, &config).unwrap());
    let trainer = Trainer::new(&mut model, &train, &all, &config).unwrap();
    let per_step = 4 * accumulate;
    (0..count.div_ceil(per_step)).map(|step| trainer.steps_after(2, step * per_step)).collect()
}

#[test]
fn of_images_of_one_size_each_step_is_one_of_the_schedule() {
    for (count, accumulate) in [(16usize, 1), (17, 1), (16, 2), (17, 2), (19, 3), (3, 1), (1, 2)] {
        let per_epoch = count.div_ceil(4).div_ceil(accumulate);
        let expected: Vec<usize> = (per_epoch..2 * per_epoch).collect();
        assert_eq!(steps(count, accumulate), expected, "{count} images, {accumulate} batches a step");
    }
}

#[test]
fn of_images_of_several_sizes_the_rate_goes_with_the_images() {
    for (sampling, accumulate) in [(Sampling::Shuffled, 1), (Sampling::Balanced, 1), (Sampling::Shuffled, 2)]
    {
        let folder = tempfile::tempdir().unwrap();
        let config = TrainConfig::default().batch_size(4).accumulate(accumulate).sampling(sampling).epochs(3);
        let (config, all) = (config.run_folder(folder.path()), samples(24, |i| i % 2 == 0));
        let (mut model, train) = (tiny(), TrainingSet::new(&all, &config).unwrap());
        let mut trainer = Trainer::new(&mut model, &train, &all, &config).unwrap();
        for number in 1..=2 {
            trainer.train_epoch(number).unwrap();
            assert!(trainer.stepper.steps() > number * 6 / accumulate, "batches are cut");
            assert_eq!(trainer.steps, number * 6 / accumulate - 1);
        }
    }
}
