//! Axes: ticks on round numbers, units in the titles, a range that is never empty.

use plotters::element::{PathElement, Rectangle};
use plotters::style::Color;
use plotters::style::text_anchor::HPos;

use crate::plot::figure::{Canvas, Painted};
use crate::plot::style::{FAINT_INK, GRID, INK, Text};
use crate::plot::text::thousands;

/// Where the ticks of an axis stand, and how they are written.
#[derive(Clone, PartialEq)]
pub(crate) enum Ticks {
    /// At round numbers.
    Round,
    /// Only at whole numbers, as for epochs.
    Whole,
    /// At whole numbers, written as powers of ten: the values are logarithms.
    Powers,
    /// As `Powers`, written as 1, 10, 100, 1,000: the values are logarithms of counts.
    Counts,
    /// At 0, 1, 2, …, written as these names.
    Names(Vec<String>),
}

/// What one axis says.
#[derive(Clone)]
pub(crate) struct Axis {
    /// With the unit; may be empty.
    pub(crate) title: String,
    pub(crate) ticks: Ticks,
    /// From where to where; what the layers need when it is `None`.
    pub(crate) range: Option<(f64, f64)>,
}

impl Axis {
    pub(crate) fn new(title: impl Into<String>) -> Axis {
        Axis { title: title.into(), ticks: Ticks::Round, range: None }
    }

    pub(crate) fn ticks(self, ticks: Ticks) -> Axis {
        Axis { ticks, ..self }
    }

    /// Over this range, whatever the layers have: panels that are compared have one scale.
    pub(crate) fn over(self, range: (f64, f64)) -> Axis {
        Axis { range: Some(range), ..self }
    }
}

/// How far a label may stand out to the right of the plotted area.
const END: i32 = 34;

/// The plotted area in pixels and in values.
pub(super) struct Frame {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) right: i32,
    pub(super) bottom: i32,
    pub(super) x: (f64, f64),
    pub(super) y: (f64, f64),
}

impl Frame {
    /// Where a point stands; what is outside stands on the border.
    pub(super) fn at(&self, (x, y): (f64, f64)) -> (i32, i32) {
        let share = |v: f64, (low, high): (f64, f64)| ((v - low) / (high - low)).clamp(0.0, 1.0);
        let across = share(x, self.x) * f64::from(self.right - self.left);
        let up = share(y, self.y) * f64::from(self.bottom - self.top);
        (self.left + across.round() as i32, self.bottom - up.round() as i32)
    }

    /// The grid with its labels, and the axis below with its title.
    pub(super) fn draw(&self, canvas: &Canvas, x: &Axis, y: &Axis) -> Painted {
        for (value, label) in self.fitting(&ticks(self.x, most(self.right - self.left, (2, 10)), &x.ticks)) {
            let (at, _) = self.at((*value, 0.0));
            // Bars stand on their names; a line through their middle says nothing.
            if !matches!(x.ticks, Ticks::Names(_)) {
                let line = [(at, self.top), (at, self.bottom)];
                canvas.draw(&PathElement::new(line, GRID.stroke_width(2)))?;
            }
            // A long label at the end of the axis stays inside of the figure.
            let at = at.min(self.right + END - Text::Small.width(label) / 2);
            Text::Small.draw(canvas, label, (at, self.bottom + 26), (HPos::Center, FAINT_INK))?;
        }
        for (value, label) in self.y_ticks(y) {
            let (_, at) = self.at((0.0, value));
            canvas.draw(&PathElement::new([(self.left, at), (self.right, at)], GRID.stroke_width(2)))?;
            Text::Small.draw(canvas, &label, (self.left - 14, at), (HPos::Right, FAINT_INK))?;
        }
        let middle = (self.left + self.right) / 2;
        Text::Plain.draw(canvas, &x.title, (middle, self.bottom + 68), (HPos::Center, INK))
    }

    fn y_ticks(&self, y: &Axis) -> Vec<(f64, String)> {
        ticks(self.y, most(self.bottom - self.top, (3, 6)), &y.ticks)
    }

