//! One picture of a gallery: an image, coloured and enlarged, with masks outlined on it.

use plotters::style::RGBColor;

use crate::plot::colormap::Colormap;
use crate::plot::resample::{Kernel, resample};
use crate::plot::style;
use crate::types::{Image, Mask};
use crate::{Error, Result};

/// An image with what to draw on it and above it.
pub(crate) struct Tile {
    pub(crate) image: Image,
    pub(crate) colors: Colormap,
    pub(crate) truth: Option<Mask>,
    pub(crate) prediction: Option<Mask>,
    /// First line above the picture.
    pub(crate) title: String,
    /// Second line.
    pub(crate) detail: String,
}

/// RGB pixels, row by row.
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) rgb: Vec<u8>,
}

/// Thickness of an outline, in pixels of the figure.
const LINE: f32 = 3.5;
/// How much of a class's colour lies over the image.
const TINT: f32 = 0.35;
/// Thickness of the contrasting edge on both of its sides.
const EDGE: f32 = 1.5;

/// Salt in no more pixels than this is circled: nobody would find it.
const FEW: usize = 8;
/// White between such salt and the circle, in pixels of the figure.
const AROUND: f32 = 16.0;

impl Tile {
    /// The picture, as large as fits into a square of `side` pixels.
    ///
    /// # Errors
    /// [`Error::Figure`] when the image's size is not that of its pixels, or a mask's not the image's.
    pub(crate) fn picture(&self, side: u32) -> Result<Picture> {
        let (height, width) = (self.image.height, self.image.width);
        self.check(
            self.image.pixels.len() == height.saturating_mul(width) && width * height > 0,
            "its pixels",
        )?;
        for mask in [&self.truth, &self.prediction].into_iter().flatten() {
            self.check((mask.height(), mask.width()) == (height, width), "its mask")?;
        }
        let scale = f64::from(side) / height.max(width) as f64;
        let fit = |pixels: usize| ((pixels as f64 * scale).round() as usize).clamp(1, side.max(1) as usize);
        let to = (fit(height), fit(width));
        let amplitudes = resample(&self.image.pixels, (height, width), to, Kernel::Wave);
        let mut rgb: Vec<u8> = amplitudes.iter().flat_map(|&a| self.colors.rgb(a)).collect();
        for (mask, color) in [(&self.truth, style::truth(self.colors)), (&self.prediction, style::PREDICTION)]
        {
            match mask {
                Some(mask) if mask.classes() == 1 => {
                    outline(&mut rgb, (mask.pixels(), (height, width)), to, (color, style::contrast(color)));
                    if (1..=FEW).contains(&mask.area()) {
                        circle(&mut rgb, mask, to, color);
                    }
                }
                Some(mask) => overlay(&mut rgb, mask, to),
                None => {}
            }
        }
        Ok(Picture { width: to.1 as u32, height: to.0 as u32, rgb })
    }

    fn check(&self, holds: bool, what: &str) -> Result<()> {
        if holds {
            return Ok(());
        }
        let why = format!("the image is {}×{}, {what} is not", self.image.height, self.image.width);
        Err(Error::Figure { what: format!("of {}", self.title), why })
    }
}

/// Tints and outlines each class in its colour.
fn overlay(rgb: &mut [u8], mask: &Mask, size: (usize, usize)) {
    let from = (mask.height(), mask.width());
    for (class, plane) in mask.planes().enumerate().filter(|(_, plane)| plane.contains(&1)) {
        let color = style::class_color(class);
        for (pixel, inside) in rgb.chunks_exact_mut(3).zip(inside(plane, from, size)) {
            blend(pixel, color, TINT * inside);
        }
        outline(rgb, (plane, from), size, (color, RGBColor(255, 255, 255)));
    }
}

/// How much of a pixel is inside of the mask, at another size.
fn inside(plane: &[u8], from: (usize, usize), size: (usize, usize)) -> Vec<f32> {
    let pixels: Vec<f32> = plane.iter().map(|&p| f32::from(p)).collect();
    sharpen(&resample(&pixels, from, size, Kernel::Border), size)
}

