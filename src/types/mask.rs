//! A binary mask: where the salt is, or each of several classes.

use crate::types::image::check_size;
use crate::types::rle::Rle;
use crate::{Error, Result};
use std::borrow::Cow;

/// A binary mask: `pixels()[y * width + x]` is 1 where the salt is, else 0.
///
/// A mask of several classes, made by [`Mask::stack`], has such a plane for each class, one after the other; the classes may
/// overlap. What is said of the whole mask, such as its coverage, is then of the pixels of any class.
#[derive(Clone, PartialEq, Eq)]
pub struct Mask {
    height: usize,
    width: usize,
    classes: usize,
    pixels: Vec<u8>,
}

impl Mask {
    /// A mask of `height * width` pixels, 0 or 1, row by row.
    ///
    /// ```
    /// use tgs_salt::types::Mask;
    /// let mask = Mask::new(2, 2, vec![0, 1, 0, 1])?;
    /// assert_eq!(mask.coverage(), 0.5);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] when the number of pixels is not `height * width`, is 0, or is beyond u32; [`Error::Image`]
    /// when a pixel is neither 0 nor 1.
    pub fn new(height: usize, width: usize, pixels: Vec<u8>) -> Result<Mask> {
        check_size("Mask::new", height, width, pixels.len())?;
        // A search that stops early is not vectorised; the maximum is.
        if pixels.iter().fold(0, |max, &p| max.max(p)) > 1 {
            let at = pixels.iter().position(|&p| p > 1).unwrap_or(0);
            let why =
                format!("expected 0 or 1, got {} at row {}, column {}", pixels[at], at / width, at % width);
            return Err(Error::Image { id: "Mask::new".into(), why });
        }
        Ok(Mask { height, width, classes: 1, pixels })
    }

