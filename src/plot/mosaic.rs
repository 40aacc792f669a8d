//! `mosaics.show(12, &dataset)`, `section.show(&dataset)`: sections put together again, seams and holes to be seen.

use plotters::element::{BitMapElement, Rectangle};
use plotters::style::text_anchor::HPos;
use plotters::style::{Color, RGBColor};
use rayon::prelude::*;

use crate::plot::colormap::Colormap;
use crate::plot::figure::{Canvas, Figure, Painted};
use crate::plot::gallery::MOST;
use crate::plot::style::{self, FAINT_INK, HEADER, INK, Legend, MARGIN, Sign, Text, WIDTH};
use crate::plot::text::{count, feet};
use crate::plot::tile::{Picture, Tile};
use crate::plot::words::Words;
use crate::postprocess::{Mosaics, Section};
use crate::types::{Dataset, Mask};
use crate::{Error, Result};

/// Height of a caption's two lines, with the white above and below.
const CAPTION: i32 = 74;
/// White beside and below a section.
const GAP: i32 = 36;
/// The least width of a section's caption.
const LEAST: i32 = 200;
/// The most height of a figure, unless the smallest tiles need more.
const TALL: i32 = 2000;
/// Longer sides of a tile that are tried, in pixels.
const UNITS: std::ops::RangeInclusive<i32> = 28..=320;
/// The least width of a tile that has its id written on it.
const LABELLED: i32 = 150;
/// Where no tile was found.
const HOLE: RGBColor = RGBColor(245, 245, 245);
/// A tile that was found, and is not in the dataset.
const ELSEWHERE: RGBColor = RGBColor(214, 219, 226);

impl Mosaics {
    /// The `n` largest sections, all at one scale, with the tiles that are in `dataset`; at most 96 are shown. Salt is outlined
    /// where a tile has a mask, seams are faint, and where no tile was found is a pale hole; a tile that was found and is not in
    /// `dataset` is blue-grey.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let salt = Competition::sample()?;
    /// let all = salt.train.join(&salt.test)?;
    /// let mosaics = Mosaics::find(&all, &MosaicSearch::default())?;
    /// assert_eq!(mosaics.show(6, &all)?.width(), 1900);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] when `n` is 0; [`Error::Figure`] when there is no section; as [`Section::image`].
    pub fn show(&self, n: usize, dataset: &Dataset) -> Result<Figure> {
        if n == 0 {
            let expected = format!("1 to {MOST} sections to show");
            return Err(Error::Config { field: "n", got: "0".into(), expected });
        }
        let shown: Vec<&Section> = self.sections().iter().take(n.min(MOST)).collect();
        draw(format!("The largest {} of {} sections", shown.len(), count(self.len())), &shown, dataset)
    }
}

impl Section {
    /// The section, with the tiles that are in `dataset`, as [`Mosaics::show`] draws it; with the tiles' ids where there is room.
    ///
    /// # Errors
    /// As [`Section::image`].
    pub fn show(&self, dataset: &Dataset) -> Result<Figure> {
        draw("A section put together".into(), &[self], dataset)
    }
}

/// A section with what is written above it.
struct Drawn<'a> {
    section: &'a Section,
    tile: Tile,
    /// Row and column of the tiles that are in the dataset, ascending.
    known: Vec<(usize, usize)>,
    /// Whether any tile has a mask.
    has_masks: bool,
}

