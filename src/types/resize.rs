//! Other sizes of images and masks.
//!
//! An output pixel stands where its centre is: `(i + 0.5) · from / to − 0.5` in pixels of the input. Images are interpolated
//! linearly between the nearest pixels; where they shrink, the triangle grows to the width of an output pixel, so that fine
//! layers are averaged and not skipped. Masks take the pixel that the centre lies in.

use crate::types::{Image, Mask, Rle};
use crate::{Error, Result};

/// Which pixels of a line count for a pixel of another, and how much.
pub(crate) type Taps = Vec<(usize, f32)>;

/// `pixels`, lines of `width` pixels, each by the taps of its row and column.
pub(crate) fn weigh(pixels: &[f32], width: usize, rows: &[Taps], columns: &[Taps]) -> Vec<f32> {
    let (width, new) = (width.max(1), columns.len());
    let mut wide = vec![0f32; pixels.len() / width * new];
    for (line, out) in pixels.chunks_exact(width).zip(wide.chunks_exact_mut(new.max(1))) {
        for (value, taps) in out.iter_mut().zip(columns) {
            *value = taps.iter().map(|&(at, weight)| weight * line[at]).sum();
        }
    }
    let mut result = vec![0f32; rows.len() * new];
    for (out, taps) in result.chunks_exact_mut(new.max(1)).zip(rows) {
        for &(at, weight) in taps {
            for (value, &above) in out.iter_mut().zip(&wide[at * new..]) {
                *value += weight * above;
            }
        }
    }
    result
}

/// From one size (height, width) to another, prepared for many images.
#[derive(Clone, Debug)]
pub(crate) struct Resize {
    from: (usize, usize),
    to: (usize, usize),
    rows: Vec<Taps>,
    columns: Vec<Taps>,
}

impl Resize {
    pub(crate) fn new(from: (usize, usize), to: (usize, usize)) -> Resize {
        Resize { from, to, rows: triangles(from.0, to.0), columns: triangles(from.1, to.1) }
    }

    /// The size after, (height, width).
    pub(crate) fn to(&self) -> (usize, usize) {
        self.to
    }

    /// Pixels of the first size at the second, as PyTorch's `interpolate(mode="bilinear", antialias=True)`; the same
    /// where the sizes are.
    pub(crate) fn bilinear(&self, pixels: &[f32]) -> Vec<f32> {
        if self.from == self.to {
            return pixels.into();
        }
        weigh(pixels, self.from.1, &self.rows, &self.columns)
    }

    /// Of a mask, as PyTorch's `interpolate(mode="nearest-exact")`.
    pub(crate) fn nearest(&self, pixels: &[u8]) -> Vec<u8> {
        let columns: Vec<usize> = (0..self.to.1).map(|x| centre(x, self.from.1, self.to.1)).collect();
        let row = |y: usize| &pixels[centre(y, self.from.0, self.to.0) * self.from.1..];
        (0..self.to.0).flat_map(|y| columns.iter().map(move |&x| row(y)[x])).collect()
    }
}

/// The pixel of a line of `from` in which the centre of pixel `i` of `to` lies.
fn centre(i: usize, from: usize, to: usize) -> usize {
    (2 * i + 1) * from / (2 * to)
}

/// The triangle's taps, of a sum of 1; what lies outside of the line does not count.
fn triangles(from: usize, to: usize) -> Vec<Taps> {
    let step = from as f64 / to.max(1) as f64;
    let stretch = step.max(1.0);
    let one = |out: usize| {
        let centre = (out as f64 + 0.5) * step - 0.5;
        let first = (centre - stretch).ceil().max(0.0) as usize;
        let last = ((centre + stretch).floor().max(0.0) as usize).min(from.saturating_sub(1));
        let weight = |at: usize| (1.0 - (at as f64 - centre).abs() / stretch).max(0.0);
        let sum: f64 = (first..=last).map(weight).sum();
        let taps = (first..=last).map(|at| (at, (weight(at) / sum) as f32));
        taps.filter(|tap| tap.1 > 0.0).collect()
    };
    (0..to).map(one).collect()
}

