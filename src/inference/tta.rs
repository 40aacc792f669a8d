//! Test-time augmentation: several views of an image, predicted, brought back and averaged.
//!
//! A network of convolutions is not quite equivariant: of a mirrored image it says something slightly else. Its errors in
//! the views differ, and partly cancel in the mean.

use crate::inference::Mean;
use crate::transform::Feature;
use crate::{Error, Result};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// Which views of each image are predicted and averaged. Each flip is combined with each shift.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `horizontal_flip` | true | each view mirrored too, left to right | |
/// | `vertical_flip` | false | each view mirrored too, top to bottom, which turns layers of rock upside down | |
/// | `shifts` | none | each view moved by so many pixels too: up, down, left and right | ≥ 1, below the size of the image |
/// | `mean` | arithmetic | how the views are averaged | [`Mean`] |
///
/// ```
/// use tgs_salt::prelude::*;
/// assert_eq!(Tta::default().views(), 2);
/// assert_eq!(Tta::flips().views(), 4);
/// assert_eq!(Tta::default().shifts([4]).mean(Mean::Geometric).views(), 10);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tta {
    /// Each view mirrored too, left to right.
    pub horizontal_flip: bool,
    /// Each view mirrored too, top to bottom.
    pub vertical_flip: bool,
    /// Each view moved by so many pixels too, in the four directions.
    pub shifts: Vec<usize>,
    /// How the views are averaged.
    pub mean: Mean,
}

impl Default for Tta {
    fn default() -> Self {
        Tta { horizontal_flip: true, ..Tta::none() }
    }
}

impl Tta {
    /// The image as it is.
    pub fn none() -> Tta {
        Tta { horizontal_flip: false, vertical_flip: false, shifts: vec![], mean: Mean::Arithmetic }
    }

    /// The image, mirrored in either way, and in both.
    pub fn flips() -> Tta {
        Tta { horizontal_flip: true, vertical_flip: true, ..Tta::none() }
    }

    setters! {
        Tta,
        /// Each view mirrored too, left to right.
        horizontal_flip: bool,
        /// Each view mirrored too, top to bottom.
        vertical_flip: bool,
        /// How the views are averaged.
        mean: Mean,
    }

    /// Each view moved by so many pixels too, in the four directions.
    pub fn shifts(mut self, shifts: impl IntoIterator<Item = usize>) -> Self {
        self.shifts = shifts.into_iter().collect();
        self
    }

    /// How many views there are of each image, which is what prediction costs in forward passes.
    pub fn views(&self) -> usize {
        self.mirrors().len() * (1 + 4 * self.shifts.len())
    }

    pub(crate) fn check(&self) -> Result<()> {
        match self.shifts.iter().find(|&&shift| shift == 0) {
            Some(_) => Err(shift_error(0, "at least 1 pixel".into())),
            None => Ok(()),
        }
    }

    fn mirrors(&self) -> Vec<Mirror> {
        let (horizontal, vertical) = (self.horizontal_flip, self.vertical_flip);
        [(false, false), (true, false), (false, true), (true, true)]
            .into_iter()
            .filter(|&(columns, rows)| (horizontal || !columns) && (vertical || !rows))
            .map(|(columns, rows)| Mirror { columns, rows })
            .collect()
    }

    /// Calls `keep` with the outputs `(N, H, W, C)` of `predict` for each view of `xs` `(N, channels, H, W)`, brought back to
    /// where the pixels of `xs` are. The channels of `xs` behind the first are `features`, if there are any. A moved view says nothing of the pixels that left it; there the view that was not moved
    /// stands in. What `predict` gives beside is handed on.
    pub(super) fn for_each_view<T>(
        &self,
        xs: &Tensor,
        features: &[Feature],
        mut predict: impl FnMut(&Tensor) -> Result<(Tensor, T)>,
        mut keep: impl FnMut(&Tensor, T) -> Result<()>,
    ) -> Result<()> {
        for mirror in self.mirrors() {
            let view = mirror.images(xs, features)?;
            let (still, beside) = predict(&view)?;
            keep(&mirror.outputs(&still)?, beside)?;
            for shift in self.shifts.iter().flat_map(|&pixels| Shift::all(pixels)) {
                let (ys, beside) = predict(&shift.images(&view)?)?;
                keep(&mirror.outputs(&shift.undone(&ys, &still)?)?, beside)?;
            }
        }
        Ok(())
    }
}