impl Drawn<'_> {
    fn new<'a>(section: &'a Section, dataset: &Dataset) -> Result<Drawn<'a>> {
        let found = section.found(dataset)?;
        let depths = dataset.depths();
        let known: Vec<f32> = found.iter().filter_map(|&(_, at)| depths.get(at).copied().flatten()).collect();
        let (low, high) =
            known.iter().fold((f32::MAX, f32::MIN), |(low, high), &z| (low.min(z), high.max(z)));
        let labelled = found.iter().filter(|&&(_, at)| dataset.has_mask(at)).count();
        let depth = (low <= high).then(|| format!("{low}–{}", feet(high)));
        let masks = (labelled > 0).then(|| format!("{labelled} masks"));
        let tile = Tile {
            image: section.image(dataset)?,
            colors: Colormap::Grey,
            truth: if labelled > 0 { Some(of_any_class(&section.mask(dataset)?)?) } else { None },
            prediction: None,
            title: format!("{}×{}, {} tiles", section.rows(), section.columns(), section.len()),
            detail: masks.into_iter().chain(depth).collect::<Vec<_>>().join(" · "),
        };
        let known = found.iter().map(|(tile, _)| (tile.row, tile.column)).collect();
        Ok(Drawn { section, tile, known, has_masks: labelled > 0 })
    }

    /// Width and height of the picture when the longer side of a tile has so many pixels.
    fn size(&self, unit: i32) -> (i32, i32) {
        let (height, width) = self.section.size();
        let (rows, columns) = (self.section.rows().max(1), self.section.columns().max(1));
        let longer = (height / rows).max(width / columns).max(1);
        let scaled = |pixels: usize| (pixels as i64 * i64::from(unit) / longer as i64).max(1) as i32;
        (scaled(width), scaled(height))
    }

    fn paint(&self, canvas: &Canvas, picture: Picture, (x, y): (i32, i32)) -> Painted {
        let room = ((picture.width as i32).max(LEAST) + GAP - 12).min(WIDTH as i32 - MARGIN - x);
        Text::Bold.draw(canvas, &Text::Bold.fit(&self.tile.title, room), (x, y + 18), (HPos::Left, INK))?;
        let detail = Text::Small.fit(&self.tile.detail, room);
        Text::Small.draw(canvas, &detail, (x, y + 48), (HPos::Left, FAINT_INK))?;
        let (width, height) = (picture.width as i32, picture.height as i32);
        let at = (x, y + CAPTION);
        let element = BitMapElement::with_owned_buffer(at, (picture.width, picture.height), picture.rgb);
        canvas.draw(&element.ok_or("a picture has not the size of its pixels")?)?;
        let (rows, columns) = (self.section.rows(), self.section.columns());
        let edge = |i: usize, of: usize, size: i32| (i as i64 * i64::from(size) / of.max(1) as i64) as i32;
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            let (left, right) = (edge(column, columns, width), edge(column + 1, columns, width));
            let (top, bottom) = (edge(row, rows, height), edge(row + 1, rows, height));
            let corners = [(at.0 + left, at.1 + top), (at.0 + right, at.1 + bottom)];
            let Some(tile) = self.section.tile(row, column) else {
                canvas.draw(&Rectangle::new(corners, style::filled(HOLE)))?;
                continue;
            };
            if self.known.binary_search(&(row, column)).is_err() {
                canvas.draw(&Rectangle::new(corners, style::filled(ELSEWHERE)))?;
            }
            seams(canvas, corners)?;
            if right - left >= LABELLED {
                label(canvas, &tile.id, corners)?;
            }
        }
        Ok(())
    }
}

/// One outline, also where masks have several classes.
fn of_any_class(mask: &Mask) -> Result<Mask> {
    Mask::new(mask.height(), mask.width(), mask.any().into_owned())
}

/// A faint white line along the right and the lower side of a tile.
fn seams(canvas: &Canvas, [(left, top), (right, bottom)]: [(i32, i32); 2]) -> Painted {
    let white = RGBColor(255, 255, 255).mix(0.45).filled();
    canvas.draw(&Rectangle::new([(right - 1, top), (right, bottom - 1)], white))?;
    Ok(canvas.draw(&Rectangle::new([(left, bottom - 1), (right - 1, bottom)], white))?)
}

/// An id on a pale ground in the corner of its tile.
fn label(canvas: &Canvas, id: &str, [(x, y), (right, _)]: [(i32, i32); 2]) -> Painted {
    let text = Text::Small.fit(id, right - x - 12);
    let corners = [(x + 2, y + 4), (x + 10 + Text::Small.width(&text), y + 32)];
    canvas.draw(&Rectangle::new(corners, RGBColor(255, 255, 255).mix(0.72).filled()))?;
    Text::Small.draw(canvas, &text, (x + 6, y + 18), (HPos::Left, INK))
}

/// Where each section stands, left to right in rows.
struct Layout {
    /// The longer side of a tile, in pixels.
    unit: i32,
    /// Upper left corners.
    places: Vec<(i32, i32)>,
    /// Of the whole figure.
    height: i32,
}

