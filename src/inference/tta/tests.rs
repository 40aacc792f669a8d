//! Views and what becomes of them.

use super::*;
use crate::types::Image;
use candle_core::Device;

/// `(1, 1, 3, 4)`, rows 0 1 2 3 / 10 11 12 13 / 20 21 22 23.
fn image() -> Tensor {
    let pixels = (0..12).map(|i| (i / 4 * 10 + i % 4) as f32).collect();
    Tensor::from_vec(pixels, (1, 1, 3, 4), &Device::Cpu).unwrap()
}

fn values(xs: &Tensor) -> Vec<f32> {
    xs.flatten_all().unwrap().to_vec1().unwrap()
}

/// A network that does nothing but put channels last.
fn same(xs: &Tensor) -> Result<(Tensor, ())> {
    Ok((xs.permute((0, 2, 3, 1)).unwrap().contiguous().unwrap(), ()))
}

#[test]
fn views_are_moved_and_reflected() {
    let row = |shift: Shift| values(&shift.images(&image()).unwrap())[..4].to_vec();
    let column =
        |shift: Shift| values(&shift.images(&image()).unwrap()).into_iter().step_by(4).collect::<Vec<_>>();
    assert_eq!(row(Shift { pixels: 2, columns: true, up: true }), [2.0, 1.0, 0.0, 1.0]);
    assert_eq!(row(Shift { pixels: 2, columns: true, up: false }), [2.0, 3.0, 2.0, 1.0]);
    assert_eq!(row(Shift { pixels: 3, columns: true, up: true }), [3.0, 2.0, 1.0, 0.0]);
    assert_eq!(column(Shift { pixels: 1, columns: false, up: true }), [10.0, 0.0, 10.0]);
    assert_eq!(column(Shift { pixels: 1, columns: false, up: false }), [10.0, 20.0, 10.0]);
}

#[test]
fn every_view_comes_back_to_where_it_was() {
    let tta = Tta::flips().shifts([1, 2]);
    // In so small an image some of the 36 views are equal.
    let (mut count, mut seen) = (0, std::collections::HashSet::new());
    let predict = |view: &Tensor| {
        seen.insert(format!("{:?}", values(view)));
        same(view)
    };
    let keep = |ys: &Tensor, ()| {
        assert_eq!(values(ys), values(&image()));
        count += 1;
        Ok(())
    };
    tta.for_each_view(&image(), &[], predict, keep).unwrap();
    assert_eq!((count, tta.views()), (36, 36));
    assert!(seen.len() >= 16, "{}", seen.len());
}

/// What is mirrored is what the network sees of the mirrored image, whatever the feature: but for CLAHE, whose tiles are laid
/// from the left, and HOG, whose lines are drawn to whole pixels.
#[test]
fn features_of_a_mirrored_image_are_mirrored() {
    let pixels: Vec<f32> = (0..32 * 32).map(|p| (((p * 7919) % 1009) as f32 / 1009.0).sqrt()).collect();
    let image = Image::new(32, 32, pixels).unwrap();
    let planes = |image: &Image| -> Vec<f32> {
        let features = Feature::ALL.iter().flat_map(|&f| image.feature(f).unwrap().pixels);
        image.pixels.iter().copied().chain(features).collect()
    };
    let tensor = |planes| Tensor::from_vec(planes, (1, 22, 32, 32), &Device::Cpu).unwrap();
    for (rows, columns) in [(true, false), (false, true), (true, true)] {
        let place = |p: usize| {
            let (y, x) = (p / 32, p % 32);
            (if rows { 31 - y } else { y }) * 32 + if columns { 31 - x } else { x }
        };
        let turned = Image::new(32, 32, (0..32 * 32).map(|p| image.pixels[place(p)]).collect()).unwrap();
        let view = Mirror { rows, columns }.images(&tensor(planes(&image)), &Feature::ALL).unwrap();
        let expected = tensor(planes(&turned));
        for (channel, feature) in Feature::ALL.iter().enumerate() {
            let of = |xs: &Tensor| values(&xs.narrow(1, channel + 1, 1).unwrap());
            let pairs: Vec<(f32, f32)> = of(&view).into_iter().zip(of(&expected)).collect();
            let far = pairs.iter().filter(|(a, b)| (a - b).abs() > 1e-4).count();
            let nearly = matches!(feature, Feature::Clahe { .. } | Feature::Hog);
            assert!(far == 0 || nearly, "{feature} {rows} {columns}: {far} pixels");
        }
    }
}

/// A network that adds the number of the view tells which view each pixel comes from.
#[test]
fn what_left_a_moved_view_is_that_of_the_one_that_was_not_moved() {
    let (mut number, mut all) = (0.0, vec![]);
    let predict = |view: &Tensor| {
        number += 100.0;
        Ok(((same(view)?.0 + (number - 100.0)).unwrap(), ()))
    };
    let keep = |ys: &Tensor, ()| {
        all.push(values(ys));
        Ok(())
    };
    Tta::none().shifts([1]).for_each_view(&image(), &[], predict, keep).unwrap();
    // Views 1 to 4 moved the rows down, up, the columns left, right, in the order of `Shift::all`.
    let from = |view: usize| all[view].iter().map(|v| (v / 100.0) as usize).collect::<Vec<_>>();
    assert_eq!(from(1), [[0; 4], [1; 4], [1; 4]].concat());
    assert_eq!(from(2), [[2; 4], [2; 4], [0; 4]].concat());
    assert_eq!(from(3), [[0, 3, 3, 3]; 3].concat());
    assert_eq!(from(4), [[4, 4, 4, 0]; 3].concat());
}

#[test]
fn shifts_have_to_leave_something_in_sight() {
    assert!(Tta::none().shifts([0]).check().is_err() && Tta::none().shifts([3]).check().is_ok());
    let line = Shift { pixels: 3, columns: false, up: true }.images(&image()).unwrap_err().to_string();
    assert!(line.contains("shifts = 3") && line.contains("padded to 3"), "{line}");
}
