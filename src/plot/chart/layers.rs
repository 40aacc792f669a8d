//! What a panel shows: lines, areas, bars, points, marks. Values that are not finite are left out.

use plotters::element::{Circle, PathElement, Rectangle};
use plotters::style::{Color, RGBColor};

use crate::plot::chart::axes::Frame;
use crate::plot::figure::{Canvas, Painted};
use crate::plot::style::{self, Legend, Sign};

/// One layer of a panel. Its label stands in the legend unless it is empty.
pub(crate) struct Layer {
    pub(super) label: String,
    pub(super) color: RGBColor,
    pub(super) shape: Shape,
}

/// Points are `(x, y)`.
pub(super) enum Shape {
    /// Values that are not finite leave a gap.
    Line(Vec<(f64, f64)>),
    Dashes(Vec<(f64, f64)>),
    /// `[x, low, high]` by ascending x, filled in between.
    Area(Vec<[f64; 3]>),
    /// `[left, right, height]`, standing on 0.
    Bars(Vec<[f64; 3]>),
    Points(Vec<(f64, f64)>),
    /// A dashed line from the bottom to the top at this x.
    Vertical(f64),
}

/// A marked point, explained in the legend, with a dashed line through it.
pub(crate) struct Mark {
    pub(crate) label: String,
    pub(crate) color: RGBColor,
    pub(crate) at: (f64, f64),
}

/// How much of its width a group of bars leaves free to the next one.
const GROUP: f64 = 0.8;

impl Layer {
    fn new(label: impl Into<String>, color: RGBColor, shape: Shape) -> Layer {
        Layer { label: label.into(), color, shape }
    }

    /// A line through the points.
    pub(crate) fn line(label: impl Into<String>, color: RGBColor, points: Vec<(f64, f64)>) -> Layer {
        Layer::new(label, color, Shape::Line(points))
    }

    /// A dashed line, for what others are compared with.
    pub(crate) fn dashes(label: impl Into<String>, color: RGBColor, points: Vec<(f64, f64)>) -> Layer {
        Layer::new(label, color, Shape::Dashes(points))
    }

    /// A dashed line at one x.
    pub(crate) fn vertical(label: impl Into<String>, color: RGBColor, x: f64) -> Layer {
        Layer::new(label, color, Shape::Vertical(x))
    }

    /// A band `[x, low, high]`, translucent: a density from 0, or a spread around a line.
    pub(crate) fn area(label: impl Into<String>, color: RGBColor, band: Vec<[f64; 3]>) -> Layer {
        Layer::new(label, color, Shape::Area(band))
    }

    /// Bars `[left, right, height]`, as of a histogram.
    pub(crate) fn bars(label: impl Into<String>, color: RGBColor, bars: Vec<[f64; 3]>) -> Layer {
        Layer::new(label, color, Shape::Bars(bars))
    }

    /// The bars of series `i` of `of`, side by side at 0, 1, 2, …, for an axis of names.
    pub(crate) fn group(
        label: impl Into<String>,
        color: RGBColor,
        heights: &[f64],
        (i, of): (usize, usize),
    ) -> Layer {
        let width = GROUP / of.max(1) as f64;
        let bar = |(at, &height): (usize, &f64)| {
            let left = at as f64 - GROUP / 2.0 + i as f64 * width;
            [left, left + width, height]
        };
        Layer::bars(label, color, heights.iter().enumerate().map(bar).collect())
    }

    /// Points, the more translucent the more there are: where many lie it is dark.
    pub(crate) fn points(label: impl Into<String>, color: RGBColor, points: Vec<(f64, f64)>) -> Layer {
        Layer::new(label, color, Shape::Points(points))
    }