impl Layout {
    /// As large as fills the figure best; none where a section is too wide.
    fn new(drawn: &[Drawn]) -> Option<Layout> {
        let fitting = UNITS.filter_map(|unit| Layout::of(drawn, unit)).filter(|layout| layout.height <= TALL);
        let filled = |layout: &Layout| f64::from(layout.unit * layout.unit) / f64::from(layout.height);
        let best = fitting.max_by(|a, b| filled(a).total_cmp(&filled(b)));
        best.or_else(|| (1..=*UNITS.start()).rev().find_map(|unit| Layout::of(drawn, unit)))
    }

    fn of(drawn: &[Drawn], unit: i32) -> Option<Layout> {
        let room = WIDTH as i32 - 2 * MARGIN;
        let (mut x, mut y, mut tallest) = (0, 0, 0);
        let mut places = Vec::with_capacity(drawn.len());
        for one in drawn {
            let (width, height) = one.size(unit);
            let width = width.max(LEAST);
            if width > room {
                return None;
            }
            if x > 0 && x + width > room {
                (x, y, tallest) = (0, y + tallest + GAP, 0);
            }
            places.push((MARGIN + x, HEADER + y));
            x += width + GAP;
            tallest = tallest.max(CAPTION + height);
        }
        Some(Layout { unit, places, height: HEADER + y + tallest + MARGIN })
    }
}

fn draw(title: String, sections: &[&Section], dataset: &Dataset) -> Result<Figure> {
    if sections.is_empty() {
        let why = "there is no section to show: no image has found a neighbour".to_owned();
        return Err(Error::Figure { what: "mosaics".into(), why });
    }
    let drawn: Vec<Drawn> =
        sections.par_iter().map(|section| Drawn::new(section, dataset)).collect::<Result<_>>()?;
    let Some(Layout { unit, places, height }) = Layout::new(&drawn) else {
        let why = "a section is too wide; show one with fewer columns".to_owned();
        return Err(Error::Figure { what: "mosaics".into(), why });
    };
    let side = |one: &Drawn| {
        let (width, height) = one.size(unit);
        width.max(height) as u32
    };
    let pictures: Vec<Picture> =
        drawn.par_iter().map(|one| one.tile.picture(side(one))).collect::<Result<_>>()?;
    let legend: Vec<Legend> = match drawn.iter().any(|one| one.has_masks) {
        true => vec![Legend::new(
            Sign::Line(style::truth(Colormap::Grey)),
            format!("{}, where a tile has a mask", Words::of(dataset).some()),
        )],
        false => vec![],
    };
    Figure::draw("mosaics", (WIDTH, height.max(1) as u32), |canvas| {
        style::header(canvas, &title, &legend)?;
        for ((one, picture), at) in drawn.iter().zip(pictures).zip(places) {
            one.paint(canvas, picture, at)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::look::look;
    use crate::postprocess::MosaicSearch;
    use crate::types::Competition;

    /// With `TGS_SALT_LOOK=folder` the figures are saved there, to be looked at.
    #[test]
    fn sections_of_the_sample_survey() {
        let salt = Competition::sample().unwrap();
        let all = salt.train.join(&salt.test).unwrap();
        let mosaics = Mosaics::find(&all, &MosaicSearch::default()).unwrap();
        println!("{mosaics:?} {:?}", mosaics.counts);
        for n in [1, 5, 24, 96] {
            look(&mosaics.show(n, &all).unwrap(), &format!("mosaics_{n}"));
        }
        let largest = mosaics.section(0).unwrap();
        look(&largest.show(&all).unwrap(), "section");
        // Of the training images alone, some tiles are elsewhere.
        look(&largest.show(&salt.train).unwrap(), "section_train");
        let small = mosaics.sections().last().unwrap();
        look(&small.show(&all).unwrap(), "section_small");
        if let Ok(folder) = std::env::var("TGS_SALT_LOOK") {
            std::fs::write(format!("{folder}/mosaics.html"), mosaics.card().html()).unwrap();
        }
        assert!(mosaics.card().html().contains("contradict"));
        assert!(matches!(mosaics.show(0, &all), Err(Error::Config { field: "n", .. })));
        let none = Mosaics::find(&all.select(&[&all.ids()[0]]).unwrap(), &MosaicSearch::default()).unwrap();
        assert!(matches!(none.show(3, &all), Err(Error::Figure { .. })));
    }
}
