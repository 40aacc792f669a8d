//! What a network is given.

use super::*;
use crate::transform::Augment;

fn samples(n: usize, height: usize, width: usize) -> Vec<Sample> {
    let sample = |i: usize| {
        let pixels: Vec<f32> = (0..height * width).map(|p| ((p * (i + 3)) % 17) as f32 / 16.0).collect();
        let mask = pixels.iter().map(|&pixel| u8::from(i > 0 && pixel > 0.6)).collect();
        let image = Image::new(height, width, pixels).unwrap();
        Sample { id: format!("s{i}"), z: None, image, mask: Some(Mask::new(height, width, mask).unwrap()) }
    };
    (0..n).map(sample).collect()
}

pub(super) fn layout() -> BatchLayout {
    BatchLayout {
        batch_size: 4,
        in_channels: 1,
        features: vec![],
        input_size: None,
        size_multiple: 8,
        padding: Border::Reflect,
        normalize: Normalize::default(),
        mixup: None,
        device: Device::Cpu,
        dtype: DType::F32,
    }
}

fn batch(samples: Vec<Sample>, layout: &BatchLayout) -> Batch {
    Batch::new((10..).zip(samples).collect(), layout).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn images_and_targets_are_mixed_with_the_same_neighbour_and_share() {
    let mixup = Augment::default().mixup(0.4).mixing(7, 3).unwrap();
    let plain = batch(samples(4, 5, 6), &layout());
    let mixed = batch(samples(4, 5, 6), &BatchLayout { mixup: Some(mixup), ..layout() });
    assert!(plain.shares.is_empty());
    assert_eq!(mixed.shares, [10, 11, 12, 13].map(|i| mixup.share(i)));
    let pairs = |of: fn(&Batch) -> &Tensor| [&plain, &mixed].map(|batch| values(of(batch)));
    for [before, after] in [
        pairs(|batch| &batch.images),
        pairs(|batch| batch.targets().unwrap()[0]),
        pairs(|batch| batch.targets().unwrap()[1]),
    ] {
        let len = before.len() / 4;
        for (at, value) in after.iter().enumerate() {
            let (share, other) = (mixed.shares[at / len], before[(at + len) % before.len()]);
            let expected = share * before[at] + (1.0 - share) * other;
            assert!((value - expected).abs() < 1e-5, "{at}: {value}, not {expected}");
        }
    }
    assert!(batch(samples(1, 5, 6), &BatchLayout { mixup: Some(mixup), ..layout() }).shares.is_empty());
}

#[test]
fn without_a_size_and_mixup_images_are_reflected_and_normalised_as_ever() {
    // What the padding was before there were others.
    let reflect = |at: usize, offset: usize, size: usize| {
        let period = 2 * (size.max(2) - 1);
        let turn = (at + period * offset.div_ceil(period) - offset) % period;
        turn.min(period - turn).min(size - 1)
    };
    for (channels, normalize) in [(1, Normalize::default()), (3, Normalize::IMAGENET)] {
        let batch = batch(samples(2, 5, 13), &BatchLayout { in_channels: channels, normalize, ..layout() });
        let mut expected = vec![];
        for sample in samples(2, 5, 13) {
            for (channel, at) in (0..channels).flat_map(|c| (0..8 * 16).map(move |at| (c, at))) {
                let from = reflect(at / 16, 1, 5) * 13 + reflect(at % 16, 1, 13);
                expected.push(normalize.apply(sample.image.pixels[from], channel, channels));
            }
        }
        assert_eq!(values(&batch.images), expected);
        let targets: Vec<u8> = values(batch.targets().unwrap()[0]).iter().map(|&t| t as u8).collect();
        assert_eq!(targets, batch.masks.iter().flat_map(Mask::pixels).copied().collect::<Vec<_>>());
        assert_eq!(values(batch.targets().unwrap()[1]), [0.0, 1.0]);
    }
}

#[test]
fn a_resized_batch_gives_maps_at_the_size_of_its_samples() {
    let small = batch(samples(3, 9, 14), &BatchLayout { input_size: Some((30, 21)), ..layout() });
    assert_eq!(small.images.dims(), [3, 1, 32, 24]);
    assert_eq!(small.targets().unwrap()[0].dims(), [3, 30, 21, 1]);
    assert_eq!(small.masks, samples(3, 9, 14).into_iter().filter_map(|s| s.mask).collect::<Vec<_>>());
    let targets = values(small.targets().unwrap()[0]);
    assert!(targets.iter().all(|&t| t == 0.0 || t == 1.0));
    let resized = small.masks[1].resize(30, 21).unwrap();
    assert_eq!(targets[630..1260], resized.pixels().iter().map(|&p| f32::from(p)).collect::<Vec<_>>());
    // Back from the image that the network sees, a smooth one is nearly as it was.
    let ramp = |p: usize| 0.2 + 0.03 * (p % 14) as f32 + 0.02 * (p / 14) as f32;
    let image = Image::new(9, 14, (0..9 * 14).map(ramp).collect()).unwrap();
    let smooth = Sample { id: "a".into(), z: None, image: image.clone(), mask: None };
    let batch = batch(vec![smooth], &BatchLayout { input_size: Some((36, 28)), ..layout() });
    let seen = batch.images.permute((0, 2, 3, 1)).unwrap().contiguous().unwrap();
    let back = batch.at_original_size(&batch.crop(&seen).unwrap()).unwrap();
    for (back, pixel) in back[0].pixels.iter().zip(&image.pixels) {
        assert!((back * 0.25 + 0.5 - pixel).abs() < 0.03, "{back} {pixel}");
    }
}

#[test]
fn features_are_channels_behind_the_image() {
    let features = vec![Feature::SobelX, Feature::Equalize];
    let layout = BatchLayout { in_channels: 3, features: features.clone(), ..layout() };
    let all = samples(3, 8, 8);
    let seen = values(&batch(all.clone(), &layout).images);
    let mut expected = vec![];
    for sample in &all {
        expected.extend(sample.image.pixels.iter().map(|&pixel| layout.normalize.apply(pixel, 0, 3)));
        let slope = sample.image.feature(Feature::SobelX).unwrap().pixels;
        expected.extend(slope.iter().map(|&value| value / 0.07));
        let even = sample.image.feature(Feature::Equalize).unwrap().pixels;
        expected.extend(even.iter().map(|&value| (value - 0.5) / 0.25));
    }
    assert_eq!(seen, expected);
    // Of the augmented image, at its own size; then resized, each by itself.
    let sized = BatchLayout { input_size: Some((16, 24)), ..layout.clone() };
    let slope = all[1].image.feature(Feature::SobelX).unwrap().resize(16, 24).unwrap();
    let resized = values(&batch(all.clone(), &sized).images);
    let second = &resized[4 * 16 * 24..5 * 16 * 24];
    assert!(second.iter().zip(&slope.pixels).all(|(seen, value)| (seen - value / 0.07).abs() < 1e-6));
    let hog = BatchLayout { in_channels: 2, features: vec![Feature::Hog], ..layout };
    let error = Batch::new(all.into_iter().enumerate().collect(), &hog).err().unwrap().to_string();
    assert!(error.contains("s0") && error.contains("hog") && error.contains("24"), "{error}");
}

/// What a plain loop makes of values.
fn standardized(values: &[f32]) -> Vec<f32> {
    let n = values.len() as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let variance = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
    let std = variance.sqrt().max(1.0 / n.sqrt());
    values.iter().map(|&v| ((f64::from(v) - mean) / std) as f32).collect()
}

#[test]
fn each_image_is_standardised_by_itself_before_it_is_padded() {
    let layout = BatchLayout { normalize: Normalize::PER_IMAGE, in_channels: 3, ..layout() };
    let mut all = samples(3, 5, 13);
    all[1].image.pixels.fill(0.3);
    all[2].image.pixels.iter_mut().for_each(|pixel| *pixel = 0.5 * *pixel + 0.2);
    let seen = batch(all.clone(), &layout);
    for (border, seen) in [
        (Border::Reflect, &seen),
        (Border::Zero, &batch(all.clone(), &BatchLayout { padding: Border::Zero, ..layout.clone() })),
    ] {
        let values = values(&seen.images);
        for (i, sample) in all.iter().enumerate() {
            let (inner, own) = (standardized(&sample.image.pixels), layout.normalize.of_image(&sample.image));
            for (at, value) in values[i * 3 * 128..][..3 * 128].iter().enumerate() {
                let (y, x) = (at % 128 / 16, at % 16);
                let inside = (1..6).contains(&y) && (1..14).contains(&x);
                let expected = match (inside, border) {
                    (true, _) => inner[(y - 1) * 13 + x - 1],
                    (false, Border::Zero) => own.apply(0.0, 0, 3),
                    (false, _) => continue,
                };
                assert!((value - expected).abs() < 1e-5, "{i} {at}: {value}, not {expected}");
            }
            assert_eq!(seen.normalized[i], own);
        }
        assert!(border == Border::Zero || values[3 * 128..6 * 128].iter().all(|&value| value == 0.0));
    }
    // What is padded by reflection has no part in the mean: it is that of the image alone, resized.
    let sized = BatchLayout { input_size: Some((16, 16)), in_channels: 1, ..layout };
    let resized = standardized(&all[0].image.resize(16, 16).unwrap().pixels);
    let seen = values(&batch(all, &sized).images);
    assert!(seen.iter().zip(&resized).all(|(seen, expected)| (seen - expected).abs() < 1e-5));
}

#[test]
fn each_feature_is_standardised_by_itself() {
    let features = vec![Feature::SobelX, Feature::Equalize];
    let layout = BatchLayout {
        in_channels: 3,
        features: features.clone(),
        normalize: Normalize::PER_IMAGE,
        ..layout()
    };
    let all = samples(2, 8, 8);
    let mut expected = vec![];
    for sample in &all {
        expected.extend(standardized(&sample.image.pixels));
        for (feature, (center, scale)) in features.iter().zip([(0.0, 0.07), (0.5, 0.25)]) {
            let plane = sample.image.feature(*feature).unwrap().pixels;
            expected.extend(standardized(&plane.iter().map(|v| (v - center) / scale).collect::<Vec<_>>()));
        }
    }
    let seen = values(&batch(all, &layout).images);
    assert!(seen.iter().zip(&expected).all(|(seen, expected)| (seen - expected).abs() < 1e-5));
}

#[test]
fn images_of_any_size_that_are_resized_are_one_batch() {
    let layout = BatchLayout { input_size: Some((8, 16)), ..layout() };
    let all = [samples(3, 5, 6), samples(5, 20, 7).split_off(3)].concat();
    let numbered: Vec<_> = (0..).zip(all.clone()).collect();
    let batches = of_one_size(numbered.clone(), &layout).unwrap();
    assert_eq!(batches.len(), 1);
    let alone: Vec<Batch> = all.into_iter().map(|sample| batch(vec![sample], &layout)).collect();
    let each =
        |of: fn(&Batch) -> &Tensor| alone.iter().flat_map(|batch| values(of(batch))).collect::<Vec<_>>();
    assert_eq!(values(&batches[0].images), each(|batch| &batch.images));
    assert_eq!(values(batches[0].targets().unwrap()[0]), each(|batch| batch.targets().unwrap()[0]));
    let maps = batches[0].at_original_size(batches[0].targets().unwrap()[0]).unwrap();
    let sizes: Vec<_> = maps.iter().map(|map| (map.height, map.width)).collect();
    assert_eq!(sizes, [(5, 6), (5, 6), (5, 6), (20, 7), (20, 7)]);
    let other = BatchLayout { input_size: None, ..layout };
    assert_eq!(of_one_size(numbered, &other).unwrap().len(), 2);
}