    /// Every point that has to be inside of the panel.
    pub(super) fn extent(&self) -> Vec<(f64, f64)> {
        match &self.shape {
            Shape::Line(points) | Shape::Dashes(points) | Shape::Points(points) => points.clone(),
            Shape::Area(band) => band.iter().flat_map(|&[x, low, high]| [(x, low), (x, high)]).collect(),
            Shape::Bars(bars) => bars.iter().flat_map(|&[l, r, high]| [(l, 0.0), (r, high)]).collect(),
            Shape::Vertical(x) => vec![(*x, f64::NAN)],
        }
    }

    pub(super) fn legend(&self) -> Option<Legend> {
        let sign = match &self.shape {
            Shape::Line(points) if points.len() == 1 => Sign::Dot(self.color),
            Shape::Line(_) => Sign::Line(self.color),
            Shape::Dashes(_) | Shape::Vertical(_) => Sign::Dashes(self.color),
            Shape::Area(_) => Sign::Box(style::lighter(self.color)),
            Shape::Bars(_) => Sign::Box(self.color),
            Shape::Points(_) => Sign::Dot(self.color),
        };
        (!self.label.is_empty()).then(|| Legend::new(sign, &*self.label))
    }

    pub(super) fn draw(&self, canvas: &Canvas, frame: &Frame) -> Painted {
        match &self.shape {
            Shape::Line(points) => draw_line(canvas, frame, points, self.color),
            Shape::Dashes(points) => draw_dashes(canvas, frame, points, self.color),
            Shape::Area(band) => draw_area(canvas, frame, band, self.color),
            Shape::Bars(bars) => draw_bars(canvas, frame, bars, self.color),
            Shape::Points(points) => draw_points(canvas, frame, points, self.color),
            Shape::Vertical(x) if x.is_finite() => vertical(canvas, frame, *x, self.color),
            Shape::Vertical(_) => Ok(()),
        }
    }
}

impl Mark {
    pub(super) fn legend(&self) -> Legend {
        Legend::new(Sign::Dot(self.color), &*self.label)
    }

    pub(super) fn draw(&self, canvas: &Canvas, frame: &Frame) -> Painted {
        dot(canvas, frame.at(self.at), 11, self.color)
    }
}

pub(super) fn finite(point: &(f64, f64)) -> bool {
    point.0.is_finite() && point.1.is_finite()
}

fn draw_line(canvas: &Canvas, frame: &Frame, points: &[(f64, f64)], color: RGBColor) -> Painted {
    for part in points.split(|p| !finite(p)) {
        let path: Vec<(i32, i32)> = part.iter().map(|&p| frame.at(p)).collect();
        if path.len() > 1 {
            canvas.draw(&PathElement::new(path.clone(), color.stroke_width(5)))?;
        }
        // Single epochs are worth a dot; many dots would only thicken the line.
        if points.len() <= 20 {
            path.iter().try_for_each(|&at| dot(canvas, at, 6, color))?;
        }
    }
    Ok(())
}

fn dot(canvas: &Canvas, at: (i32, i32), radius: i32, color: RGBColor) -> Painted {
    canvas.draw(&Circle::new(at, radius + 2, style::filled(RGBColor(255, 255, 255))))?;
    Ok(canvas.draw(&Circle::new(at, radius, style::filled(color)))?)
}

/// Dashes of 11 pixels and gaps of 9, counted along the whole line.
fn draw_dashes(canvas: &Canvas, frame: &Frame, points: &[(f64, f64)], color: RGBColor) -> Painted {
    let mut walked = 0.0;
    for pair in points.windows(2).filter(|pair| pair.iter().all(finite)) {
        let ((x, y), to) = (frame.at(pair[0]), frame.at(pair[1]));
        let (across, down) = (f64::from(to.0 - x), f64::from(to.1 - y));
        let length = (across * across + down * down).sqrt();
        let at = |along: f64| {
            let share = along / length.max(1.0);
            (x + (share * across).round() as i32, y + (share * down).round() as i32)
        };
        let mut start = 0.0;
        while start < length {
            let phase = (walked + start) % 20.0;
            let end = (start + if phase < 11.0 { 11.0 - phase } else { 20.0 - phase }).min(length);
            if phase < 11.0 {
                canvas.draw(&PathElement::new([at(start), at(end)], color.stroke_width(4)))?;
            }
            start = end.max(start + 0.5);
        }
        walked += length;
    }
    Ok(())
}