/// Its own inverse.
struct Mirror {
    columns: bool,
    rows: bool,
}

impl Mirror {
    fn flip(&self, xs: &Tensor, rows: usize, columns: usize) -> Result<Tensor> {
        let dims: Vec<usize> =
            [(self.rows, rows), (self.columns, columns)].into_iter().filter(|d| d.0).map(|d| d.1).collect();
        if dims.is_empty() {
            return Ok(xs.clone());
        }
        xs.flip(&dims).map_err(Error::tensor("mirrored view"))
    }

    /// Of `(N, C, H, W)`, the channels being the image and `features` of it, some of which change their sign.
    fn images(&self, xs: &Tensor, features: &[Feature]) -> Result<Tensor> {
        let flipped = self.flip(xs, 2, 3)?;
        let signs: Vec<f64> = std::iter::once(1.0)
            .chain(features.iter().map(|f| f.mirrored(self.rows, self.columns)))
            .collect();
        if !signs.contains(&-1.0) {
            return Ok(flipped);
        }
        let channel = |(i, &sign): (usize, &f64)| flipped.narrow(1, i, 1)? * sign;
        let channels: candle_core::Result<Vec<Tensor>> = signs.iter().enumerate().map(channel).collect();
        channels.and_then(|channels| Tensor::cat(&channels, 1)).map_err(Error::tensor("mirrored view"))
    }

    /// Of `(N, H, W, C)`.
    fn outputs(&self, ys: &Tensor) -> Result<Tensor> {
        self.flip(ys, 1, 2)
    }
}

/// Along rows or columns, towards higher or lower positions.
#[derive(Clone, Copy)]
struct Shift {
    pixels: usize,
    columns: bool,
    up: bool,
}

impl Shift {
    fn all(pixels: usize) -> [Shift; 4] {
        [(false, false), (false, true), (true, false), (true, true)].map(|(columns, up)| Shift {
            pixels,
            columns,
            up,
        })
    }

    /// `xs` `(N, C, H, W)` moved, reflected at the border that it moves away from.
    fn images(&self, xs: &Tensor) -> Result<Tensor> {
        let axis = if self.columns { 3 } else { 2 };
        let size = xs.dims().get(axis).copied().unwrap_or(0);
        if self.pixels >= size {
            return Err(shift_error(self.pixels, format!("below the size of the images, padded to {size}")));
        }
        // Where each position reads from: 2 1 [0 1 2 … or … n−3 n−2 n−1] n−2 n−3.
        let (shift, last) = (self.pixels, size - 1);
        let source = |at: usize| match self.up {
            true => at.abs_diff(shift),
            false => last - (last - at).abs_diff(shift),
        };
        let sources: Vec<u32> = (0..size).map(|at| source(at) as u32).collect();
        let moved = Tensor::from_vec(sources, size, xs.device()).and_then(|s| xs.index_select(&s, axis));
        moved.map_err(Error::tensor("moved view"))
    }

    /// The outputs `ys` `(N, H, W, C)` of what was moved, moved back; what left the view is that of `still`.
    fn undone(&self, ys: &Tensor, still: &Tensor) -> Result<Tensor> {
        let (axis, shift) = (if self.columns { 2 } else { 1 }, self.pixels);
        let run = || {
            let seen = ys.dim(axis)? - shift;
            match self.up {
                true => Tensor::cat(&[ys.narrow(axis, shift, seen)?, still.narrow(axis, seen, shift)?], axis),
                false => Tensor::cat(&[still.narrow(axis, 0, shift)?, ys.narrow(axis, 0, seen)?], axis),
            }?
            .contiguous()
        };
        run().map_err(Error::tensor("moved view"))
    }
}

fn shift_error(shift: usize, expected: String) -> Error {
    Error::Config { field: "shifts", got: shift.to_string(), expected }
}

#[cfg(test)]
mod tests {
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
        let column = |shift: Shift| {
            values(&shift.images(&image()).unwrap()).into_iter().step_by(4).collect::<Vec<_>>()
        };
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
}
