use super::*;
use crate::transform::augment::elastic::Field;
use crate::transform::reference::{border_named, expected, floats, image, near, numbers, size};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const STILL: Affine = Affine { flips: (false, false), shift: [0.0; 2], zoom: 1.0, degrees: 0.0, shear: 0.0 };

fn sample(height: usize, width: usize) -> Sample {
    let image = image(height, width);
    let mask = image.threshold(0.5).unwrap();
    Sample { id: "a".into(), z: None, image, mask: Some(mask) }
}

fn warped(affine: Affine, border: Border, sample: &Sample) -> Sample {
    let size = (sample.image.height, sample.image.width);
    Warp::new(affine, None, border, size).apply(sample.clone()).unwrap()
}

#[test]
fn images_and_masks_go_where_pytorch_puts_them() {
    for case in expected()["warped"].as_array().unwrap() {
        let flips = (case["flips"][0].as_bool().unwrap(), case["flips"][1].as_bool().unwrap());
        let number = |name: &str| case[name].as_f64().unwrap();
        let affine = Affine {
            flips,
            shift: [0, 1].map(|i| case["shift"][i].as_f64().unwrap()),
            zoom: number("zoom"),
            degrees: number("degrees"),
            shear: number("shear"),
        };
        let (height, width) = size(&case["size"]);
        for (name, border) in border_named() {
            let ours = warped(affine, border, &sample(height, width));
            near(&ours.image.pixels, &floats(&case[name]["image"]), 2e-6, &format!("{name} {affine:?}"));
            let mask: Vec<u64> = ours.mask.unwrap().pixels().iter().map(|&p| u64::from(p)).collect();
            assert_eq!(mask, numbers(&case[name]["mask"]), "{name} {affine:?}");
        }
    }
}

#[test]
fn whole_pixels_and_right_angles_are_exact() {
    let cross = |pixels: [u8; 9]| {
        let image = Image::new(3, 3, pixels.map(f32::from).to_vec()).unwrap();
        let mask = image.threshold(0.5).unwrap();
        Sample { id: "a".into(), z: None, image, mask: Some(mask) }
    };
    let corner = cross([1, 1, 0, 0, 0, 0, 0, 0, 0]);
    let third = 1.0 / 3.0;
    for (affine, expected) in [
        (STILL, [1, 1, 0, 0, 0, 0, 0, 0, 0]),
        (Affine { shift: [third, 0.0], ..STILL }, [0, 1, 1, 0, 0, 0, 0, 0, 0]),
        (Affine { shift: [0.0, third], ..STILL }, [0, 0, 0, 1, 1, 0, 0, 0, 0]),
        (Affine { degrees: 90.0, ..STILL }, [0, 0, 0, 1, 0, 0, 1, 0, 0]),
        (Affine { degrees: 180.0, ..STILL }, [0, 0, 0, 0, 0, 0, 0, 1, 1]),
        (Affine { shear: 45.0, ..STILL }, [1, 0, 0, 0, 0, 0, 0, 0, 0]),
        (Affine { flips: (true, false), ..STILL }, [0, 1, 1, 0, 0, 0, 0, 0, 0]),
        (Affine { flips: (false, true), ..STILL }, [0, 0, 0, 0, 0, 0, 1, 1, 0]),
    ] {
        let (got, expected) = (warped(affine, Border::Zero, &corner), cross(expected));
        assert_eq!(got.mask, expected.mask, "{affine:?}");
        near(&got.image.pixels, &expected.image.pixels.map_to_f64(), 1e-6, &format!("{affine:?}"));
    }
    for border in [Border::Zero, Border::Reflect, Border::Edge] {
        assert_eq!(warped(STILL, border, &sample(7, 9)), sample(7, 9), "nothing to do is nothing done");
    }
}

/// A disc with a soft edge, and its inside.
fn disc(size: usize) -> Sample {
    let middle = (size - 1) as f32 / 2.0;
    let soft = |p: usize| {
        let (y, x) = ((p / size) as f32 - middle - 3.0, (p % size) as f32 - middle + 5.0);
        (0.5 + (size as f32 / 5.0 - (x * x + 1.7 * y * y).sqrt()) / 4.0).clamp(0.0, 1.0)
    };
    let image = Image::new(size, size, (0..size * size).map(soft).collect()).unwrap();
    let mask = image.threshold(0.5).unwrap();
    Sample { id: "a".into(), z: None, image, mask: Some(mask) }
}

#[test]
fn the_mask_moves_with_the_image() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let affine = Affine { flips: (true, false), shift: [0.1, -0.05], zoom: 1.1, degrees: 9.0, shear: 4.0 };
    for affine in [affine, Affine { zoom: 0.7, ..affine }, STILL] {
        let field = Field::new(&mut random, (101, 101), 4.0, 9.0);
        let both = Warp::new(affine, Some(field), Border::Reflect, (101, 101)).apply(disc(101)).unwrap();
        let (soft, mask) = (both.image.threshold(0.5).unwrap(), both.mask.unwrap());
        let differ = soft.pixels().iter().zip(mask.pixels()).filter(|(a, b)| a != b).count();
        // Only on the border, which is about 250 pixels long, and there by a rounding.
        assert!(mask.area() > 500 && differ < 60, "{differ} of {} differ", mask.area());
    }
}

#[test]
fn the_way_back_leads_back() {
    let there = Affine { shift: [0.05, -0.08], degrees: 12.0, ..STILL };
    let moved = warped(Affine { shift: [0.0; 2], ..there }, Border::Edge, &disc(101));
    let back = warped(Affine { degrees: -12.0, ..STILL }, Border::Edge, &moved);
    let shifted = warped(Affine { degrees: 0.0, ..there }, Border::Edge, &disc(101));
    let unshifted = warped(Affine { shift: [-0.05, 0.08], ..STILL }, Border::Edge, &shifted);
    for again in [back, unshifted] {
        near(&again.image.pixels, &disc(101).image.pixels.map_to_f64(), 0.1, "there and back");
    }
}

#[test]
fn a_field_moves_smoothly_and_no_further_than_it_may() {
    let mut random = ChaCha8Rng::seed_from_u64(6);
    let (mut longest, mut steepest) = (0f32, 0f32);
    for _ in 0..20 {
        let field = Field::new(&mut random, (60, 101), 5.0, 9.0);
        let mut rows = vec![vec![[0f32; 2]; 101]; 60];
        rows.iter_mut().enumerate().for_each(|(y, row)| field.row(y, row));
        for (y, x) in (0..60).flat_map(|y| (0..101).map(move |x| (y, x))) {
            let way = rows[y][x];
            longest = longest.max((way[0] * way[0] + way[1] * way[1]).sqrt());
            for other in [rows[y.saturating_sub(1)][x], rows[y][x.saturating_sub(1)]] {
                steepest = steepest.max((way[0] - other[0]).abs()).max((way[1] - other[1]).abs());
            }
        }
    }
    assert!(longest <= 5.0 + 1e-4 && longest > 4.0, "{longest}");
    // A field of sigma 9 changes by about a ninth of its length from pixel to pixel at most.
    assert!(steepest < 1.0, "{steepest}");
}

trait MapToF64 {
    fn map_to_f64(&self) -> Vec<f64>;
}

impl MapToF64 for Vec<f32> {
    fn map_to_f64(&self) -> Vec<f64> {
        self.iter().map(|&v| f64::from(v)).collect()
    }
}
