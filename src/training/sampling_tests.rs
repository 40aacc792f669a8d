//! Which images come, how often.

use super::*;
use crate::types::{Image, Mask};

/// Images of three classes: of the first all but every fourth, of the second every fifth, of the third two.
fn dataset(images: usize) -> Dataset {
    let sample = |i: usize| {
        let classes = [!i.is_multiple_of(4), i.is_multiple_of(5), i == 7 || i == 12];
        let planes = classes.map(|there| Mask::new(1, 2, vec![u8::from(there), 0]).unwrap());
        let image = Image::new(1, 2, vec![0.0, 1.0]).unwrap();
        Sample { id: format!("{i:03}"), z: None, image, mask: Some(Mask::stack(&planes).unwrap()) }
    };
    Dataset::from_samples((0..images).map(sample).collect()).unwrap()
}

fn set(dataset: &Dataset) -> TrainingSet {
    TrainingSet::new(dataset, &TrainConfig::default().sampling(Sampling::Balanced)).unwrap()
}

#[test]
fn groups_are_of_each_class_and_of_none() {
    let groups = groups(&dataset(20)).unwrap();
    assert_eq!(groups[1], [0, 5, 10, 15]);
    assert_eq!(groups[2], [7, 12]);
    assert_eq!(groups[3], [4, 8, 16], "12 has the third class, 0 the second");
    assert_eq!(groups[0].len(), 15);
    let one = dataset(20).class(0).unwrap();
    let groups = super::groups(&one).unwrap();
    assert_eq!(groups[1], [0, 4, 8, 12, 16]);
    assert_eq!(super::groups(&one.with_salt().unwrap()).unwrap().len(), 1, "none is without");
}

#[test]
fn every_group_is_drawn_from_as_often_as_the_others() {
    for (count, seed) in [(97, 1), (98, 2), (99, 3), (100, 4), (3, 5), (0, 6)] {
        // Groups without a common image, by tens.
        let groups: Vec<Vec<usize>> =
            [50, 9, 2, 1].iter().enumerate().map(|(g, &n)| (100 * g..100 * g + n).collect()).collect();
        let draws = in_turn(&groups, count, &mut stream(seed, 1, DRAWS));
        assert_eq!(draws.len(), count);
        for (g, group) in groups.iter().enumerate() {
            let of: Vec<usize> = draws.iter().copied().filter(|draw| draw / 100 == g).collect();
            assert!((count / 4..=count.div_ceil(4)).contains(&of.len()), "{} of {count}", of.len());
            for round in of.chunks(group.len()) {
                let distinct: std::collections::HashSet<_> = round.iter().collect();
                assert_eq!(distinct.len(), round.len(), "an image came again before all had come");
            }
        }
    }
}

#[test]
fn an_epoch_is_a_function_of_seed_and_number() {
    let all = dataset(60);
    let balanced = set(&all);
    assert_eq!((balanced.draws(42, 3).len(), balanced.len()), (60, 60));
    assert_eq!(balanced.draws(42, 3), set(&all).draws(42, 3));
    assert_ne!(balanced.draws(42, 3), balanced.draws(42, 4));
    assert_ne!(balanced.draws(42, 3), balanced.draws(43, 3));
    // Over some epochs every image comes.
    let mut times = [0; 60];
    (1..=20).flat_map(|epoch| balanced.draws(1, epoch)).for_each(|image| times[image] += 1);
    assert!(times.iter().all(|&times| times > 0) && times[7] > 5 * times[1], "{times:?}");
}

#[test]
fn shuffled_is_every_image_once_as_ever() {
    let all = dataset(60);
    let set = TrainingSet::new(&all, &TrainConfig::default()).unwrap();
    assert_eq!(set.draws(42, 1), (0..60).collect::<Vec<_>>());
    // The order of the first versions.
    let mut random = ChaCha8Rng::seed_from_u64(42);
    random.set_stream(5 << 32);
    let mut order: Vec<usize> = (0..60).collect();
    order.shuffle(&mut random);
    assert_eq!(shuffled(60, 42, 5), order);
}

#[test]
fn an_image_without_a_mask_is_named() {
    let mut samples = dataset(3).samples().unwrap();
    samples[1].mask = None;
    let all = Dataset::from_samples(samples).unwrap();
    let config = TrainConfig::default();
    assert!(TrainingSet::new(&all, &config).is_ok());
    let error = TrainingSet::new(&all, &config.sampling(Sampling::Balanced)).err().unwrap();
    assert!(matches!(&error, Error::Id { id, .. } if id == "001"), "{error}");
}

#[test]
fn an_image_that_comes_twice_is_augmented_in_two_ways() {
    let network = crate::models::Unet::new(crate::models::Encoder::Plain).depth(1);
    let augment = crate::transform::Augment::none().noise(0.2).p(1.0);
    let config = TrainConfig::default().sampling(Sampling::Balanced).augment(augment);
    let mut seen: Vec<(String, Vec<f32>)> = vec![];
    let step = |batch: crate::nn::Batch| {
        let values = batch.images.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let size = values.len() / batch.ids.len();
        seen.extend(batch.ids.iter().cloned().zip(values.chunks(size).map(<[f32]>::to_vec)));
        Ok(std::ops::ControlFlow::Continue(()))
    };
    let layout = network.batch_layout(8, &candle_core::Device::Cpu);
    let all = set(&dataset(30));
    crate::training::pass::for_each_training_batch(&all, layout, &config, (1, 30), step).unwrap();
    let of_7: Vec<&Vec<f32>> = seen.iter().filter(|(id, _)| id == "007").map(|(_, values)| values).collect();
    assert!(seen.len() == 30 && of_7.len() > 2, "{}", of_7.len());
    assert!(of_7.iter().enumerate().all(|(i, values)| !of_7[..i].contains(values)));
}