/// Neither side of a resized image may be longer, nor one of a file.
pub(crate) const MAX_SIDE: usize = 16_384;

pub(crate) fn check_sides(height: usize, width: usize) -> Result<()> {
    let sides = [("height", height), ("width", width)];
    match sides.into_iter().find(|(_, side)| !(1..=MAX_SIDE).contains(side)) {
        Some((field, side)) => {
            let expected = format!("from 1 to {MAX_SIDE} pixels");
            Err(Error::Config { field, got: side.to_string(), expected })
        }
        None => Ok(()),
    }
}

impl Image {
    /// The image at another size: bilinear, with half-pixel centres, averaged where it shrinks (PyTorch's `bilinear` with
    /// `antialias=True`). Its aspect may change.
    ///
    /// ```
    /// use tgs_salt::types::Image;
    /// let image = Image::new(1, 2, vec![0.0, 1.0])?;
    /// assert_eq!(image.resize(1, 4)?.pixels, [0.0, 0.25, 0.75, 1.0]);
    /// assert_eq!(image.resize(2, 1)?.pixels, [0.5, 0.5]);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] when a side is above 16,384; [`Error::Shape`](crate::Error::Shape) when it is 0, or the public fields do
    /// not agree in size.
    pub fn resize(&self, height: usize, width: usize) -> Result<Image> {
        check_sides(height.max(1), width.max(1))?;
        let whole = Image::new(self.height, self.width, self.pixels.clone())?;
        let resize = Resize::new((self.height, self.width), (height, width));
        Image::new(height, width, resize.bilinear(&whole.pixels))
    }
}

impl Mask {
    /// The mask at another size: of each pixel what its centre lies in (PyTorch's `nearest-exact`), so that it stays binary.
    ///
    /// ```
    /// use tgs_salt::types::Mask;
    /// let mask = Mask::new(1, 2, vec![0, 1])?;
    /// assert_eq!(mask.resize(1, 5)?.pixels(), [0, 0, 1, 1, 1]);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] when a side is above 16,384; [`Error::Shape`](crate::Error::Shape) when it is 0.
    pub fn resize(&self, height: usize, width: usize) -> Result<Mask> {
        check_sides(height.max(1), width.max(1))?;
        let resize = Resize::new((self.height(), self.width()), (height, width));
        self.map_planes((height, width), |plane| resize.nearest(plane))
    }
}