pub(super) fn vertical(canvas: &Canvas, frame: &Frame, x: f64, color: RGBColor) -> Painted {
    let (x, _) = frame.at((x, 0.0));
    for y in (frame.top..frame.bottom).step_by(20) {
        let corners = [(x - 1, y), (x + 1, (y + 11).min(frame.bottom))];
        canvas.draw(&Rectangle::new(corners, style::filled(color)))?;
    }
    Ok(())
}

/// Column by column, so that no pixel is painted twice.
fn draw_area(canvas: &Canvas, frame: &Frame, band: &[[f64; 3]], color: RGBColor) -> Painted {
    for pair in band.windows(2).filter(|pair| pair.iter().flatten().all(|v| v.is_finite())) {
        let [from, to] = [0, 1].map(|i| frame.at((pair[i][0], 0.0)).0);
        for x in from..to {
            let share = f64::from(x - from) / f64::from(to - from);
            let [low, high] = [1, 2].map(|i| pair[0][i] + share * (pair[1][i] - pair[0][i]));
            let [low, high] = [low, high].map(|y| frame.at((0.0, y)).1);
            (high..low).try_for_each(|y| canvas.draw_pixel((x, y), &color.mix(style::LIGHT)))?;
        }
    }
    Ok(())
}

fn draw_bars(canvas: &Canvas, frame: &Frame, bars: &[[f64; 3]], color: RGBColor) -> Painted {
    for &[left, right, height] in bars.iter().filter(|bar| bar.iter().all(|v| v.is_finite())) {
        let ((left, base), (right, top)) = (frame.at((left, 0.0)), frame.at((right, height)));
        // A white line between neighbours, where there is room for one.
        let right = if right - left > 3 { right - 2 } else { right - 1 };
        if top != base {
            let corners = [(left, top.min(base)), (right.max(left + 1), top.max(base))];
            canvas.draw(&Rectangle::new(corners, style::filled(color)))?;
        }
    }
    Ok(())
}

/// Counts how many points cover a pixel, then paints each pixel once: 18,000 points cost what a few lines do.
fn draw_points(canvas: &Canvas, frame: &Frame, points: &[(f64, f64)], color: RGBColor) -> Painted {
    let known: Vec<(i32, i32)> = points.iter().filter(|p| finite(p)).map(|&p| frame.at(p)).collect();
    let alpha = (9.0 / (known.len() as f64).max(1.0).sqrt()).clamp(0.08, 0.75);
    let radius = if known.len() <= 500 { 6 } else { 4 };
    let (width, height) = (frame.right - frame.left + 1, frame.bottom - frame.top + 1);
    let disc: Vec<(i32, i32)> = (-radius..=radius)
        .flat_map(|dy| (-radius..=radius).map(move |dx| (dx, dy)))
        .filter(|(dx, dy)| dx * dx + dy * dy <= radius * radius + radius / 2)
        .collect();
    let mut covered = vec![0u16; (width.max(0) * height.max(0)) as usize];
    for (x, y) in known {
        for (x, y) in disc.iter().map(|(dx, dy)| (x + dx - frame.left, y + dy - frame.top)) {
            if (0..width).contains(&x)
                && let Some(count) = covered.get_mut((y.max(-1) * width + x) as usize)
            {
                *count = count.saturating_add(1);
            }
        }
    }
    for (at, &count) in covered.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (x, y) = (at as i32 % width, at as i32 / width);
        let alpha = 1.0 - (1.0 - alpha).powi(i32::from(count));
        canvas.draw_pixel((frame.left + x, frame.top + y), &color.mix(alpha))?;
    }
    Ok(())
}
