//! A panel with two axes and lines: ticks on round numbers, units on the axes, the legend above, where it covers nothing.

use plotters::element::{Circle, PathElement, Rectangle};
use plotters::style::text_anchor::HPos;
use plotters::style::{Color, RGBColor};

use crate::plot::figure::{Canvas, Painted};
use crate::plot::style::{self, FAINT_INK, GRID, INK, Legend, Sign, Text};

/// One line of a panel. Values that are not finite leave a gap.
pub(crate) struct Line {
    pub(crate) label: String,
    pub(crate) color: RGBColor,
    pub(crate) points: Vec<(f64, f64)>,
}

/// A marked point, explained in the legend.
pub(crate) struct Mark {
    pub(crate) label: String,
    pub(crate) color: RGBColor,
    pub(crate) at: (f64, f64),
}

/// Where the ticks of the axis to the right stand.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Ticks {
    /// At round numbers.
    Round,
    /// Only at whole numbers, as for epochs.
    Whole,
    /// At whole numbers, written as powers of ten: the values are logarithms.
    Powers,
}

/// Lines over one axis.
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) x_title: String,
    pub(crate) ticks: Ticks,
    pub(crate) lines: Vec<Line>,
    pub(crate) mark: Option<Mark>,
}

/// White around the plotted area: room for title, legend, tick labels and the axis title.
const ABOVE: i32 = 118;
const BELOW: i32 = 92;
const LEGEND_ROW: i32 = 40;
const LEFT: i32 = 92;

/// The plotted area in pixels and in values.
struct Frame {
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
    x: (f64, f64),
    y: (f64, f64),
}

impl Frame {
    /// Where a point stands; what is outside stands on the border.
    fn at(&self, (x, y): (f64, f64)) -> (i32, i32) {
        let share = |v: f64, (low, high): (f64, f64)| ((v - low) / (high - low)).clamp(0.0, 1.0);
        let across = share(x, self.x) * f64::from(self.right - self.left);
        let up = share(y, self.y) * f64::from(self.bottom - self.top);
        (self.left + across.round() as i32, self.bottom - up.round() as i32)
    }
}

impl Panel {
    /// Draws the panel into the rectangle that starts at `(x, y)` and is `(width, height)` large.
    pub(crate) fn paint(&self, canvas: &Canvas, (x, y): (i32, i32), (width, height): (i32, i32)) -> Painted {
        let points = || self.lines.iter().flat_map(|line| line.points.iter());
        let entries = self.legend();
        let rows = style::legend_rows(&entries, width);
        let whole = self.ticks == Ticks::Whole;
        let margin = if whole { 0.02 } else { 0.0 };
        let frame = Frame {
            left: x + LEFT,
            top: y + ABOVE + LEGEND_ROW * (rows.len() as i32 - 1).max(0),
            right: x + width - 20,
            bottom: y + height - BELOW,
            x: range(points().map(|p| p.0).filter(|x| x.is_finite()), margin, whole),
            y: range(points().filter(|p| finite(p)).map(|p| p.1), 0.06, false),
        };
        let title = Text::Title.fit(&self.title, width);
        Text::Title.draw(canvas, &title, (x, y + 30), (HPos::Left, INK))?;
        (0..).zip(rows).try_for_each(|(i, row)| style::legend(canvas, row, (x, y + 84 + i * LEGEND_ROW)))?;
        self.axes(canvas, &frame)?;
        if let Some(mark) = self.mark.as_ref().filter(|mark| finite(&mark.at)) {
            dashes(canvas, frame.at(mark.at).0, (frame.top, frame.bottom))?;
        }
        self.lines.iter().try_for_each(|line| draw_line(canvas, &frame, line))?;
        match self.mark.as_ref().filter(|mark| finite(&mark.at)) {
            Some(mark) => dot(canvas, frame.at(mark.at), 11, mark.color),
            None => Ok(()),
        }
    }

    fn legend(&self) -> Vec<Legend> {
        let sign =
            |line: &Line| if line.points.len() == 1 { Sign::Dot(line.color) } else { Sign::Line(line.color) };
        let lines = self.lines.iter().map(|line| Legend::new(sign(line), &*line.label));
        let mark = self.mark.iter().map(|mark| Legend::new(Sign::Dot(mark.color), &*mark.label));
        lines.chain(mark).collect()
    }

    fn axes(&self, canvas: &Canvas, frame: &Frame) -> Painted {
        for (value, label) in ticks(frame.x, 10, self.ticks) {
            let (x, _) = frame.at((value, 0.0));
            canvas.draw(&PathElement::new([(x, frame.top), (x, frame.bottom)], GRID.stroke_width(2)))?;
            Text::Small.draw(canvas, &label, (x, frame.bottom + 26), (HPos::Center, FAINT_INK))?;
        }
        for (value, label) in ticks(frame.y, 6, Ticks::Round) {
            let (_, y) = frame.at((0.0, value));
            canvas.draw(&PathElement::new([(frame.left, y), (frame.right, y)], GRID.stroke_width(2)))?;
            Text::Small.draw(canvas, &label, (frame.left - 14, y), (HPos::Right, FAINT_INK))?;
        }
        let corners = [(frame.left, frame.bottom - 1), (frame.right, frame.bottom + 1)];
        canvas.draw(&Rectangle::new(corners, FAINT_INK.filled()))?;
        let middle = (frame.left + frame.right) / 2;
        Text::Plain.draw(canvas, &self.x_title, (middle, frame.bottom + 68), (HPos::Center, INK))
    }
}

