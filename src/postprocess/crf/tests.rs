//! Input at its limits.

use super::*;

fn plain(height: usize, width: usize, value: f32) -> Image {
    Image::new(height, width, vec![value; height * width]).unwrap()
}

#[test]
fn images_without_a_border_keep_their_masks() {
    for (height, width) in [(1, 1), (1, 7), (5, 1), (20, 30)] {
        for value in [0.0, 0.5, 1.0] {
            for label in [0, 1] {
                let mask = Mask::new(height, width, vec![label; height * width]).unwrap();
                let refined = Crf::pydensecrf().refine_mask(&plain(height, width, value), &mask).unwrap();
                assert_eq!(refined, mask, "{height}×{width} of {value}");
            }
        }
    }
}

#[test]
fn a_mask_of_one_label_stays() {
    let pixel = |i: usize| ((i * 37 + i / 5) % 101) as f32 / 100.0;
    let image = Image::new(15, 21, (0..315).map(pixel).collect()).unwrap();
    for label in [0, 1] {
        let mask = Mask::new(15, 21, vec![label; 315]).unwrap();
        assert_eq!(Crf::pydensecrf().refine_mask(&image, &mask).unwrap(), mask);
    }
}

#[test]
fn without_terms_or_iterations_nothing_changes() {
    let map = Image::new(2, 3, vec![0.1, 0.9, 0.4, 0.6, 0.0, 1.0]).unwrap();
    for crf in [Crf::pydensecrf().compat_gaussian(0.0).compat_bilateral(0.0), Crf::default().iterations(0)] {
        let refined = crf.refine_probabilities(&plain(2, 3, 0.3), &map).unwrap();
        let off = refined.pixels.iter().zip(&map.pixels).map(|(a, b)| (a - b).abs());
        assert!(off.fold(0.0, f32::max) < 2e-5, "{:?}", refined.pixels);
    }
}

#[test]
fn two_classes_are_what_any_number_gives() {
    let pixel = |i: usize| ((i * 37 + i / 5) % 101) as f32 / 100.0;
    let image = Image::new(12, 10, (0..120).map(pixel).collect()).unwrap();
    let map = Image::new(12, 10, (0..120).map(|i| pixel(i * 3 + 1)).collect()).unwrap();
    let short = Crf::pydensecrf().refine_probabilities(&image, &map).unwrap();
    // A third class of next to no probability, by the general way.
    let energy = |p: f32| -p.max(1e-5).ln();
    let unary: Vec<f32> = (map.pixels.iter().map(|p| energy(1.0 - p)))
        .chain(map.pixels.iter().map(|&p| energy(p)))
        .chain(vec![80.0; 120])
        .collect();
    let three = Crf::pydensecrf().inference(&image, &unary, 3).unwrap();
    let two = Crf::pydensecrf().inference(&image, &unary[..240], 2).unwrap();
    for i in 0..120 {
        assert!(
            (three[120 + i] - short.pixels[i]).abs() < 1e-4,
            "{i}: {} {}",
            three[120 + i],
            short.pixels[i]
        );
        assert!((two[120 + i] - short.pixels[i]).abs() < 1e-5 && (two[i] + two[120 + i] - 1.0).abs() < 1e-6);
    }
}

#[test]
fn a_workspace_remembers_nothing_of_other_images() {
    let image = |seed: usize, size: usize| {
        Image::new(size, size, (0..size * size).map(|i| (i * seed % 97) as f32 / 96.0).collect()).unwrap()
    };
    let mut work = Workspace::default();
    let wide = Crf::pydensecrf().sxy_gaussian(9.0);
    for (crf, seed, size) in
        [(Crf::pydensecrf(), 5, 9), (wide, 7, 9), (wide, 11, 20), (Crf::default(), 13, 9)]
    {
        let (image, map) = (image(seed, size), image(seed + 1, size));
        let again = crf.probabilities_in(&mut work, &image, &map).unwrap();
        assert_eq!(again, crf.refine_probabilities(&image, &map).unwrap());
    }
}

#[test]
fn what_cannot_be_refined_is_named() {
    let (mask, crf) = (Mask::new(2, 2, vec![0, 1, 1, 0]).unwrap(), Crf::pydensecrf());
    let mut broken = plain(2, 2, 0.5);
    broken.pixels[3] = f32::NAN;
    let line = crf.refine_mask(&broken, &mask).unwrap_err().to_string();
    assert_eq!(line, "image for a CRF: expected a finite amplitude, got NaN at row 1, column 1");
    let line = crf.refine_probabilities(&plain(2, 2, 0.5), &broken).unwrap_err().to_string();
    assert!(line.contains("a probability in [0, 1], got NaN at row 1, column 1"), "{line}");
    assert!(matches!(crf.refine_mask(&plain(2, 3, 0.5), &mask), Err(Error::Shape { .. })));
    let odd = Image { height: 7, ..plain(2, 2, 0.5) };
    assert!(matches!(crf.refine_mask(&odd, &mask), Err(Error::Shape { .. })));
    let image = plain(2, 2, 0.5);
    assert!(matches!(crf.inference(&image, &[0.5; 4], 1), Err(Error::Shape { .. })));
    assert!(matches!(crf.inference(&image, &[0.5; 9], 2), Err(Error::Shape { .. })));
    assert!(matches!(crf.inference(&image, &[f32::NAN; 8], 2), Err(Error::Image { .. })));
    let settings = [
        (crf.gt_prob(1.0), "gt_prob = 1"),
        (crf.sxy_gaussian(0.0), "sxy_gaussian = 0"),
        (crf.sxy_bilateral(f64::NAN), "sxy_bilateral = NaN"),
        (crf.srgb(f64::INFINITY), "srgb = inf"),
        (crf.compat_gaussian(-1.0), "compat_gaussian = -1"),
        (crf.srgb(1e-5), "srgb = 0.00001"),
        (crf.sxy_gaussian(1e-7), "sxy_gaussian = 0.0000001"),
    ];
    for (crf, start) in settings {
        let line = crf.refine_mask(&image, &mask).unwrap_err().to_string();
        assert!(line.starts_with(start), "{line}");
    }
}

#[test]
fn older_settings_load() {
    let crf: Crf = serde_json::from_str(r#"{"srgb": 5.0}"#).unwrap();
    assert_eq!(crf, Crf::default().srgb(5.0));
}
