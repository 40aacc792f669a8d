use super::*;
use crate::Error;
use crate::types::{Image, Mask};

fn sample() -> Sample {
    let image = Image::new(2, 3, vec![0.0, 0.1, 0.2, 0.3, 0.4, 0.5]).unwrap();
    let mask = Mask::new(2, 3, vec![1, 0, 0, 1, 1, 0]).unwrap();
    Sample { id: "a".into(), z: None, image, mask: Some(mask) }
}

/// Layers, and a square of salt.
fn layered(side: usize) -> Sample {
    let layer = |p: usize| 0.5 + 0.3 * ((p / side) as f32 / 3.0 + (p % side) as f32 / 40.0).sin();
    let salt = |p: usize| u8::from((p / side) > side / 2 && (side / 4..side / 2).contains(&(p % side)));
    let image = Image::new(side, side, (0..side * side).map(layer).collect()).unwrap();
    let mask = Mask::new(side, side, (0..side * side).map(salt).collect()).unwrap();
    Sample { id: "a".into(), z: None, image, mask: Some(mask) }
}

/// Everything but mixup, always.
fn everything() -> Augment {
    Augment::strong().elastic(3.0).noise(0.05).cutout(2).p(1.0)
}

#[test]
fn a_flip_mirrors_image_and_mask_together() {
    let flipped = Augment::none().horizontal_flip(1.0).apply(sample(), 1, 1, 0).unwrap();
    assert_eq!(flipped.image.pixels, [0.2, 0.1, 0.0, 0.5, 0.4, 0.3]);
    assert_eq!(flipped.mask.unwrap().pixels(), [0, 0, 1, 0, 1, 1]);
    let flipped = Augment::none().vertical_flip(1.0).apply(sample(), 1, 1, 0).unwrap();
    assert_eq!(flipped.image.pixels, [0.3, 0.4, 0.5, 0.0, 0.1, 0.2]);
    assert_eq!(flipped.mask.unwrap().pixels(), [1, 1, 0, 1, 0, 0]);
    let turned = Augment::none().vertical_flip(1.0).horizontal_flip(1.0).apply(sample(), 1, 1, 0).unwrap();
    assert_eq!(turned.image.pixels, [0.5, 0.4, 0.3, 0.2, 0.1, 0.0]);
    assert_eq!(turned.mask.unwrap().pixels(), [0, 1, 1, 0, 0, 1]);
    assert_eq!(Augment::none().apply(sample(), 1, 1, 0).unwrap(), sample());
}

#[test]
fn the_default_flips_the_samples_that_it_always_has() {
    // Of (seed, epoch) (7, 3): what the version with flips alone drew for the first samples.
    use rand::Rng;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    for (seed, epoch, index) in (0..400).map(|i| (i as u64 % 5, 1 + i % 7, i)) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(((epoch as u64) << 32) | (index as u64 + 1));
        let is_flipped = random.random::<f64>() < 0.5;
        let seen = Augment::default().apply(sample(), seed, epoch, index).unwrap();
        assert_eq!(seen.image.pixels[0] != 0.0, is_flipped);
        let strong = Augment::default().brightness(0.2).noise(0.1).p(1.0);
        let seen = strong.apply(sample(), seed, epoch, index).unwrap();
        assert_eq!(seen.mask.unwrap().pixels()[0] == 0, is_flipped, "whatever else is on");
    }
}

#[test]
fn about_half_are_flipped_and_the_same_ones_each_time() {
    let flips = |seed, epoch| -> Vec<bool> {
        let is_flipped =
            |i| Augment::default().apply(sample(), seed, epoch, i).unwrap().image.pixels[0] != 0.0;
        (0..1000).map(is_flipped).collect()
    };
    assert_eq!(flips(7, 3), flips(7, 3));
    assert_ne!(flips(7, 3), flips(7, 4));
    assert_ne!(flips(7, 3), flips(8, 3));
    let count = flips(7, 3).iter().filter(|&&f| f).count();
    assert!((440..560).contains(&count), "{count}");
}

