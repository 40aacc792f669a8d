//! Padding to the sizes that a network takes.
//!
//! A U-Net of depth `d` halves its input `d` times, so both sides have to be multiples of `2^d`: 101 becomes 112
//! (depth 4) or 128 (depth 5). Reflection continues the layers where zeros would put a black edge beside them.

use super::Border;

/// How one image size is brought to a multiple and back.
///
/// ```
/// use tgs_salt::transform::Padding;
/// let padding = Padding::to_multiple(101, 101, 16);
/// assert_eq!(padding.padded(), (112, 112));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    height: usize,
    width: usize,
    padded_height: usize,
    padded_width: usize,
    border: Border,
}

impl Padding {
    /// From `height × width` to the next multiple of `multiple` (≥ 1) on each side, by reflection.
    pub fn to_multiple(height: usize, width: usize, multiple: usize) -> Padding {
        let up = |size: usize| size.div_ceil(multiple.max(1)) * multiple.max(1);
        let border = Border::Reflect;
        Padding { height, width, padded_height: up(height), padded_width: up(width), border }
    }

    /// What lies around the image.
    pub fn border(mut self, border: Border) -> Padding {
        self.border = border;
        self
    }

    /// The size before, `(height, width)`.
    pub fn original(&self) -> (usize, usize) {
        (self.height, self.width)
    }

    /// The size after, `(height, width)`.
    pub fn padded(&self) -> (usize, usize) {
        (self.padded_height, self.padded_width)
    }

    /// Rows above and columns left of the image. An odd rest goes below and to the right.
    pub fn offset(&self) -> (usize, usize) {
        ((self.padded_height - self.height) / 2, (self.padded_width - self.width) / 2)
    }

    /// The padded image: `value(pixel)` of each pixel, row by row, and around it what [`Border`] says; with
    /// [`Border::Zero`] `value` of a pixel that is 0.
    pub fn pad<T: Copy + Default>(&self, pixels: &[T], mut value: impl FnMut(T) -> f32) -> Vec<f32> {
        let (top, left) = self.offset();
        let place =
            |at: usize, before: usize, size: usize| self.border.index(at as i64 - before as i64, size);
        let columns: Vec<_> = (0..self.padded_width).map(|x| place(x, left, self.width)).collect();
        let mut padded = Vec::with_capacity(self.padded_height * self.padded_width);
        for y in 0..self.padded_height {
            let start = place(y, top, self.height).map(|row| row * self.width);
            let pixel = |column: &Option<usize>| {
                let at = start.zip(*column).map(|(start, column)| start + column);
                at.and_then(|at| pixels.get(at).copied()).unwrap_or_default()
            };
            padded.extend(columns.iter().map(pixel).map(&mut value));
        }
        padded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of((height, width): (usize, usize), (padded_height, padded_width): (usize, usize)) -> Padding {
        Padding { height, width, padded_height, padded_width, border: Border::Reflect }
    }

    #[test]
    fn pads_like_numpy() {
        // numpy.pad([1, 2, 3], (5, 6), mode="reflect"), "edge" and "constant"; and of one pixel.
        for (border, expected, one) in [
            (
                Border::Reflect,
                [2.0, 1.0, 2.0, 3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0],
                [7.0; 3],
            ),
            (Border::Edge, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0], [7.0; 3]),
            (
                Border::Zero,
                [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
                [0.0, 7.0, 0.0],
            ),
        ] {
            let padding = of((1, 3), (1, 14)).border(border);
            assert_eq!(padding.pad(&[1u8, 2, 3], f32::from), expected, "{border:?}");
            let padding = of((1, 1), (1, 3)).border(border);
            assert_eq!(padding.pad(&[7u8], f32::from), one, "{border:?}");
        }
    }

    #[test]
    fn zeros_are_put_there_before_the_value_is_taken() {
        let padding = of((1, 1), (3, 3)).border(Border::Zero);
        let padded = padding.pad(&[0.5f32], |amplitude| (amplitude - 0.5) / 0.25);
        assert_eq!(padded, [-2.0, -2.0, -2.0, -2.0, 0.0, -2.0, -2.0, -2.0, -2.0]);
    }

    #[test]
    fn the_image_lies_at_the_offset_for_every_size() {
        for (height, width) in [(1, 1), (1, 7), (2, 3), (16, 16), (17, 31), (101, 101)] {
            for multiple in [1, 2, 16, 32] {
                let padding = Padding::to_multiple(height, width, multiple);
                let pixels: Vec<f32> = (0..height * width).map(|i| i as f32).collect();
                let padded = padding.pad(&pixels, |p| p);
                let (h, w) = padding.padded();
                assert_eq!((padded.len(), h % multiple, w % multiple), (h * w, 0, 0));
                let (top, left) = padding.offset();
                for (i, pixel) in pixels.iter().enumerate() {
                    assert_eq!(padded[(top + i / width) * w + left + i % width], *pixel);
                }
            }
        }
    }

    #[test]
    fn neighbours_over_the_border_are_the_reflected_ones() {
        let padding = Padding::to_multiple(101, 101, 16);
        let pixels: Vec<f32> = (0..101 * 101).map(|i| (i / 101) as f32).collect();
        let padded = padding.pad(&pixels, |p| p);
        let rows: Vec<f32> = padded.chunks(112).map(|row| row[50]).collect();
        assert_eq!(rows[..7], [5.0, 4.0, 3.0, 2.0, 1.0, 0.0, 1.0]);
        assert_eq!(rows[104..], [99.0, 100.0, 99.0, 98.0, 97.0, 96.0, 95.0, 94.0]);
    }
}