    /// The room that the labels of the axis to the top need.
    pub(super) fn y_labels(&self, y: &Axis) -> i32 {
        self.y_ticks(y).iter().map(|tick| Text::Small.width(&tick.1)).max().unwrap_or(0) + 18
    }

    /// The axis itself, above all that stands on it.
    pub(super) fn base(&self, canvas: &Canvas) -> Painted {
        let corners = [(self.left, self.bottom - 1), (self.right, self.bottom + 1)];
        Ok(canvas.draw(&Rectangle::new(corners, FAINT_INK.filled()))?)
    }

    /// Every label, or every second, third, … where all would run into each other.
    fn fitting<'a>(&self, ticks: &'a [(f64, String)]) -> impl Iterator<Item = &'a (f64, String)> {
        let widest = ticks.iter().map(|tick| Text::Small.width(&tick.1)).max().unwrap_or(0) + 14;
        let apart = (self.right - self.left) / ticks.len().max(1) as i32;
        ticks.iter().step_by((widest / apart.max(1) + i32::from(widest % apart.max(1) > 0)).max(1) as usize)
    }
}

/// How many ticks so many pixels have room for.
fn most(pixels: i32, (least, most): (i32, i32)) -> usize {
    (pixels / 60).clamp(least, most) as usize
}

/// From the least to the greatest value, a `share` wider at both ends, and never empty.
pub(super) fn range(values: impl Iterator<Item = f64>, share: f64, whole: bool) -> (f64, f64) {
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

/// At most about `most` round numbers in the range, or all of the names, with labels.
fn ticks((low, high): (f64, f64), most: usize, kind: &Ticks) -> Vec<(f64, String)> {
    if let Ticks::Names(names) = kind {
        return names.iter().enumerate().map(|(i, name)| (i as f64, name.clone())).collect();
    }
    let rough = (high - low) / most as f64;
    let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|&step| step >= rough).unwrap_or(rough);
    let step = if *kind == Ticks::Round { step } else { step.max(1.0).round() };
    let decimals = (-libm::floor(libm::log10(step * 1.0001))).clamp(0.0, 12.0) as usize;
    let (first, last) = (libm::ceil(low / step), libm::floor(high / step));
    let label = |value: f64| match value.abs() >= 1e7 {
        _ if *kind == Ticks::Powers => format!("1e{value:.0}").replace('-', "−"),
        _ if *kind == Ticks::Counts && (0.0..7.0).contains(&value) => thousands(libm::pow(10.0, value)),
        true => format!("{value:.1e}"),
        false if decimals == 0 => thousands(value),
        false => format!("{:.decimals$}", value + 0.0).replace('-', "−"),
    };
    let count = (last - first).clamp(-1.0, 2.0 * most as f64) as i64;
    (0..=count).map(|i| (first + i as f64) * step).map(|value| (value, label(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(range: (f64, f64), most: usize, kind: Ticks) -> Vec<String> {
        ticks(range, most, &kind).into_iter().map(|tick| tick.1).collect()
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
        assert_eq!(labels((0.0, 4.01), 6, Ticks::Counts), ["1", "10", "100", "1,000", "10,000"]);
        assert_eq!(labels((-1500.0, 1500.0), 4, Ticks::Round), ["−1,000", "0", "1,000"]);
        assert_eq!(labels((-0.5, 1.5), 9, Ticks::Names(vec!["a".into(), "b".into()])), ["a", "b"]);
    }

    #[test]
    fn ranges_are_never_empty() {
        assert_eq!(range([].into_iter(), 0.1, false), (0.0, 1.0));
        assert_eq!(range([3.0].into_iter(), 0.1, true), (2.0, 4.0));
        for value in [0.0, -5.0, 1e-300, 1e300, f64::MAX, f64::MIN_POSITIVE] {
            let (low, high) = range([value, value].into_iter(), 0.1, false);
            assert!(low < high && (high - low).is_finite(), "{value}: {low} {high}");
            assert!(ticks((low, high), 6, &Ticks::Round).len() < 20);
        }
    }
}