#[test]
fn each_change_happens_as_often_as_it_should() {
    let still = Augment::none().p(0.3);
    for augment in [
        still.clone().shift(0.2),
        still.clone().scale(0.2),
        still.clone().rotate(20.0),
        still.clone().shear(20.0),
        still.clone().elastic(5.0),
        still.clone().brightness(0.2),
        still.clone().contrast(0.5),
        still.clone().gamma(0.5),
        still.clone().noise(0.2),
        still.clone().cutout(1),
        still.clone().p(0.0).vertical_flip(0.3),
    ] {
        let (before, is_lightened) = (layered(15), augment.clone().p(0.0) != augment);
        let changed = (0..600).filter(|&i| augment.apply(before.clone(), 3, 2, i).unwrap() != before).count();
        assert!((145..215).contains(&changed), "{changed} of 600: {augment:?}");
        let never = augment.p(0.0).vertical_flip(0.0).apply(before.clone(), 3, 2, 1).unwrap();
        assert!(never == before || !is_lightened);
    }
}

#[test]
fn what_is_switched_on_changes_nothing_about_the_rest() {
    // The mask tells what has moved, whatever the image's amplitudes are.
    let moved = Augment::strong().p(0.7);
    let lit = moved.clone().brightness(0.0).gamma(0.0).noise(0.1).cutout(3).mixup(0.4);
    for i in 0..40 {
        let masks = [&moved, &lit].map(|augment| augment.apply(layered(31), 1, 1, i).unwrap().mask);
        assert_eq!(masks[0], masks[1]);
    }
    // Amplitudes that are lighter by the same with and without what moves them.
    let light = Augment::none().brightness(0.2).p(1.0);
    let flat = |augment: &Augment, i| {
        let image = Image::new(9, 9, vec![0.5; 81]).unwrap();
        let seen = augment.apply(Sample { id: "a".into(), z: None, image, mask: None }, 1, 1, i).unwrap();
        seen.image.pixels[40]
    };
    for i in 0..40 {
        assert_eq!(flat(&light, i), flat(&light.clone().rotate(9.0).shift(0.1).elastic(2.0), i));
    }
}

#[test]
fn samples_depend_on_seed_epoch_and_index_alone() {
    let draw = |seed, epoch, index| everything().apply(layered(41), seed, epoch, index).unwrap();
    let first = draw(1, 1, 0);
    assert_eq!(first, draw(1, 1, 0));
    for other in [draw(2, 1, 0), draw(1, 2, 0), draw(1, 1, 1)] {
        assert_ne!(first, other);
    }
    let alone: Vec<Sample> = (0..8).map(|i| draw(1, 1, i)).collect();
    let together: Vec<Sample> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|i| scope.spawn(move || draw(1, 1, i))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(alone, together);
}

#[test]
fn amplitudes_stay_in_range_and_masks_binary() {
    for border in [Border::Zero, Border::Reflect, Border::Edge] {
        let wild = everything().border(border).brightness(1.0).contrast(1.0).gamma(9.0).noise(1.0).shift(1.0);
        for i in 0..60 {
            let seen = wild.apply(layered(23), 9, 1, i).unwrap();
            assert!(seen.image.pixels.iter().all(|p| (0.0..=1.0).contains(p)), "{border:?}");
            assert!(seen.mask.unwrap().pixels().iter().all(|&p| p <= 1));
        }
    }
    for (height, width) in [(1, 1), (1, 9), (7, 2)] {
        let image = Image::new(height, width, vec![0.25; height * width]).unwrap();
        let mask = Some(Mask::new(height, width, vec![1; height * width]).unwrap());
        let small = Sample { id: "a".into(), z: None, image, mask };
        for i in 0..20 {
            everything().apply(small.clone(), 1, 1, i).unwrap();
        }
    }
}

