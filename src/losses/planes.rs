//! How the pixels of each class lie in memory.

use crate::{Error, Result};
use candle_core::Tensor;
use std::ops::Range;

/// Values of one task. Fixed, so that sums do not depend on the number of threads.
pub(super) const CHUNK: usize = 8192;

/// Where the axis of the classes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// (N, C, H, W), at the crate's surface.
    ChannelsFirst,
    /// (N, H, W, C), what networks give inside of it.
    ChannelsLast,
}

/// The sizes of logits and target.
#[derive(Clone, Copy)]
pub(super) struct Planes {
    pub(super) images: usize,
    pub(super) classes: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// So many values of one class lie side by side, then as many of the next.
    run: usize,
}

impl Planes {
    /// # Errors
    /// [`Error::Shape`] unless both have the same four axes.
    pub(super) fn of(logits: &Tensor, target: &Tensor, order: Order) -> Result<Planes> {
        check_same(logits, target)?;
        let dims = logits.dims4().map_err(|_| Error::Shape {
            what: "logits of a loss".into(),
            expected: "four axes, (N, C, H, W)".into(),
            got: format!("{:?}", logits.dims()),
            hint: "add the missing axes with unsqueeze".into(),
        })?;
        let (images, classes, height, width) = match (order, dims) {
            (Order::ChannelsFirst, dims) => dims,
            (Order::ChannelsLast, (images, height, width, classes)) => (images, classes, height, width),
        };
        let run = if order == Order::ChannelsLast && classes > 1 { 1 } else { (height * width).max(1) };
        Ok(Planes { images, classes, height, width, run })
    }

    /// Pixels of a class of an image.
    pub(super) fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Values of an image.
    pub(super) fn image(&self) -> usize {
        self.pixels() * self.classes
    }

    /// The places of a class's pixels inside of an image.
    pub(super) fn places(&self, class: usize) -> impl Iterator<Item = usize> {
        let stride = if self.run == 1 { self.classes } else { 1 };
        (class * self.run..).step_by(stride.max(1)).take(self.pixels())
    }

    /// The values from place `start` on, in pieces of one class: the class, and which of the `len` values.
    pub(super) fn runs(self, start: usize, len: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let (run, place) = (at, start + at);
            at = ((place / self.run + 1) * self.run - start).min(len);
            (run < len).then_some((place / self.run % self.classes, run..at))
        })
    }
}

/// # Errors
/// [`Error::Shape`] when the shapes differ.
pub(super) fn check_same(logits: &Tensor, target: &Tensor) -> Result<()> {
    if logits.dims() == target.dims() {
        return Ok(());
    }
    Err(Error::Shape {
        what: "target of a loss".into(),
        expected: format!("{:?}, the shape of the logits", logits.dims()),
        got: format!("{:?}", target.dims()),
        hint: "give one target per logit".into(),
    })
}
