//! What `tests/fixtures/transform/generate.py` has written of PyTorch and NumPy.

use super::{Border, Padding};
use crate::types::Image;
use serde_json::Value;

pub(super) fn expected() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/transform/expected.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The generator's image.
pub(super) fn image(height: usize, width: usize) -> Image {
    let pixels = (0..height * width).map(|i| ((i * 37 + i / 5) % 101) as f32 / 101.0).collect();
    Image::new(height, width, pixels).unwrap()
}

pub(super) fn border_named() -> [(&'static str, Border); 3] {
    [("Zero", Border::Zero), ("Reflect", Border::Reflect), ("Edge", Border::Edge)]
}

pub(super) fn size(value: &Value) -> (usize, usize) {
    let numbers = numbers(value);
    (numbers[0] as usize, numbers[1] as usize)
}

pub(super) fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect()
}

pub(super) fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

pub(super) fn near(got: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (at, (&got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((f64::from(got) - expected).abs() <= tolerance, "{what} at {at}: {got}, not {expected}");
    }
}

#[test]
fn sizes_change_as_in_pytorch() {
    for case in expected()["resized"].as_array().unwrap() {
        let (from, to) = (size(&case["from"]), size(&case["to"]));
        let image = image(from.0, from.1);
        let what = format!("{from:?} to {to:?}");
        near(&image.resize(to.0, to.1).unwrap().pixels, &floats(&case["bilinear"]), 1e-6, &what);
        let mask = image.threshold(0.5).unwrap().resize(to.0, to.1).unwrap();
        let mask: Vec<u64> = mask.pixels().iter().map(|&p| u64::from(p)).collect();
        assert_eq!(mask, numbers(&case["nearest"]), "{what}");
    }
}

#[test]
fn paddings_are_numpys() {
    for case in expected()["padded"].as_array().unwrap() {
        let (height, width) = size(&case["size"]);
        let padding = Padding::to_multiple(height, width, case["multiple"].as_u64().unwrap() as usize);
        for (name, border) in border_named() {
            let padded = padding.border(border).pad(&image(height, width).pixels, |pixel| pixel);
            near(&padded, &floats(&case[name]), 1e-6, name);
        }
    }
}