#[test]
fn strengths_reach_their_limits_and_no_further() {
    let still = Augment::none().p(1.0);
    // 0.6 beside 0.5: the mean is 0.55, and contrast stretches the distance of 0.05.
    for (augment, value, [low, high]) in [
        (still.clone().brightness(0.1), 0.6f32, [0.5f32, 0.7]),
        (still.clone().contrast(0.4), 0.6, [0.58, 0.62]),
        (still.clone().gamma(0.25), 0.6, [0.6f32.powf(1.25), 0.6f32.powf(0.8)]),
    ] {
        let values = {
            let image = Image::new(1, 2, vec![value, 0.5]).unwrap();
            let flat = Sample { id: "a".into(), z: None, image, mask: None };
            let one = |i| augment.apply(flat.clone(), 5, 1, i).unwrap().image.pixels[0];
            (0..400).map(one).collect::<Vec<f32>>()
        };
        let ends = values.iter().fold([1f32, 0.0], |[l, h], &v| [l.min(v), h.max(v)]);
        let slack = 0.02 * (high - low);
        assert!(ends[0] >= low - 1e-3 && ends[0] < low + slack, "{ends:?} {augment:?}");
        assert!(ends[1] <= high + 1e-3 && ends[1] > high - slack, "{ends:?} {augment:?}");
    }
}

#[test]
fn gamma_is_a_power() {
    let values: Vec<f32> = (0..=1000).map(|i| i as f32 / 1000.0).collect();
    let image = Image::new(1, 1001, values).unwrap();
    let ramp = Sample { id: "a".into(), z: None, image, mask: None };
    for i in 0..20 {
        let seen = Augment::none().gamma(0.5).p(1.0).apply(ramp.clone(), 1, 1, i).unwrap().image.pixels;
        let power = f64::from(seen[500]).ln() / 0.5f64.ln();
        assert!((0.66..1.51).contains(&power));
        for (at, &value) in seen.iter().enumerate() {
            assert!((f64::from(value) - (at as f64 / 1000.0).powf(power)).abs() < 1e-3, "{power} {at}");
        }
    }
}

#[test]
fn noise_has_its_deviation_and_no_drift() {
    let image = Image::new(101, 101, vec![0.5; 10_201]).unwrap();
    let flat = Sample { id: "a".into(), z: None, image, mask: None };
    let mut deviations = vec![];
    for i in 0..100 {
        let seen = Augment::none().noise(0.1).p(1.0).apply(flat.clone(), 1, 1, i).unwrap().image.pixels;
        let mean = seen.iter().map(|&v| f64::from(v)).sum::<f64>() / 10_201.0;
        let variance = seen.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / 10_201.0;
        assert!((mean - 0.5).abs() < 0.005, "{mean}");
        deviations.push(variance.sqrt());
    }
    let (low, high) = deviations.iter().fold((1f64, 0f64), |(l, h), &d| (l.min(d), h.max(d)));
    let mean = deviations.iter().sum::<f64>() / 100.0;
    assert!(low < 0.01 && high > 0.09 && high < 0.103 && (mean - 0.05).abs() < 0.01, "{low} {high} {mean}");
}

#[test]
fn holes_have_their_size_their_number_and_the_images_mean() {
    let before = layered(101);
    let mean = before.image.pixels.iter().map(|&p| f64::from(p)).sum::<f64>() / 10_201.0;
    let mut areas = vec![];
    for i in 0..100 {
        let seen = Augment::none().cutout(3).cutout_size(0.3).p(1.0).apply(before.clone(), 1, 1, i).unwrap();
        assert_eq!(seen.mask, before.mask);
        let holes = seen.image.pixels.iter().zip(&before.image.pixels).filter(|(a, b)| a != b);
        let values: Vec<f32> = holes.map(|(&hole, _)| hole).collect();
        assert!(values.iter().all(|&hole| (f64::from(hole) - mean).abs() < 1e-6));
        areas.push(values.len());
    }
    // Holes of 30 × 30 that may overlap; a few pixels are the mean already.
    let whole = areas.iter().filter(|&&area| (890..=900).contains(&area)).count();
    let most = areas.iter().max().unwrap();
    assert!((20..50).contains(&whole) && (1801..=2700).contains(most), "{whole} {most}");
}