impl Rle {
    /// The mask of `from` (height, width) at the size `to`: what [`Mask::resize`] makes of [`Rle::to_mask`], without drawing
    /// the large mask. Centres are looked up in the order of the runs, which is down the columns.
    ///
    /// # Errors
    /// As [`Rle::to_mask`], for either size.
    pub(crate) fn to_mask_at(&self, from: (usize, usize), to: (usize, usize)) -> Result<Mask> {
        if from == to || from.0.checked_mul(from.1).is_none_or(|size| size == 0) {
            return self.to_mask(from.0, from.1);
        }
        self.check_end(from.0, from.1)?;
        let mut pixels = vec![0; to.0.saturating_mul(to.1)];
        let mut runs =
            self.runs().iter().map(|&(start, length)| (start as usize - 1, length as usize)).peekable();
        for x in 0..to.1 {
            let column = centre(x, from.1, to.1);
            if x > 0 && column == centre(x - 1, from.1, to.1) {
                pixels.chunks_exact_mut(to.1).for_each(|row| row[x] = row[x - 1]);
                continue;
            }
            for (y, row) in pixels.chunks_exact_mut(to.1).enumerate() {
                let at = column * from.0 + centre(y, from.0, to.0);
                while runs.next_if(|&(start, length)| start + length <= at).is_some() {}
                row[x] = u8::from(runs.peek().is_some_and(|&(start, _)| start <= at));
            }
        }
        Mask::new(to.0, to.1, pixels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn runs_are_resized_as_the_masks_they_encode() {
        for (round, (from, to)) in [
            ((40, 60), (10, 15)),
            ((7, 9), (20, 5)),
            ((5, 4), (5, 4)),
            ((7, 5), (20, 13)),
            ((9, 31), (4, 13)),
            ((1, 1), (3, 2)),
        ]
        .into_iter()
        .enumerate()
        {
            for salt in [0, 1, 5, 13, 17] {
                let pixel = |i: usize| u8::from((i / 3 * 7919 + round) % 17 < salt);
                let mask = Mask::new(from.0, from.1, (0..from.0 * from.1).map(pixel).collect()).unwrap();
                let expected = mask.resize(to.0, to.1).unwrap();
                assert_eq!(
                    mask.to_rle().to_mask_at(from, to).unwrap(),
                    expected,
                    "{from:?} to {to:?}, {salt}"
                );
            }
        }
        let long: Rle = "20 2".parse().unwrap();
        assert!(matches!(long.to_mask_at((4, 5), (2, 2)), Err(Error::Rle { .. })));
    }

    /// Plain bilinear sampling, clamped at the border.
    fn naive(image: &Image, height: usize, width: usize) -> Vec<f64> {
        let place = |i: usize, from: usize, to: usize| {
            let at = ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, from as f64 - 1.0);
            (at.floor() as usize, (at.floor() as usize + 1).min(from - 1), at.fract())
        };
        let pixel = |y: usize, x: usize| f64::from(image.pixels[y * image.width + x]);
        let one = |i: usize| {
            let (above, below, dy) = place(i / width, image.height, height);
            let (left, right, dx) = place(i % width, image.width, width);
            let line = |y: usize| pixel(y, left) * (1.0 - dx) + pixel(y, right) * dx;
            line(above) * (1.0 - dy) + line(below) * dy
        };
        (0..height * width).map(one).collect()
    }

    fn image(height: usize, width: usize) -> Image {
        let pixels = (0..height * width).map(|i| ((i * 37 + i / 5) % 101) as f32 / 101.0).collect();
        Image::new(height, width, pixels).unwrap()
    }

    #[test]
    fn enlarging_is_plain_interpolation() {
        for (from, to) in [((5, 7), (9, 20)), ((1, 1), (3, 2)), ((4, 4), (4, 9)), ((101, 101), (128, 202))] {
            let small = image(from.0, from.1);
            let large = small.resize(to.0, to.1).unwrap();
            let expected = naive(&small, to.0, to.1);
            let near = large.pixels.iter().zip(&expected).all(|(&a, b)| (f64::from(a) - b).abs() < 1e-6);
            assert!(near, "{from:?} to {to:?}");
        }
        assert_eq!(image(5, 7).resize(5, 7).unwrap(), image(5, 7));
    }

    #[test]
    fn shrinking_by_two_averages_with_the_triangle_of_four() {
        // Weights 1, 3, 3, 1 of 8; at the border those inside, 3, 3, 1 of 7.
        let small = Image::new(1, 6, vec![0.7, 0.0, 0.7, 0.8, 0.0, 0.7]).unwrap().resize(1, 3).unwrap();
        for (got, expected) in small.pixels.iter().zip([2.8 / 7.0, 4.5 / 8.0, 2.9 / 7.0]) {
            assert!((got - expected).abs() < 1e-6, "{small:?} {got} {expected}");
        }
    }

    #[test]
    fn masks_stay_binary_and_where_they_were() {
        let mask = Mask::new(4, 4, vec![0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0]).unwrap();
        let large = mask.resize(8, 12).unwrap();
        assert_eq!((large.area(), large.coverage()), (24, mask.coverage()));
        assert_eq!(large.resize(4, 4).unwrap(), mask);
        assert!(matches!(mask.resize(0, 4), Err(Error::Shape { .. })));
        assert!(matches!(mask.resize(4, usize::MAX), Err(Error::Config { .. })));
        assert!(matches!(image(2, 2).resize(2, 0), Err(Error::Shape { .. })));
        let broken = Image { height: 3, ..image(2, 2) };
        assert!(matches!(broken.resize(2, 2), Err(Error::Shape { .. })));
    }
}
