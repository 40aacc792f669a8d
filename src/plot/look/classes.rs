//! Images of several classes, and images with their features.

use super::{competition, layers, look};
use crate::models::{Encoder, Unet};
use crate::training::TrainConfig;
use crate::transform::{Augment, Feature};
use crate::types::{Competition, Dataset, Image, Mask, Sample};
use candle_core::Device;

/// Bands and discs of four classes, which overlap.
fn clouds(n: usize) -> Dataset {
    let (height, width) = (70, 105);
    let plane = |i: usize, class: usize| {
        let there = (i * 7 + class * 5) % (2 + class) != 1;
        let (cy, cx) =
            (10.0 + (i * 13 + class * 29) as f32 % 50.0, 15.0 + (i * 31 + class * 17) as f32 % 75.0);
        let inside = |p: usize| {
            let (dy, dx) = ((p / width) as f32 - cy, (p % width) as f32 - cx);
            there && (dy * dy + 0.4 * dx * dx).sqrt() < 9.0 + ((i + class) % 4) as f32 * 4.0
        };
        Mask::new(height, width, (0..height * width).map(|p| u8::from(inside(p))).collect()).unwrap()
    };
    let sample = |i: usize| Sample {
        id: format!("cloud_{i:03}"),
        z: None,
        image: layers(height, width, i),
        mask: Some(Mask::stack(&[0, 1, 2, 3].map(|class| plane(i, class))).unwrap()),
    };
    let all = Dataset::from_samples((0..n).map(sample).collect()).unwrap();
    all.with_class_names(&["fish", "flower", "gravel", "sugar"]).unwrap()
}

#[test]
fn features() {
    let train = competition().train;
    look(&train.get(7).unwrap().show_features(&Feature::ALL).unwrap(), "features");
    let empty = Image::new(101, 101, vec![0.0; 101 * 101]).unwrap();
    let black = Sample { id: "black".into(), z: None, image: empty, mask: None };
    look(&black.show_features(&[Feature::Sobel, Feature::Phase]).unwrap(), "features_black");
    assert!(black.show_features(&[]).is_err() && black.show_features(&[Feature::Hog; 96]).is_err());
}

#[test]
fn several_classes() {
    let clouds = clouds(60);
    look(&clouds.plot_classes().unwrap(), "classes");
    look(&clouds.show(6).unwrap(), "classes_overlay");
    look(&clouds.show(12).unwrap(), "classes_overlay_12");
    look(&clouds.show(60).unwrap(), "classes_overlay_60");
}

/// Whatever figure it is, clouds are not called salt, and have no unknown depths.
#[test]
fn clouds_by_their_names() {
    let clouds = Competition::sample_clouds().unwrap();
    let fish = clouds.train.class(0).unwrap();
    for (dataset, name) in [(&clouds.train, "clouds"), (&fish, "fish")] {
        look(&dataset.show(12).unwrap(), &format!("{name}_show"));
        look(&dataset.show(60).unwrap(), &format!("{name}_show_60"));
        look(&dataset.plot_coverage().unwrap(), &format!("{name}_coverage"));
        look(&dataset.plot_means().unwrap(), &format!("{name}_means"));
        let few = dataset.filter(|i| i % 10 == 0);
        let network = Unet::new(Encoder::Plain).depth(2).base_filters(4).classes(dataset.class_names().len());
        let mixup = TrainConfig::default().augment(Augment::strong().mixup(0.4));
        look(&network.show_batch(&few, &TrainConfig::default()).unwrap(), &format!("{name}_batch"));
        look(&network.show_batch(&few, &mixup).unwrap(), &format!("{name}_batch_mixed"));
        let all = network.build(&Device::Cpu).unwrap().predict(&few).unwrap();
        let masks = all.threshold(0.5).unwrap();
        look(&masks.show(&few, 6).unwrap(), &format!("{name}_masks"));
        look(&masks.plot_coverage(&few).unwrap(), &format!("{name}_masks_coverage"));
        look(&masks.plot_confusion(&few).unwrap(), &format!("{name}_masks_confusion"));
        look(&few.get(3).unwrap().show_features(&[Feature::Sobel]).unwrap(), &format!("{name}_features"));
        look(&Augment::strong().show(&few.get(3).unwrap()).unwrap(), &format!("{name}_augment"));
        if name == "fish" {
            look(&all.show(&few, 4).unwrap(), "fish_probabilities");
            look(&all.plot_best(&few, 4).unwrap(), "fish_best");
            look(&all.plot_calibration(&few).unwrap(), "fish_calibration");
            look(&all.threshold_search(&few).unwrap().plot().unwrap(), "fish_threshold");
        }
    }
    let cards = [clouds.card(), clouds.train.card(), fish.card()].map(|card| card.html());
    for html in &cards {
        assert!(!html.contains("salt") && !html.contains("depth") && !html.contains("unknown"), "{html}");
    }
    assert!(cards[1].contains("0 nothing, 1 up to 10 %") && cards[2].contains("0 no Fish, 1 up to 10 %"));
    if let Ok(folder) = std::env::var("TGS_SALT_LOOK") {
        std::fs::write(format!("{folder}/clouds.html"), cards.join("<br><br>")).unwrap();
    }
}
