//! Networks whose images are resized, padded, mixed, with features beside them: trained for an epoch, predicted at the images' own size.

use tgs_salt::prelude::*;

fn few(images: usize) -> (Dataset, Dataset) {
    let salt = Competition::sample().unwrap();
    let ids = salt.train.ids();
    let ids: Vec<&str> = ids.iter().step_by(400 / images).map(String::as_str).collect();
    salt.train.select(&ids).unwrap().split(0.25, 7).unwrap()
}

fn tiny() -> Architecture {
    Unet::new(Encoder::Plain).depth(2).base_filters(4).seed(1)
}

/// The score of the history is that of `predict` and a threshold of 0.5.
fn check_training(network: Architecture, augment: Augment) {
    let folder = tempfile::tempdir().unwrap();
    let (train, valid) = few(20);
    let config = TrainConfig::default().epochs(1).batch_size(4).learning_rate(1e-2).run_folder(folder.path());
    let mut model = network.build(&Device::Cpu).unwrap();
    let history = model.train(&train, &valid, &config.augment(augment)).unwrap();
    assert!(history.epochs[0].train_loss.is_finite());
    let masks = model.predict(&valid).unwrap().threshold(0.5).unwrap();
    let samples = valid.samples().unwrap();
    let score = |sample: &Sample| {
        let (truth, mask) = (sample.mask.as_ref().unwrap(), masks.get(&sample.id).unwrap());
        assert_eq!((mask.height(), mask.width()), (101, 101));
        metrics::mean_precision(truth, &mask).unwrap()
    };
    let mean = samples.iter().map(score).sum::<f64>() / samples.len() as f64;
    assert!((mean - history.epochs[0].mean_precision).abs() < 1e-12);
    let loaded = Model::load(folder.path().join("best.safetensors"), &Device::Cpu).unwrap();
    assert_eq!(loaded.config(), &network);
    let (ours, theirs) = (model.predict(&valid).unwrap(), loaded.predict(&valid).unwrap());
    assert_eq!(ours.get(&valid.ids()[0]).unwrap(), theirs.get(&valid.ids()[0]).unwrap());
}

#[test]
fn a_network_of_another_input_size_trains_and_predicts_at_the_images_size() {
    check_training(tiny().input_size(64, 48), Augment::strong());
}

#[test]
fn zeros_around_the_image_and_mixed_batches_train() {
    check_training(tiny().padding(Border::Zero), Augment::strong().mixup(0.4).border(Border::Zero));
}

#[test]
fn features_beside_the_image_train_with_whatever_changes_it() {
    let network = tiny().features([Feature::Envelope, Feature::SobelX]);
    assert_eq!(network.in_channels, 3);
    check_training(network.input_size(64, 48), Augment::strong().mixup(0.4));
}

#[test]
fn a_feature_is_seen_and_its_mirror_image_too() {
    let (_, valid) = few(20);
    // Without a padding, which would be odd, the network's strides fall the same way from both sides.
    let tiny = || tiny().input_size(64, 64);
    let blind = tiny().in_channels(2).build(&Device::Cpu).unwrap();
    let seeing = tiny().features([Feature::SobelX]).build(&Device::Cpu).unwrap();
    let id = &valid.ids()[0];
    let of = |probabilities: &Probabilities| probabilities.get(id).unwrap();
    assert_ne!(of(&blind.predict(&valid).unwrap()), of(&seeing.predict(&valid).unwrap()));
    // The mean of both views is that of the mirrored image, mirrored.
    let mirror = |image: &Image| {
        let pixels = image.pixels.chunks(101).flat_map(|row| row.iter().rev().copied()).collect();
        Image::new(101, 101, pixels).unwrap()
    };
    let sample = valid.select(&[id]).unwrap().get(0).unwrap();
    let turned = Sample { image: mirror(&sample.image), mask: None, ..sample };
    let turned = Dataset::from_samples(vec![turned]).unwrap();
    let both = |dataset: &Dataset| of(&seeing.predict_tta(dataset, &Tta::default()).unwrap());
    let (seen, turned) = (both(&valid), mirror(&both(&turned)));
    assert!(seen.pixels.iter().zip(&turned.pixels).all(|(a, b)| (a - b).abs() < 1e-5));
}

#[test]
fn images_of_any_aspect_are_predicted_at_their_size() {
    let model = tiny().input_size(32, 32).build(&Device::Cpu).unwrap();
    let sample = |i: usize, height: usize, width: usize| {
        let pixels = (0..height * width).map(|p| ((p * (i + 3)) % 17) as f32 / 16.0).collect();
        Sample { id: format!("s{i}"), z: None, image: Image::new(height, width, pixels).unwrap(), mask: None }
    };
    let sizes = [(20, 90), (20, 90), (1, 1), (130, 40)];
    let samples = sizes.iter().enumerate().map(|(i, &(height, width))| sample(i, height, width)).collect();
    let maps = model.predict(&Dataset::from_samples(samples).unwrap()).unwrap();
    for (i, &(height, width)) in sizes.iter().enumerate() {
        let map = maps.get(&format!("s{i}")).unwrap();
        assert_eq!((map.height, map.width), (height, width));
        assert!(map.pixels.iter().all(|p| (0.0..=1.0).contains(p)));
    }
}

#[test]
fn a_prediction_is_that_of_the_resized_image_resized_back() {
    let model = tiny().build(&Device::Cpu).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    model.save(&path).unwrap();
    let mut resizing = tiny().input_size(64, 48).build(&Device::Cpu).unwrap();
    resizing.load_weights(&path).unwrap();
    let (_, valid) = few(20);
    let resized =
        |sample: Sample| Sample { image: sample.image.resize(64, 48).unwrap(), mask: None, ..sample };
    let small = Dataset::from_samples(valid.samples().unwrap().into_iter().map(resized).collect()).unwrap();
    let (whole, small) = (resizing.predict(&valid).unwrap(), model.predict(&small).unwrap());
    for id in valid.ids() {
        let (back, map) = (small.get(&id).unwrap().resize(101, 101).unwrap(), whole.get(&id).unwrap());
        assert!(back.pixels.iter().zip(&map.pixels).all(|(a, b)| (a - b).abs() < 1e-6), "{id}");
    }
}

#[test]
fn settings_that_cannot_be_are_refused_and_older_ones_load() {
    for (depth, side, is_fine) in [(5, 64, false), (5, 65, true), (4, 80, false), (4, 81, true)] {
        let inception = Unet::new(Encoder::InceptionV3).depth(depth).input_size(200, side);
        let refused = inception.build(&Device::Cpu).err().map(|error| error.to_string());
        assert_eq!(refused.is_none(), is_fine, "depth {depth}, {side}");
        assert!(refused.is_none_or(|line| line.contains("over inception_v3 96")));
    }
    let error = tiny().input_size(0, 64).build(&Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("input_size = (0, 64)"), "{error}");
    let mut json = serde_json::to_value(tiny()).unwrap();
    let fields = json.as_object_mut().unwrap();
    assert!(fields.remove("input_size").is_some() && fields.remove("padding").is_some());
    assert!(fields.remove("features").is_some());
    assert_eq!(serde_json::from_value::<Architecture>(json).unwrap(), tiny());
    let features = [Feature::Smooth { sigma: 0.0 }];
    let error = tiny().features(features).build(&Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("smooth(0)"), "{error}");
    let error = tiny().features(Feature::ALL).in_channels(3).build(&Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("in_channels = 3") && error.contains("features"), "{error}");
}
