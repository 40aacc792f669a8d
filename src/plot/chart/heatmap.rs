//! A heat map: a matrix of colours with its numbers written in the cells, such as a confusion matrix.

use plotters::element::Rectangle;
use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;

use crate::plot::chart::panel::{self, ABOVE, BELOW, Head};
use crate::plot::figure::{Canvas, Painted};
use crate::plot::style::{self, FAINT_INK, GRID, INK, Text};

/// A matrix of colours.
pub(crate) struct Heatmap {
    pub(crate) title: String,
    /// Title and names of the columns, from the left.
    pub(crate) columns: (String, Vec<String>),
    /// Title and names of the rows, from the top.
    pub(crate) rows: (String, Vec<String>),
    /// Row by row: how strong the colour is, in `[0, 1]`, and what is written, in one or more lines. What is not a number is grey.
    pub(crate) cells: Vec<(f64, String)>,
    pub(crate) scale: Scale,
}

/// What the colours mean.
pub(crate) struct Scale {
    /// With the unit.
    pub(crate) title: String,
    /// What 0 and 1 stand for.
    pub(crate) ends: [String; 2],
}

/// Width of the bar of colours.
const BAR: i32 = 30;
/// White between cells and bar, and between bar and its labels.
const APART: i32 = 26;
/// Height of a line of text in a cell.
const LINE: i32 = 26;
/// From no to full colour, equally spaced, each darker than the one before.
const COLORS: [[f64; 3]; 4] =
    [[246.0, 249.0, 252.0], [150.0, 196.0, 222.0], [0.0, 114.0, 178.0], [6.0, 44.0, 88.0]];

impl Heatmap {
    /// How much room title and axis title take above the cells.
    pub(super) fn head(&self) -> i32 {
        ABOVE
    }

    /// Draws it into the rectangle at `(x, y)`, the cells `head` pixels below its top.
    pub(super) fn paint(
        &self,
        canvas: &Canvas,
        (x, y): (i32, i32),
        (width, height): (i32, i32),
        head: Head,
    ) -> Painted {
        let widest = |names: &[String]| names.iter().map(|name| Text::Small.width(name)).max().unwrap_or(0);
        let bar = BAR + 2 * APART + widest(&self.scale.ends);
        let left = x + widest(&self.rows.1) + 22;
        // Names that can be read are worth more than the bar: the cells have numbers.
        let room = (x + width - bar - left) / self.size().1 as i32;
        let bar = if widest(&self.columns.1) + 4 <= room { bar } else { 0 };
        let area = Area { left, top: y + head.height, right: x + width - bar, bottom: y + height - BELOW };
        head.title(canvas, &self.title, (x, y), width)?;
        panel::y_title(canvas, &self.rows.0, (x, area.top))?;
        self.names(canvas, &area)?;
        self.draw_cells(canvas, &area)?;
        if bar > 0 { self.draw_scale(canvas, &area, x + width) } else { Ok(()) }
    }

    fn names(&self, canvas: &Canvas, area: &Area) -> Painted {
        let size = self.size();
        for (i, name) in self.rows.1.iter().enumerate() {
            let [(_, top), (_, bottom)] = area.cell((i, 0), size);
            let at = (area.left - 14, (top + bottom) / 2);
            Text::Small.draw(canvas, name, at, (HPos::Right, FAINT_INK))?;
        }
        for (i, name) in self.columns.1.iter().enumerate() {
            let [(left, _), (right, _)] = area.cell((0, i), size);
            let name = Text::Small.fit(name, right - left - 4);
            let at = ((left + right) / 2, area.bottom + 26);
            Text::Small.draw(canvas, &name, at, (HPos::Center, FAINT_INK))?;
        }
        let middle = ((area.left + area.right) / 2, area.bottom + 68);
        Text::Plain.draw(canvas, &self.columns.0, middle, (HPos::Center, INK))
    }

