//! Images of several classes, and images with their features.

use super::{competition, layers, look};
use crate::transform::Feature;
use crate::types::{Dataset, Image, Mask, Sample};

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
