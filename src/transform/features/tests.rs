//! Against `tests/fixtures/features/expected.safetensors`, which scikit-image and SciPy have computed.

use super::Feature;
use crate::types::Image;
use safetensors::SafeTensors;

/// The generator's image.
fn image(height: usize, width: usize) -> Image {
    let pixel = |at: usize| {
        let (y, x) = ((at / width) as i64, (at % width) as i64);
        let (height, width) = (height as i64, width as i64);
        let layer = (y * 40 + (x - width / 2).pow(2) / 2) % 511;
        let layer = if layer > 255 { 510 - layer } else { layer };
        let is_blob = (y - height / 2).pow(2) + (x - width / 3).pow(2) < (height / 4).pow(2);
        let grain = (x * 37 + y * 91 + x * y * 13) % 64;
        let grey = if is_blob { 150 } else { (layer * 3 + grain * 4) / 4 };
        grey.clamp(0, 255) as f32 / 255.0
    };
    Image::new(height, width, (0..height * width).map(pixel).collect()).unwrap()
}

/// The largest difference, of phases around the circle.
fn deviation(feature: Feature, got: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len(), "{feature}");
    let apart = got.iter().zip(expected).map(|(&got, expected)| (f64::from(got) - expected).abs());
    let turn = std::f64::consts::TAU;
    apart.map(|d| if feature == Feature::Phase { d.min((turn - d).abs()) } else { d }).fold(0.0, f64::max)
}

/// The features by their names with their ranges and values, of the image of this size.
fn expected(height: usize, width: usize) -> Vec<(String, [f64; 2], Vec<f64>)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/features/expected.safetensors");
    let file = std::fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&file).unwrap();
    let names: Vec<&str> = header.metadata().as_ref().unwrap()["names"].split(';').collect();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let data = |name: String| tensors.tensor(&name).unwrap().data();
    let (steps, ranges) = (data(format!("{height}x{width}")), data(format!("{height}x{width}.range")));
    let case = |((name, steps), range): ((&&str, &[u8]), &[u8])| {
        let [least, most] = [0, 8].map(|at| f64::from_le_bytes(range[at..at + 8].try_into().unwrap()));
        let step = |bytes: &[u8]| f64::from(u16::from_le_bytes(bytes.try_into().unwrap()));
        let value = |bytes: &[u8]| least + step(bytes) / 65535.0 * (most - least);
        (name.to_string(), [least, most], steps.chunks_exact(2).map(value).collect())
    };
    let parts = steps.chunks_exact(steps.len() / names.len()).zip(ranges.chunks_exact(16));
    names.iter().zip(parts).map(|(name, (steps, range))| case(((name, steps), range))).collect()
}

#[test]
fn features_are_scikit_images() {
    for (height, width, [from, down, right]) in
        [(25, 26, [0, 1, 1]), (12, 9, [0, 1, 1]), (101, 101, [4, 8, 7])]
    {
        let image = image(height, width);
        for (name, [least, most], expected) in expected(height, width) {
            let feature: Feature = name.parse().unwrap();
            let Ok(result) = image.feature(feature) else {
                assert!(feature == Feature::Hog && height < 24, "{feature} of {height}×{width}");
                continue;
            };
            let rows = result.pixels.chunks(width).skip(from).step_by(down);
            let got: Vec<f32> = rows.flat_map(|row| row.iter().step_by(right).copied()).collect();
            let apart = deviation(feature, &got, &expected);
            // Half a step of the fixture's 16 bits, and no more than 1e−3.
            let tolerance = (1e-5 * (most - least) + 1e-6).min(1e-3);
            println!("{height}x{width} {name}: {apart:.1e}");
            assert!(apart <= tolerance, "{name} of {height}×{width}: {apart}, more than {tolerance}");
        }
    }
}

#[test]
fn every_name_reads_back_and_parameters_are_checked() {
    for feature in Feature::ALL {
        assert_eq!(feature.to_string().parse::<Feature>().unwrap(), feature);
        let json = serde_json::to_string(&feature).unwrap();
        assert_eq!(json, format!("\"{feature}\""));
        assert_eq!(serde_json::from_str::<Feature>(&json).unwrap(), feature);
    }
    assert_eq!(
        "watershed( 0.2,0.6 )".parse::<Feature>().unwrap(),
        Feature::Watershed { low: 0.2, high: 0.6 }
    );
    let wrong =
        ["edges", "smooth(", "smooth()", "smooth(1, 2)", "hog(8)", "smooth(0)", "smooth(inf)", "smooth(NaN)"];
    for text in
        wrong.into_iter().chain(["local_std(4)", "canny(x)", "watershed(0.7, 0.3)", "clahe(2)", "", ")"])
    {
        assert!(text.parse::<Feature>().is_err(), "{text}");
    }
}

#[test]
fn odd_images_are_taken_or_refused() {
    for (height, width) in [(1, 1), (1, 7), (7, 1), (2, 2), (3, 40), (24, 24)] {
        for level in [0.0, 0.5, 1.0] {
            let flat = Image::new(height, width, vec![level; height * width]).unwrap();
            for feature in Feature::ALL {
                let Ok(result) = flat.feature(feature) else {
                    let [rows, columns] = feature.least_size();
                    assert!(height < rows || width < columns, "{feature} of {height}×{width}");
                    continue;
                };
                assert!(result.pixels.iter().all(|v| v.is_finite()), "{feature} of {height}×{width}");
            }
        }
    }
    let odd = Image { height: 1, width: 2, pixels: vec![0.5, f32::NAN] };
    let short = Image { height: 2, width: 2, pixels: vec![0.5] };
    for feature in Feature::ALL {
        assert!(odd.feature(feature).is_err() && short.feature(feature).is_err(), "{feature}");
    }
}

/// The attributes of a wave of known amplitude, frequency and phase.
#[test]
fn a_wave_has_its_envelope_and_frequency() {
    let (cycles, height) = (6.0, 64);
    let angle = |y: usize| std::f64::consts::TAU * cycles * y as f64 / height as f64;
    let wave = (0..height * 3).map(|at| (0.5 + 0.3 * angle(at / 3).cos()) as f32).collect();
    let image = Image::new(height, 3, wave).unwrap();
    let near = |feature, expected: f32| {
        let pixels = image.feature(feature).unwrap().pixels;
        assert!(pixels.iter().all(|v| (v - expected).abs() < 1e-6), "{feature}: {pixels:?}");
    };
    near(Feature::Envelope, 0.3);
    near(Feature::Frequency, (cycles / height as f64) as f32);
    near(Feature::Coherence { size: 5 }, 1.0);
    near(Feature::Chaos { sigma: 2.0 }, 0.0);
}