    /// One mask of the classes of all of `masks`, in order.
    ///
    /// ```
    /// use tgs_salt::types::Mask;
    /// let (fish, sugar) = (Mask::new(1, 3, vec![1, 1, 0])?, Mask::new(1, 3, vec![0, 1, 0])?);
    /// let both = Mask::stack(&[fish.clone(), sugar])?;
    /// assert_eq!((both.classes(), both.class(0)?), (2, fish));
    /// assert_eq!(both.area(), 2); // pixels of any class
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] without a mask, or when their sizes differ.
    pub fn stack(masks: &[Mask]) -> Result<Mask> {
        let (height, width) = masks.first().map_or((0, 0), |mask| (mask.height, mask.width));
        let other = masks.iter().find(|mask| (mask.height, mask.width) != (height, width));
        if masks.is_empty() || other.is_some() {
            return Err(Error::Shape {
                what: "Mask::stack".into(),
                expected: "one mask or more, all of one size".into(),
                got: other.map_or("none".into(), |mask| {
                    format!("{height}×{width} and {}×{}", mask.height, mask.width)
                }),
                hint: "give a mask for each class, an empty one where there is nothing of it".into(),
            });
        }
        let classes = masks.iter().map(|mask| mask.classes).sum();
        let pixels = masks.iter().map(|mask| mask.pixels.as_slice()).collect::<Vec<_>>().concat();
        Ok(Mask { height, width, classes, pixels })
    }

    /// The mask of a class for each of `rles`, which have to be of masks of this size.
    pub(super) fn of_runs(height: usize, width: usize, rles: &[Rle]) -> Mask {
        let mut pixels = vec![0; height * width * rles.len()];
        for (plane, rle) in pixels.chunks_exact_mut((height * width).max(1)).zip(rles) {
            rle.draw(plane, height, width);
        }
        Mask { height, width, classes: rles.len(), pixels }
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The mask of one class, counted from 0.
    ///
    /// # Errors
    /// [`Error::Config`] when there is no such class.
    pub fn class(&self, class: usize) -> Result<Mask> {
        let Some(plane) = self.planes().nth(class) else {
            let expected = format!("below the number of classes, {}", self.classes);
            return Err(Error::Config { field: "class", got: class.to_string(), expected });
        };
        Ok(Mask { classes: 1, pixels: plane.to_vec(), ..*self })
    }

    /// The pixels of each class.
    pub(crate) fn planes(&self) -> std::slice::ChunksExact<'_, u8> {
        self.pixels.chunks_exact(self.height * self.width)
    }

    /// The mask of `(height, width)` that `change` makes of the plane of each class.
    ///
    /// # Errors
    /// As [`Mask::new`] of what `change` gives.
    pub(crate) fn map_planes(
        &self,
        (height, width): (usize, usize),
        change: impl FnMut(&[u8]) -> Vec<u8>,
    ) -> Result<Mask> {
        let planes = self.planes().map(change).map(|pixels| Mask::new(height, width, pixels));
        let mut planes = planes.collect::<Result<Vec<_>>>()?;
        if planes.len() == 1 { Ok(planes.remove(0)) } else { Mask::stack(&planes) }
    }

    /// 1 where a pixel is of any class.
    pub(crate) fn any(&self) -> Cow<'_, [u8]> {
        let mut planes = self.planes();
        let first = planes.next().unwrap_or_default();
        if self.classes == 1 {
            return first.into();
        }
        let join = |mut any: Vec<u8>, plane: &[u8]| {
            any.iter_mut().zip(plane).for_each(|(any, &pixel)| *any |= pixel);
            any
        };
        planes.fold(first.to_vec(), join).into()
    }

    /// A mask of the same size: salt where `salt` is true, which gets a pixel's number, `y * width + x`.
    pub(crate) fn with(&self, salt: impl FnMut(usize) -> bool) -> Mask {
        Mask { pixels: (0..self.pixels.len()).map(salt).map(u8::from).collect(), ..*self }
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The pixels, 0 or 1, class by class and row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// How many pixels are salt.
    pub fn area(&self) -> usize {
        // At most 255 ones fit a byte, and sums of bytes are vectorised.
        self.any().chunks(255).map(|c| usize::from(c.iter().fold(0u8, |sum, &p| sum.wrapping_add(p)))).sum()
    }

    /// The share of salt pixels, in `[0, 1]`.
    pub fn coverage(&self) -> f64 {
        self.area() as f64 / (self.height * self.width) as f64
    }

    /// True when no pixel is salt.
    pub fn is_empty(&self) -> bool {
        self.pixels.chunks(255).all(|c| c.iter().fold(0, |any, &p| any | p) == 0)
    }

    /// The mask as the competition spells it: runs down a column and then right, counted from 1.
    ///
    /// ```
    /// use tgs_salt::types::Mask;
    /// let mask = Mask::new(2, 3, vec![0, 1, 0, 1, 1, 0])?;
    /// assert_eq!(mask.to_rle().to_string(), "2 3");
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    pub fn to_rle(&self) -> Rle {
        Rle::of_plane(&self.any(), self.height, self.width)
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Mask { height, width, classes, .. } = self;
        let covered = 100.0 * self.coverage();
        match classes {
            1 => write!(f, "Mask {height}×{width}, {covered:.1} % salt"),
            _ => write!(f, "Mask {height}×{width} of {classes} classes, {covered:.1} % of any"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_that_is_neither_0_nor_1_is_named() {
        let line = Mask::new(2, 3, vec![0, 1, 0, 0, 9, 1]).unwrap_err().to_string();
        assert!(line.contains("got 9 at row 1, column 1"), "{line}");
        assert!(matches!(Mask::new(2, 3, vec![0; 7]), Err(Error::Shape { .. })));
    }

    #[test]
    fn classes_are_planes_that_may_overlap() {
        let planes =
            [[1, 1, 0, 0], [0, 1, 1, 0], [0; 4]].map(|pixels| Mask::new(2, 2, pixels.to_vec()).unwrap());
        let mask = Mask::stack(&planes).unwrap();
        assert_eq!(mask.pixels(), [1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]);
        assert_eq!((mask.classes(), mask.area(), mask.coverage()), (3, 3, 0.75));
        assert_eq!(format!("{mask:?}"), "Mask 2×2 of 3 classes, 75.0 % of any");
        assert_eq!(mask.to_rle(), Mask::new(2, 2, vec![1, 1, 1, 0]).unwrap().to_rle());
        for (class, plane) in planes.iter().enumerate() {
            assert_eq!(&mask.class(class).unwrap(), plane);
        }
        assert!(matches!(mask.class(3), Err(Error::Config { .. })));
        assert_eq!(Mask::stack(&planes[..1]).unwrap(), planes[0]);
        assert_eq!(Mask::stack(&[mask.clone(), planes[0].clone()]).unwrap().classes(), 4);
        assert!(Mask::stack(&[planes[2].clone(), planes[2].clone()]).unwrap().is_empty());
        assert_ne!(Mask::stack(&planes[..2]).unwrap(), Mask::new(4, 2, mask.pixels()[..8].to_vec()).unwrap());
        assert!(matches!(Mask::stack(&[]), Err(Error::Shape { .. })));
        let wide = Mask::new(1, 4, vec![0; 4]).unwrap();
        let line = Mask::stack(&[planes[0].clone(), wide]).unwrap_err().to_string();
        assert!(line.contains("2×2 and 1×4"), "{line}");
        let turned = mask.map_planes((1, 4), |plane| plane.iter().rev().copied().collect()).unwrap();
        assert_eq!((turned.height(), turned.class(1).unwrap().pixels()), (1, &[0, 1, 1, 0][..]));
    }

    #[test]
    fn area_counts_over_many_chunks() {
        let full = Mask::new(101, 101, vec![1; 10_201]).unwrap();
        assert_eq!((full.area(), full.coverage(), full.is_empty()), (10_201, 1.0, false));
        let mut pixels = vec![0; 10_201];
        assert!(Mask::new(101, 101, pixels.clone()).unwrap().is_empty());
        pixels[10_200] = 1;
        let last = Mask::new(101, 101, pixels).unwrap();
        assert_eq!((last.area(), last.is_empty()), (1, false));
    }
}