/// Draws the border of a mask, smooth and just inside of it, with a thin edge of `contrast`.
fn outline(
    rgb: &mut [u8],
    (plane, from): (&[u8], (usize, usize)),
    size: (usize, usize),
    (color, contrast): (RGBColor, RGBColor),
) {
    let inside = inside(plane, from, size);
    let core = spread(&inside, size, LINE, f32::min);
    let around = spread(&inside, size, EDGE, f32::max);
    let inner = spread(&inside, size, LINE + EDGE, f32::min);
    for (i, pixel) in rgb.chunks_exact_mut(3).enumerate() {
        blend(pixel, contrast, 0.6 * around[i] * (1.0 - inner[i]));
        blend(pixel, color, inside[i] * (1.0 - core[i]));
    }
}

/// A circle around all salt of `mask`.
fn circle(rgb: &mut [u8], mask: &Mask, (height, width): (usize, usize), color: RGBColor) {
    let any = mask.any();
    let salt = any.iter().enumerate().filter(|(_, p)| **p > 0);
    let (down, across) = (height as f32 / mask.height() as f32, width as f32 / mask.width() as f32);
    let places: Vec<(f32, f32)> = salt
        .map(|(i, _)| ((i / mask.width()) as f32 + 0.5, (i % mask.width()) as f32 + 0.5))
        .map(|(y, x)| (y * down, x * across))
        .collect();
    let middle = |of: fn(&(f32, f32)) -> f32| places.iter().map(of).sum::<f32>() / places.len() as f32;
    let (y, x) = (middle(|place| place.0), middle(|place| place.1));
    let far = |place: &(f32, f32)| ((place.0 - y).powi(2) + (place.1 - x).powi(2)).sqrt();
    let radius = places.iter().map(far).fold(0.0, f32::max) + AROUND;
    for (i, pixel) in rgb.chunks_exact_mut(3).enumerate() {
        let off = (far(&((i / width) as f32 + 0.5, (i % width) as f32 + 0.5)) - radius).abs();
        blend(pixel, color, (LINE / 2.0 + 0.5 - off).clamp(0.0, 1.0));
    }
}

/// 1 where the field is above 0.5, else 0, with a soft step of one pixel: the field's height above 0.5, divided by its
/// slope, is the distance from the border.
fn sharpen(field: &[f32], (height, width): (usize, usize)) -> Vec<f32> {
    let at = |y: usize, x: usize| field[y * width + x];
    let one = |p: usize| {
        let (y, x) = (p / width, p % width);
        let (left, right) = (x.saturating_sub(1), (x + 1).min(width - 1));
        let (above, below) = (y.saturating_sub(1), (y + 1).min(height - 1));
        let across = (at(y, right) - at(y, left)) / (right - left).max(1) as f32;
        let down = (at(below, x) - at(above, x)) / (below - above).max(1) as f32;
        let slope = (across * across + down * down).sqrt().max(1e-3);
        ((at(y, x) - 0.5) / slope + 0.5).clamp(0.0, 1.0)
    };
    (0..height * width).map(one).collect()
}

/// The least (`pick` = min) or greatest (max) value within `radius` pixels, 0 outside of the image.
///
/// Only pixels that differ from a neighbour are spread: the others are reached from those first.
fn spread(
    field: &[f32],
    (height, width): (usize, usize),
    radius: f32,
    pick: fn(f32, f32) -> f32,
) -> Vec<f32> {
    let (height, width, reach) = (height as isize, width as isize, radius as isize);
    let disc: Vec<(isize, isize)> = (-reach..=reach)
        .flat_map(|dy| (-reach..=reach).map(move |dx| (dy, dx)))
        .filter(|(dy, dx)| ((dy * dy + dx * dx) as f32) <= radius * radius)
        .collect();
    let index = |y: isize, x: isize| {
        (y >= 0 && x >= 0 && y < height && x < width).then_some((y * width + x) as usize)
    };
    let at = |y, x| index(y, x).map_or(0.0, |p| field[p]);
    let mut spread = field.to_vec();
    for (y, x) in (-1..=height).flat_map(|y| (-1..=width).map(move |x| (y, x))) {
        let value = at(y, x);
        if [at(y - 1, x), at(y + 1, x), at(y, x - 1), at(y, x + 1)].iter().all(|&v| v == value) {
            continue;
        }
        for p in disc.iter().filter_map(|(dy, dx)| index(y + dy, x + dx)) {
            spread[p] = pick(spread[p], value);
        }
    }
    spread
}