#[test]
fn settings_out_of_range_and_broken_samples_are_refused() {
    let good = Augment::default;
    for (bad, field) in [
        (good().horizontal_flip(2.0), "horizontal_flip"),
        (good().vertical_flip(-0.1), "vertical_flip"),
        (good().p(f64::NAN), "p"),
        (good().shift(1.1), "shift"),
        (good().scale(1.0), "scale"),
        (good().rotate(181.0), "rotate"),
        (good().shear(61.0), "shear"),
        (good().elastic(f64::INFINITY), "elastic"),
        (good().elastic_sigma(0.0), "elastic_sigma"),
        (good().brightness(1.5), "brightness"),
        (good().contrast(1.5), "contrast"),
        (good().gamma(-1.0), "gamma"),
        (good().noise(2.0), "noise"),
        (good().cutout(101), "cutout"),
        (good().cutout_size(0.0), "cutout_size"),
        (good().mixup(-0.2), "mixup"),
    ] {
        let error = bad.apply(sample(), 1, 1, 0).unwrap_err();
        assert!(matches!(error, Error::Config { field: name, .. } if name == field), "{error}");
    }
    let mut broken = sample();
    broken.image.height = 3;
    assert!(matches!(everything().apply(broken, 1, 1, 0), Err(Error::Shape { .. })));
    let other = Sample { mask: Some(Mask::new(3, 2, vec![0; 6]).unwrap()), ..sample() };
    assert!(matches!(everything().apply(other, 1, 1, 0), Err(Error::Shape { .. })));
}

#[test]
fn older_checkpoints_have_a_flip_and_nothing_else() {
    let older: Augment = serde_json::from_str(r#"{"horizontal_flip":0.25}"#).unwrap();
    assert_eq!(older, Augment::default().horizontal_flip(0.25));
    let strong = Augment::strong().border(Border::Edge).mixup(0.4);
    assert_eq!(serde_json::from_str::<Augment>(&serde_json::to_string(&strong).unwrap()).unwrap(), strong);
}

#[test]
fn shares_of_mixup_have_the_moments_of_beta() {
    assert!(Augment::strong().mixing(1, 1).is_none());
    let mixup = Augment::none().mixup(0.4).mixing(1, 1).unwrap();
    let shares: Vec<f64> = (0..20_000).map(|i| f64::from(mixup.share(i))).collect();
    let mean = shares.iter().sum::<f64>() / 20_000.0;
    let variance = shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / 20_000.0;
    assert!((mean - 0.5).abs() < 0.01 && (variance - 1.0 / 7.2).abs() < 0.003, "{mean} {variance}");
    assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)));
    assert_ne!(shares[3], f64::from(Augment::none().mixup(0.4).mixing(1, 2).unwrap().share(3)));
}

#[test]
fn each_class_moves_as_it_would_alone() {
    let sample = |mask: Mask| {
        let pixels = (0..24 * 20).map(|p| (p * 13 % 31) as f32 / 30.0).collect();
        Sample { id: "a".into(), z: None, image: Image::new(24, 20, pixels).unwrap(), mask: Some(mask) }
    };
    let plane = |step: usize| Mask::new(24, 20, (0..480).map(|p| u8::from(p % step < 2)).collect()).unwrap();
    let planes = [plane(3), plane(7), plane(11)];
    for augment in [Augment::default(), Augment::strong().elastic(3.0)] {
        for index in 0..4 {
            let moved = |mask: Mask| augment.apply(sample(mask), 5, 1, index).unwrap().mask.unwrap();
            let alone = Mask::stack(&planes.clone().map(moved)).unwrap();
            assert_eq!(moved(Mask::stack(&planes).unwrap()), alone);
        }
    }
}
