//! One map from each output pixel to a place in the sample.

use super::elastic::Field;
use crate::Result;
use crate::transform::Border;
use crate::types::{Image, Mask, Sample};

/// What is done to a sample, in this order, about its middle: mirrored, zoomed, sheared, rotated, shifted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affine {
    /// Left to right, upside down.
    pub(super) flips: (bool, bool),
    /// To the right and down, as shares of width and height.
    pub(super) shift: [f64; 2],
    pub(super) zoom: f64,
    /// Counterclockwise.
    pub(super) degrees: f64,
    /// Degrees by which vertical lines lean, the lower end to the right.
    pub(super) shear: f64,
}

impl Affine {
    /// The way back, from (x, y) about the middle of the output to (x, y) about that of the sample.
    fn inverse(&self) -> [[f64; 2]; 2] {
        let angle = self.degrees.to_radians();
        let (sin, cos) = (libm::sin(angle), libm::cos(angle));
        let lean = libm::tan(self.shear.to_radians());
        // Rotated back, y being down; then sheared back, x − lean · y.
        let down = [sin, cos];
        let right = [cos - lean * down[0], -sin - lean * down[1]];
        let sign = |flip: bool| if flip { -1.0 } else { 1.0 } / self.zoom;
        [right.map(|v| v * sign(self.flips.0)), down.map(|v| v * sign(self.flips.1))]
    }
}

/// An affine map and an elastic field in one.
pub(super) struct Warp {
    inverse: [[f64; 2]; 2],
    /// In pixels.
    shift: [f64; 2],
    field: Option<Field>,
    border: Border,
    height: usize,
    width: usize,
}

impl Warp {
    /// Of samples of one size (height, width). The field moves what the affine map has found.
    pub(super) fn new(
        affine: Affine,
        field: Option<Field>,
        border: Border,
        (height, width): (usize, usize),
    ) -> Warp {
        let shift = [affine.shift[0] * width as f64, affine.shift[1] * height as f64];
        Warp { inverse: affine.inverse(), shift, field, border, height, width }
    }

    /// The sample, whose image and mask have this size.
    pub(super) fn apply(&self, sample: Sample) -> Result<Sample> {
        let (height, width) = (self.height, self.width);
        let mut image = Vec::with_capacity(height * width);
        let mut planes =
            vec![Vec::with_capacity(height * width); sample.mask.iter().map(Mask::classes).sum()];
        let mut places = vec![(0.0, 0.0); width];
        for y in 0..height {
            self.places(y, &mut places);
            image.extend(places.iter().map(|&place| self.bilinear(&sample.image.pixels, place)));
            for (moved, plane) in planes.iter_mut().zip(sample.mask.iter().flat_map(Mask::planes)) {
                moved.extend(places.iter().map(|&place| self.nearest(plane, place)));
            }
        }
        let masks: Vec<Mask> =
            planes.into_iter().map(|plane| Mask::new(height, width, plane)).collect::<Result<_>>()?;
        let mask = sample.mask.map(|_| Mask::stack(&masks)).transpose()?;
        Ok(Sample { image: Image::new(height, width, image)?, mask, ..sample })
    }

    /// Where (y, x) the pixels of row `y` come from.
    fn places(&self, y: usize, places: &mut [(f64, f64)]) {
        let middle = [(self.width - 1) as f64 / 2.0, (self.height - 1) as f64 / 2.0];
        let [right, down] = self.inverse;
        let dy = y as f64 - middle[1] - self.shift[1];
        for (x, place) in places.iter_mut().enumerate() {
            let dx = x as f64 - middle[0] - self.shift[0];
            *place = (down[0] * dx + down[1] * dy + middle[1], right[0] * dx + right[1] * dy + middle[0]);
        }
        if let Some(field) = &self.field {
            let mut ways = vec![[0.0; 2]; places.len()];
            field.row(y, &mut ways);
            for (place, way) in places.iter_mut().zip(ways) {
                *place = (place.0 + f64::from(way[1]), place.1 + f64::from(way[0]));
            }
        }
    }

    fn bilinear(&self, pixels: &[f32], (y, x): (f64, f64)) -> f32 {
        let (top, left) = (floor(y), floor(x));
        let (down, right) = ((y - top as f64) as f32, (x - left as f64) as f32);
        // A negative one is very large as an unsigned number.
        let inside = (top as usize) < self.height - 1 && (left as usize) < self.width - 1;
        let [a, b, c, d] = match inside {
            true => {
                let at = top as usize * self.width + left as usize;
                let (above, below) = (&pixels[at..at + 2], &pixels[at + self.width..at + self.width + 2]);
                [above[0], above[1], below[0], below[1]]
            }
            false => self.corners(pixels, top, left),
        };
        let (above, below) = (a + right * (b - a), c + right * (d - c));
        above + down * (below - above)
    }

    #[cold]
    fn corners(&self, pixels: &[f32], top: i64, left: i64) -> [f32; 4] {
        let corners = [(top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)];
        corners.map(|(y, x)| self.at(y, x).map_or(0.0, |at| pixels[at]))
    }

    fn nearest(&self, pixels: &[u8], (y, x): (f64, f64)) -> u8 {
        let (y, x) = (floor(y + 0.5), floor(x + 0.5));
        match (y as usize) < self.height && (x as usize) < self.width {
            true => pixels[y as usize * self.width + x as usize],
            false => self.at(y, x).map_or(0, |at| pixels[at]),
        }
    }

    fn at(&self, y: i64, x: i64) -> Option<usize> {
        Some(self.border.index(y, self.height)? * self.width + self.border.index(x, self.width)?)
    }
}

/// `v.floor()`, which is a call on processors of before 2008, for which a notebook builds.
#[inline(always)]
fn floor(v: f64) -> i64 {
    let toward_zero = v as i64;
    toward_zero - i64::from(toward_zero as f64 > v)
}

#[cfg(test)]
mod tests;
