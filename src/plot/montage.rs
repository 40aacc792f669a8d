//! Contact sheets: many small pictures, salt tinted, with a few short lines above each or none.

use plotters::element::BitMapElement;
use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;
use rayon::prelude::*;

use crate::plot::colormap::Colormap;
use crate::plot::figure::{Canvas, Figure, Painted};
use crate::plot::resample::{Kernel, resample};
use crate::plot::style::{self, FAINT_INK, HEADER, INK, Legend, MARGIN, Sign, Text, WIDTH};
use crate::plot::tile::{Picture, blend};
use crate::types::Sample;
use crate::{Error, Result};

/// A contact sheet to be drawn.
pub(crate) struct Contact {
    pub(crate) title: String,
    pub(crate) columns: i32,
    /// The lines above each picture, of all or of none.
    pub(crate) captions: Vec<Vec<String>>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) colors: Colormap,
    /// The names of the masks' classes.
    pub(crate) classes: Vec<String>,
}

const LINE: i32 = 27;
/// How strong the tint of salt is.
const TINT: f32 = 0.38;

impl Contact {
    /// Draws it.
    ///
    /// # Errors
    /// [`Error::Figure`] without any picture.
    pub(crate) fn draw(&self) -> Result<Figure> {
        if self.samples.is_empty() {
            let why = "there is no image to show".to_owned();
            return Err(Error::Figure { what: format!("gallery {:?}", self.title), why });
        }
        let columns = self.columns.max(1);
        let lines = self.captions.iter().map(Vec::len).max().unwrap_or(0) as i32;
        let gap = if lines > 0 { 12 } else { 5 };
        let side = (WIDTH as i32 - 2 * MARGIN - (columns - 1) * gap) / columns;
        let caption = if lines > 0 { lines * LINE + 8 } else { 0 };
        let below = if lines > 0 { 22 } else { gap };
        let pictures: Vec<Picture> =
            self.samples.par_iter().map(|s| picture(s, side.max(1) as usize, self.colors)).collect();
        let rows = (self.samples.len() as i32 + columns - 1) / columns;
        let row =
            caption + below + pictures.iter().map(|picture| picture.height as i32).max().unwrap_or(side);
        let height = HEADER + rows * row - below + MARGIN;
        Figure::draw("contact sheet", (WIDTH, height as u32), |canvas| {
            self.header(canvas)?;
            for (i, picture) in (0..).zip(pictures) {
                let (column, at) = (i % columns, i / columns);
                // The gaps share what is left of the width.
                let left = MARGIN + column * (WIDTH as i32 - 2 * MARGIN - side) / (columns - 1).max(1);
                let at = (left, HEADER + at * row);
                if let Some(lines) = self.captions.get(i as usize) {
                    write(canvas, lines, at, side)?;
                }
                let size = (picture.width, picture.height);
                let element = BitMapElement::with_owned_buffer((at.0, at.1 + caption), size, picture.rgb);
                canvas.draw(&element.ok_or("a picture has not the size of its pixels")?)?;
            }
            Ok(())
        })
    }

    fn header(&self, canvas: &Canvas) -> Painted {
        if self.samples.iter().all(|sample| sample.mask.is_none()) {
            return style::header(canvas, &self.title, &[]);
        }
        let color = |class| color(class, self.classes.len(), self.colors);
        let entry = |(class, name)| Legend::new(Sign::Box(color(class)), name);
        let entries: Vec<Legend> = self.classes.iter().enumerate().map(entry).collect();
        style::header(canvas, &self.title, &entries)
    }
}

fn write(canvas: &Canvas, lines: &[String], (x, y): (i32, i32), side: i32) -> Painted {
    (0..).zip(lines).try_for_each(|(i, line)| {
        let ink = if i == 0 { INK } else { FAINT_INK };
        let line = Text::Small.fit(line, side);
        Text::Small.draw(canvas, &line, (x, y + LINE / 2 + i * LINE), (HPos::Left, ink))
    })
}

/// The image, as large as fits into a square of `side` pixels, salt tinted and its border drawn thinly.
fn picture(sample: &Sample, side: usize, colors: Colormap) -> Picture {
    let image = &sample.image;
    let scale = side as f64 / image.height.max(image.width).max(1) as f64;
    let fit = |pixels: usize| ((pixels as f64 * scale).round() as usize).clamp(1, side);
    let to = (fit(image.height), fit(image.width));
    let amplitudes = resample(&image.pixels, (image.height, image.width), to, Kernel::Wave);
    let mut rgb: Vec<u8> = amplitudes.iter().flat_map(|&a| colors.rgb(a)).collect();
    if let Some(mask) = &sample.mask {
        for (class, plane) in mask.planes().enumerate().filter(|(_, plane)| plane.contains(&1)) {
            let salt: Vec<f32> = plane.iter().map(|&p| f32::from(p)).collect();
            let field = resample(&salt, (mask.height(), mask.width()), to, Kernel::Border);
            tint(&mut rgb, &field, color(class, mask.classes(), colors));
        }
    }
    Picture { width: to.1 as u32, height: to.0 as u32, rgb }
}

fn color(class: usize, classes: usize, colors: Colormap) -> RGBColor {
    if classes == 1 { style::truth(colors) } else { style::class_color(class) }
}

/// `field` is 1 in the salt, 0 outside and 0.5 at the border.
fn tint(rgb: &mut [u8], field: &[f32], color: RGBColor) {
    for (pixel, salt) in rgb.chunks_exact_mut(3).zip(field) {
        let inside = (4.0 * (salt - 0.5) + 0.5).clamp(0.0, 1.0);
        let border = (1.0 - 4.0 * (salt - 0.5).abs()).clamp(0.0, 1.0);
        blend(pixel, color, (TINT * inside).max(0.9 * border));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Image, Mask};

    #[test]
    fn salt_is_tinted_and_nothing_else() {
        let image = Image::new(10, 20, vec![128.0 / 255.0; 200]).unwrap();
        let mask = Mask::new(10, 20, (0..200).map(|p| u8::from(p % 20 >= 10)).collect()).unwrap();
        let sample = Sample { id: "a".into(), z: None, image, mask: Some(mask) };
        let picture = picture(&sample, 100, Colormap::Grey);
        assert_eq!((picture.width, picture.height), (100, 50));
        let at = |x: usize| &picture.rgb[3 * (25 * 100 + x)..][..3];
        assert_eq!(at(20), [128, 128, 128], "rock");
        assert!(at(80)[0] > 150 && at(80)[2] < 90, "salt {:?}", at(80));
        assert!(at(50)[0] > at(80)[0], "border {:?}", at(50));
    }
}
