//! Networks that see each image standardised by itself.

use tgs_salt::prelude::*;

fn network() -> Architecture {
    Unet::new(Encoder::Plain).depth(2).base_filters(4).normalize(Normalize::PER_IMAGE)
}

/// Some samples of the survey, their amplitudes changed.
fn some(change: impl Fn(f32) -> f32) -> Dataset {
    let train = Competition::sample().unwrap().train;
    let sample = |i: usize| {
        let mut sample = train.get(i).unwrap();
        sample.image.pixels.iter_mut().for_each(|pixel| *pixel = change(*pixel));
        sample
    };
    Dataset::from_samples([0, 50, 100, 150].map(sample).to_vec()).unwrap()
}

fn difference(model: &Model, tta: &Tta, [a, b]: [&Dataset; 2]) -> f32 {
    let [a, b] = [a, b].map(|dataset| model.predict_tta(dataset, tta).unwrap());
    let mut most = 0f32;
    for id in &a.ids {
        let (a, b) = (a.get(id).unwrap(), b.get(id).unwrap());
        most = a.pixels.iter().zip(&b.pixels).fold(most, |most, (a, b)| most.max((a - b).abs()));
    }
    most
}

#[test]
fn predictions_do_not_depend_on_brightness_and_contrast() {
    let (plain, changed) = (some(|amplitude| amplitude), some(|amplitude| 0.5 * amplitude + 0.2));
    let views = Tta::default();
    for network in [network(), network().input_size(64, 96), network().features([Feature::SobelY])] {
        let model = network.clone().build(&Device::Cpu).unwrap();
        for tta in [&Tta::none(), &views] {
            let moved = difference(&model, tta, [&plain, &changed]);
            assert!(moved < 1e-5, "{moved}");
        }
        let usual = network.normalize(Normalize::default()).build(&Device::Cpu).unwrap();
        assert!(difference(&usual, &Tta::none(), [&plain, &changed]) > 1e-3);
    }
}

#[test]
fn it_is_kept_with_the_model_and_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, path) = (some(|amplitude| amplitude), folder.path().join("model.safetensors"));
    let mut model = network().build(&Device::Cpu).unwrap();
    let config = TrainConfig::default().epochs(1).batch_size(2).run_folder(folder.path().join("run"));
    model.train(&dataset, &dataset, &config).unwrap();
    model.save(&path).unwrap();
    let loaded = Model::load(&path, &Device::Cpu).unwrap();
    assert!(loaded.config().normalize.per_image);
    assert_eq!(
        loaded.predict(&dataset).unwrap().get("000a0ef0").ok(),
        model.predict(&dataset).unwrap().get("000a0ef0").ok()
    );
    assert_eq!(Run::open(&config.run_folder).unwrap().architecture.normalize, Normalize::PER_IMAGE);
    assert!(network().from_scratch().normalize.per_image, "it was chosen");
    // What the eye gets are amplitudes.
    let figure =
        |dataset: &Dataset| model.show_batch(dataset, &config.clone().augment(Augment::none())).unwrap();
    let same = network().normalize(Normalize::default());
    let plain = same.show_batch(&dataset, &config.clone().augment(Augment::none())).unwrap();
    assert_eq!((figure(&dataset).width(), figure(&dataset).height()), (plain.width(), plain.height()));
}
