//! The made-up clouds.

use tgs_salt::prelude::*;

#[test]
fn made_up_clouds_are_those_of_everyone() {
    let start = std::time::Instant::now();
    let clouds = Competition::sample_clouds().unwrap();
    println!("made in {:?}", start.elapsed());
    let samples = clouds.train.samples().unwrap();
    // FNV-1a of every pixel: a platform that rounds differently fails here.
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = samples.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, sample| {
        let hash = sample.image.pixels.iter().fold(hash, |hash, &p| step(hash, (p * 255.0).round() as u8));
        sample.mask.as_ref().unwrap().pixels().iter().fold(hash, |hash, &p| step(hash, p))
    });
    assert_eq!((samples[0].id.as_str(), hash), ("0124edf.jpg", 15233938683043918752));
    assert!(samples.iter().all(|s| (s.image.height, s.image.width) == (140, 210)));
    assert_eq!(clouds.test.class_names(), clouds.train.class_names());
    let areas = clouds.train.class_areas().unwrap();
    let with = |class: usize| areas.iter().flatten().filter(|areas| areas[class] > 0).count();
    let counts = [0, 1, 2, 3].map(with);
    assert!(counts.iter().all(|count| (40..90).contains(count)), "{counts:?}");
    let classes = |areas: &Vec<usize>| areas.iter().filter(|&&area| area > 0).count();
    assert!((1..=4).all(|n| areas.iter().flatten().any(|areas| classes(areas) == n)));
    if let Ok(folder) = std::env::var("TGS_SALT_LOOK") {
        clouds.train.show(12).unwrap().save(format!("{folder}/clouds.png")).unwrap();
        clouds.train.plot_classes().unwrap().save(format!("{folder}/clouds_classes.png")).unwrap();
    }
}

/// Not part of the ordinary tests: `cargo test --test data_clouds -- --ignored --nocapture`.
#[test]
#[ignore = "trains for a minute and a half"]
fn made_up_clouds_can_be_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let clouds = Competition::sample_clouds().unwrap();
    let (train, valid) = clouds.train.split(0.25, 5).unwrap();
    let network = Unet::new(Encoder::Plain).depth(5).base_filters(8).classes(4).seed(1);
    let mut model = network.build(&Device::Cpu).unwrap();
    let config = TrainConfig::default().epochs(14).batch_size(8).learning_rate(5e-3).loss(Loss::BceDice);
    let config = config.run_folder(folder.path());
    let start = std::time::Instant::now();
    let history = model.train(&train, &valid, &config).unwrap();
    println!("{:?} in {:?}", history.best().unwrap(), start.elapsed());
    let probabilities = model.predict(&valid).unwrap();
    for (class, name) in clouds.train.class_names().iter().enumerate() {
        let score = probabilities.class(class).unwrap().evaluate(&valid.class(class).unwrap()).unwrap();
        println!("{name}: {score:?}");
    }
    assert!(history.best().unwrap().dice > 0.5);
}
