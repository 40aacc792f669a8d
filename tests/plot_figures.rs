//! Figures and cards as a notebook's user gets them.

use tgs_salt::prelude::*;

fn sample(i: usize, height: usize, width: usize) -> Sample {
    let pixels: Vec<f32> = (0..height * width).map(|p| ((p * (i + 3)) % 17) as f32 / 16.0).collect();
    let mask = (0..height * width).map(|p| u8::from(p % (i + 2) == 1)).collect();
    let image = Image::new(height, width, pixels).unwrap();
    let z = (!i.is_multiple_of(3)).then_some(50.0 + i as f32);
    Sample { id: format!("s{i:04}"), z, image, mask: Some(Mask::new(height, width, mask).unwrap()) }
}

fn dataset(n: usize) -> Dataset {
    Dataset::from_samples((0..n).map(|i| sample(i, 1 + i % 7, 1 + i % 5)).collect()).unwrap()
}

fn decoded(figure: &Figure) -> (u32, u32) {
    let picture = image::load_from_memory(figure.png()).unwrap();
    (picture.width(), picture.height())
}

#[test]
fn any_number_of_any_images() {
    let all = dataset(130);
    for n in [1, 5, 100, usize::MAX] {
        for colors in [Colormap::Grey, Colormap::Seismic] {
            let figure = all.show_as(n, colors).unwrap();
            assert_eq!(decoded(&figure), (figure.width(), figure.height()));
        }
    }
    assert_eq!(all.show(100).unwrap().height(), all.show(usize::MAX).unwrap().height(), "clamped alike");
    assert!(all.show(0).unwrap_err().to_string().contains("n = 0"));
    assert!(dataset(0).show(3).unwrap_err().to_string().contains("no image"));
}

#[test]
fn a_flat_image_is_shown() {
    for value in [0.0, 0.5, 1.0] {
        let image = Image::new(3, 3, vec![value; 9]).unwrap();
        let flat = Sample { id: "flat".into(), z: None, image, mask: None };
        assert!(Dataset::from_samples(vec![flat]).unwrap().show(1).is_ok());
    }
}

#[test]
fn displays_do_not_panic_without_samples() {
    dataset(0).evcxr_display();
    dataset(3).evcxr_display();
    dataset(3).show(2).unwrap().evcxr_display();
}

#[test]
fn predictions_are_shown_beside_the_truth() {
    let all = Dataset::from_samples((0..6).map(|i| sample(i, 101, 101)).collect()).unwrap();
    let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu).unwrap();
    let probabilities = model.predict(&all).unwrap();
    let masks = probabilities.threshold(0.5).unwrap();
    assert_eq!(decoded(&probabilities.show(&all, 2).unwrap()).0, 1900);
    let (few, many) = (masks.show(&all, 3).unwrap(), masks.show(&all, usize::MAX).unwrap());
    assert!(decoded(&few).1 < decoded(&many).1, "six samples take more rows than three");
    assert!(masks.show(&all, 0).is_err());
    let smaller = dataset(3).select(&["s0000"]).unwrap();
    assert!(matches!(masks.show(&smaller, 1), Err(Error::Shape { .. })), "same id, another size");
    let stranger = Sample { id: "stranger".into(), ..sample(0, 101, 101) };
    let strangers = Dataset::from_samples(vec![stranger]).unwrap();
    assert!(matches!(masks.show(&strangers, 1), Err(Error::Id { id, .. }) if id == "stranger"));
    model.evcxr_display();
}