/// Lays a colour over a pixel.
pub(crate) fn blend(pixel: &mut [u8], color: RGBColor, alpha: f32) {
    for (channel, over) in pixel.iter_mut().zip([color.0, color.1, color.2]) {
        *channel = (f32::from(*channel) * (1.0 - alpha) + f32::from(over) * alpha).round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::look::{dome, tile};

    const GREY: RGBColor = RGBColor(128, 128, 128);

    fn plain(height: usize, width: usize, mask: Vec<u8>) -> Tile {
        Tile {
            image: Image { height, width, pixels: vec![128.0 / 255.0; height * width] },
            truth: Some(Mask::new(height, width, mask).unwrap()),
            ..tile(0, Colormap::Grey)
        }
    }

    fn pixel(picture: &Picture, y: u32, x: u32) -> RGBColor {
        let at = 3 * (y * picture.width + x) as usize;
        RGBColor(picture.rgb[at], picture.rgb[at + 1], picture.rgb[at + 2])
    }

    #[test]
    fn the_line_is_where_the_border_is() {
        let mask = (0..10 * 10).map(|p| u8::from(p % 10 >= 5)).collect();
        let picture = plain(10, 10, mask).picture(200).unwrap();
        let truth = style::truth(Colormap::Grey);
        assert_eq!(pixel(&picture, 90, 101), truth, "just inside of the left border at x = 100");
        assert_eq!(pixel(&picture, 90, 198), truth, "along the image's edge");
        assert_eq!([pixel(&picture, 90, 90), pixel(&picture, 90, 150)], [GREY, GREY], "off the line");
        assert_eq!(pixel(&picture, 1, 30), GREY, "no line along an edge without salt");
    }

    #[test]
    fn a_single_pixel_is_seen_and_an_empty_mask_changes_nothing() {
        let one = (0..101 * 101).map(|p| u8::from(p == 50 * 101 + 50)).collect();
        let yellow = |picture: &Picture| {
            picture.rgb.chunks_exact(3).filter(|p| p[0] > p[2].saturating_add(90)).count()
        };
        assert!(yellow(&plain(101, 101, one).picture(303).unwrap()) >= 2);
        let empty = plain(101, 101, vec![0; 101 * 101]).picture(303).unwrap();
        assert!(empty.rgb.iter().all(|&v| v == 128));
    }

    #[test]
    fn every_size_fits_into_the_square() {
        for (height, width, expected) in
            [(1, 1, (60, 60)), (1, 1000, (1, 60)), (300, 100, (60, 20)), (7, 9, (47, 60))]
        {
            let mask = vec![1; height * width];
            let picture = plain(height, width, mask).picture(60).unwrap();
            assert_eq!((picture.height, picture.width), expected);
            assert_eq!(picture.rgb.len() as u32, 3 * picture.height * picture.width);
        }
    }

    #[test]
    fn values_that_are_no_numbers_are_seen() {
        let mut tile = plain(5, 5, vec![0; 25]);
        tile.image.pixels[12] = f32::NAN;
        let picture = tile.picture(50).unwrap();
        assert_eq!(pixel(&picture, 25, 25), RGBColor(255, 0, 255));
        tile.image.pixels.fill(f32::INFINITY);
        tile.picture(50).unwrap();
    }

    #[test]
    fn sizes_that_do_not_agree_are_an_error() {
        let mut tile = plain(5, 5, vec![0; 25]);
        tile.prediction = Some(dome(5, 6, 0.3));
        assert!(matches!(tile.picture(50), Err(Error::Figure { why, .. }) if why.contains("5×5")));
        tile.prediction = None;
        tile.image.pixels.pop();
        assert!(matches!(tile.picture(50), Err(Error::Figure { .. })));
        tile.image = Image { height: 0, width: 0, pixels: Vec::new() };
        assert!(matches!(tile.picture(50), Err(Error::Figure { .. })));
    }
}