fn finite(point: &(f64, f64)) -> bool {
    point.0.is_finite() && point.1.is_finite()
}

fn draw_line(canvas: &Canvas, frame: &Frame, line: &Line) -> Painted {
    for part in line.points.split(|p| !finite(p)) {
        let path: Vec<(i32, i32)> = part.iter().map(|&p| frame.at(p)).collect();
        if path.len() > 1 {
            canvas.draw(&PathElement::new(path.clone(), line.color.stroke_width(5)))?;
        }
        // Single epochs are worth a dot; many dots would only thicken the line.
        if line.points.len() <= 20 {
            path.iter().try_for_each(|&at| dot(canvas, at, 6, line.color))?;
        }
    }
    Ok(())
}

fn dot(canvas: &Canvas, at: (i32, i32), radius: i32, color: RGBColor) -> Painted {
    canvas.draw(&Circle::new(at, radius + 2, style::filled(RGBColor(255, 255, 255))))?;
    Ok(canvas.draw(&Circle::new(at, radius, style::filled(color)))?)
}

fn dashes(canvas: &Canvas, x: i32, (top, bottom): (i32, i32)) -> Painted {
    for y in (top..bottom).step_by(20) {
        let corners = [(x - 1, y), (x + 1, (y + 11).min(bottom))];
        canvas.draw(&Rectangle::new(corners, style::filled(FAINT_INK)))?;
    }
    Ok(())
}

/// From the least to the greatest value, a `share` wider at both ends, and never empty.
fn range(values: impl Iterator<Item = f64>, share: f64, whole: bool) -> (f64, f64) {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
    let far = f64::MAX / 8.0; // so that differences stay finite
    let (low, high) = (low.max(-far), high.min(far));
    match (low <= high, high - low) {
        (false, _) => (0.0, 1.0),
        (true, width) if width > 1e-9 * low.abs().max(high.abs()) => {
            (low - share * width, high + share * width)
        }
        (true, _) if whole => (low - 1.0, high + 1.0),
        (true, _) => (low - 0.1 * low.abs().max(1e-3), high + 0.1 * high.abs().max(1e-3)),
    }
}

/// At most about `most` round numbers in the range, with labels.
fn ticks((low, high): (f64, f64), most: usize, kind: Ticks) -> Vec<(f64, String)> {
    let rough = (high - low) / most as f64;
    let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|&step| step >= rough).unwrap_or(rough);
    let step = if kind == Ticks::Round { step } else { step.max(1.0).round() };
    let decimals = (-libm::floor(libm::log10(step * 1.0001))).clamp(0.0, 12.0) as usize;
    let (first, last) = (libm::ceil(low / step), libm::floor(high / step));
    let label = |value: f64| match value.abs() >= 1e7 {
        _ if kind == Ticks::Powers => format!("1e{value:.0}").replace('-', "−"),
        true => format!("{value:.1e}"),
        false => format!("{:.decimals$}", value + 0.0).replace('-', "−"),
    };
    let count = (last - first).clamp(-1.0, 2.0 * most as f64) as i64;
    (0..=count).map(|i| (first + i as f64) * step).map(|value| (value, label(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(range: (f64, f64), most: usize, kind: Ticks) -> Vec<String> {
        ticks(range, most, kind).into_iter().map(|tick| tick.1).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels((0.0, 1.0), 6, Ticks::Round), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(
            labels((-0.02, 0.031), 6, Ticks::Round),
            ["−0.02", "−0.01", "0.00", "0.01", "0.02", "0.03"]
        );
        assert_eq!(labels((0.9, 4.1), 10, Ticks::Whole), ["1", "2", "3", "4"]);
        assert_eq!(labels((1.0, 40.0), 10, Ticks::Whole), ["5", "10", "15", "20", "25", "30", "35", "40"]);
        assert_eq!(labels((0.0, 2.0), 10, Ticks::Whole), ["0", "1", "2"]);
        assert_eq!(labels((-2.5, 1.0), 10, Ticks::Powers), ["1e−2", "1e−1", "1e0", "1e1"]);
    }

    #[test]
    fn ranges_are_never_empty() {
        assert_eq!(range([].into_iter(), 0.1, false), (0.0, 1.0));
        assert_eq!(range([3.0].into_iter(), 0.1, true), (2.0, 4.0));
        for value in [0.0, -5.0, 1e-300, 1e300, f64::MAX, f64::MIN_POSITIVE] {
            let (low, high) = range([value, value].into_iter(), 0.1, false);
            assert!(low < high && (high - low).is_finite(), "{value}: {low} {high}");
            assert!(ticks((low, high), 6, Ticks::Round).len() < 20);
        }
    }
}
