//! Connected components against scikit-image (`fixtures/components/generate.py`), in every pixel.

use serde_json::Value;
use tgs_salt::prelude::*;

/// 0 to 255.
fn noise(count: usize, seed: i64) -> Vec<i64> {
    let mut state = seed as u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i64::from(state >> 24)
    };
    (0..count).map(|_| next()).collect()
}

/// What `generate.py` cleans.
fn mask_of(height: i64, width: i64, kind: &str, seed: i64) -> Mask {
    let random = noise((height * width) as usize, seed);
    let salt = |at: i64| {
        let (y, x, random) = (at / width, at % width, random[at as usize]);
        match kind {
            "noise" => random < 90 + 20 * seed,
            "empty" => false,
            "spiral" => {
                let ring = y.min(x).min(height - 1 - y).min(width - 1 - x);
                (ring % 2 == 0) ^ (x == ring + 1 && y == ring + 2)
            }
            _ => {
                let dome = |i: i64| {
                    let (cy, cx) = ((31 * i + 17 * seed) % height, (47 * i + 29 * seed) % width);
                    let r = 4 + (7 * i + 5 * seed) % 26;
                    (y - cy) * (y - cy) + (x - cx) * (x - cx) < r * r
                };
                (0..5).fold(random > 250 - 4 * seed, |salt, i| salt ^ dome(i))
            }
        }
    };
    let pixels = (0..height * width).map(|at| u8::from(salt(at))).collect();
    Mask::new(height as usize, width as usize, pixels).unwrap()
}

fn checksum(values: impl Iterator<Item = u32>) -> u64 {
    values.fold(0u32, |total, value| total.wrapping_mul(31).wrapping_add(value).wrapping_add(1)).into()
}

fn sum_of(mask: &Mask) -> u64 {
    checksum(mask.pixels().iter().map(|&p| u32::from(p)))
}

fn runs(labels: &[u32]) -> Vec<u64> {
    let runs = labels.chunk_by(|a, b| a == b).map(|run| [u64::from(run[0]), run.len() as u64]);
    runs.flatten().collect()
}

fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
}

#[test]
fn labels_and_masks_are_those_of_scikit_image() {
    let expected: Value = serde_json::from_str(include_str!("fixtures/components/expected.json")).unwrap();
    let sizes = numbers(&expected["sizes"]);
    let cases = expected["cases"].as_array().unwrap();
    assert!(cases.len() >= 30);
    for case in cases {
        let number = |name: &str| case[name].as_i64().unwrap();
        let kind = case["kind"].as_str().unwrap();
        let name = format!("{}×{} {kind} {}", number("height"), number("width"), number("seed"));
        let mask = mask_of(number("height"), number("width"), kind, number("seed"));
        assert_eq!(sum_of(&mask), case["mask"], "the mask of {name} is another one");
        let connectivity = [Connectivity::Four, Connectivity::Eight][number("connectivity") as usize - 1];
        let components = mask.components(connectivity);
        match &case["labels"] {
            Value::Array(_) => assert_eq!(runs(&components.labels), numbers(&case["labels"]), "{name}"),
            sum => assert_eq!(checksum(components.labels.iter().copied()), *sum, "{name}"),
        }
        assert_eq!(components.list.len() as i64, number("count"), "{name}");
        for (component, region) in components.list.iter().zip(case["regions"].as_array().unwrap()) {
            let Component { label, area, rows, columns, .. } = component;
            let bounds = [*area, rows.start, columns.start, rows.end, columns.end].map(|n| n as u64);
            assert_eq!([vec![u64::from(*label)], bounds.to_vec()].concat(), numbers(region), "{name}");
        }
        for (i, &size) in sizes.iter().enumerate() {
            let size = size as usize;
            let rule = ComponentRule::default().connectivity(connectivity);
            let made = [
                ("objects", rule.min_object(size).clean(&mask)),
                ("holes", rule.min_hole(size).clean(&mask)),
                ("both", rule.min_object(size).min_hole(size).clean(&mask)),
            ];
            for (what, made) in made {
                assert_eq!(sum_of(&made), case[what][i], "{name}: {what} of {size}");
            }
        }
    }
}
