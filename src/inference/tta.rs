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
mod tests;