    fn draw_cells(&self, canvas: &Canvas, area: &Area) -> Painted {
        let size = self.size();
        for (i, (value, text)) in self.cells.iter().enumerate() {
            let [(left, top), (right, bottom)] = area.cell((i / size.1, i % size.1), size);
            let color = heat(*value);
            let corners = [(left, top), (right - 2, bottom - 2)];
            canvas.draw(&Rectangle::new(corners, style::filled(color)))?;
            let ink = if *value > 0.55 { RGBColor(255, 255, 255) } else { INK };
            let fits = text.lines().all(|line| Text::Small.width(line) <= right - left - 4);
            let height = LINE * text.lines().count() as i32;
            let first = (top + bottom - height + LINE) / 2;
            for (i, line) in (0..).zip(text.lines()).filter(|_| fits && bottom - top >= height) {
                let middle = ((left + right) / 2, first + i * LINE);
                Text::Small.draw(canvas, line, middle, (HPos::Center, ink))?;
            }
        }
        Ok(())
    }

    fn draw_scale(&self, canvas: &Canvas, area: &Area, right: i32) -> Painted {
        let left = area.right + APART;
        let height = (area.bottom - area.top).max(1);
        for i in 0..height {
            let color = heat(1.0 - f64::from(i) / f64::from((height - 1).max(1)));
            let corners = [(left, area.top + i), (left + BAR, area.top + i + 1)];
            canvas.draw(&Rectangle::new(corners, style::filled(color)))?;
        }
        let [low, high] = &self.scale.ends;
        let at = left + BAR + 12;
        Text::Small.draw(canvas, high, (at, area.top + 12), (HPos::Left, FAINT_INK))?;
        Text::Small.draw(canvas, low, (at, area.bottom - 12), (HPos::Left, FAINT_INK))?;
        Text::Plain.draw(canvas, &self.scale.title, (right, area.top - 30), (HPos::Right, INK))
    }

    /// Rows and columns, at least one each.
    fn size(&self) -> (usize, usize) {
        (self.rows.1.len().max(1), self.columns.1.len().max(1))
    }
}

/// The cells' place in pixels.
struct Area {
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
}

impl Area {
    /// Upper left and lower right corner of the cell in `(row, column)`.
    fn cell(&self, (row, column): (usize, usize), (rows, columns): (usize, usize)) -> [(i32, i32); 2] {
        let x = |i: usize| self.left + (self.right - self.left) * i as i32 / columns as i32;
        let y = |i: usize| self.top + (self.bottom - self.top) * i as i32 / rows as i32;
        [(x(column), y(row)), (x(column + 1), y(row + 1))]
    }
}

/// The colour of a value in `[0, 1]`; grey for what is not a number.
fn heat(value: f64) -> RGBColor {
    if value.is_nan() {
        return GRID;
    }
    let at = value.clamp(0.0, 1.0) * (COLORS.len() - 1) as f64;
    let below = (at as usize).min(COLORS.len() - 2);
    let share = at - below as f64;
    let [red, green, blue] = std::array::from_fn(|c| {
        (COLORS[below][c] + share * (COLORS[below + 1][c] - COLORS[below][c])).round() as u8
    });
    RGBColor(red, green, blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_darker() {
        let brightness = |c: RGBColor| 299 * u32::from(c.0) + 587 * u32::from(c.1) + 114 * u32::from(c.2);
        assert!(
            (0..50).all(|i| {
                brightness(heat(f64::from(i) / 50.0)) > brightness(heat(f64::from(i + 1) / 50.0))
            })
        );
        assert_eq!((heat(-1.0), heat(7.0), heat(f64::NAN)), (heat(0.0), heat(1.0), GRID));
    }

    #[test]
    fn cells_share_the_area() {
        let area = Area { left: 10, top: 20, right: 110, bottom: 90 };
        assert_eq!(area.cell((0, 0), (2, 3)), [(10, 20), (43, 55)]);
        assert_eq!(area.cell((1, 2), (2, 3)), [(76, 55), (110, 90)]);
    }
}
