//! A panel: layers over two axes, the legend above, where it covers nothing.

use plotters::style::text_anchor::HPos;

use crate::plot::chart::axes::{Axis, Frame, Ticks, range};
use crate::plot::chart::layers::{Layer, Mark, Shape, finite, vertical};
use crate::plot::figure::{Canvas, Painted};
use crate::plot::style::{self, FAINT_INK, INK, Legend, Text};

/// Layers over two axes.
pub(crate) struct Panel {
    title: String,
    x: Axis,
    y: Axis,
    layers: Vec<Layer>,
    marks: Vec<Mark>,
}

/// White around the plotted area: room for title and one row of the legend, tick labels and the axis title.
pub(super) const ABOVE: i32 = 118;
pub(super) const BELOW: i32 = 92;
pub(super) const LEFT: i32 = 92;
const RIGHT: i32 = 20;
const LEGEND_ROW: i32 = 40;
/// What the title of the axis to the top takes.
const Y_TITLE: i32 = 36;

/// What stands above a plotted area, the same for all plots of a row.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub(super) height: i32,
    /// How large the titles are.
    pub(super) title: Text,
}

impl Head {
    /// Draws a plot's title.
    pub(super) fn title(self, canvas: &Canvas, text: &str, (x, y): (i32, i32), width: i32) -> Painted {
        self.title.draw(canvas, &self.title.fit(text, width), (x, y + 30), (HPos::Left, INK))
    }
}

impl Panel {
    /// A panel without layers. The axis to the top has its title above it, where it reads without turning the head.
    pub(crate) fn new(title: impl Into<String>, x: Axis, y: Axis) -> Panel {
        Panel { title: title.into(), x, y, layers: vec![], marks: vec![] }
    }

    /// Adds a layer above those that are there.
    pub(crate) fn layer(mut self, layer: Layer) -> Panel {
        self.layers.push(layer);
        self
    }

    /// Adds layers, each above the one before.
    pub(crate) fn layers(mut self, layers: impl IntoIterator<Item = Layer>) -> Panel {
        self.layers.extend(layers);
        self
    }

    /// Adds marks; those that are not finite are explained but not drawn.
    pub(crate) fn marks(mut self, marks: impl IntoIterator<Item = Mark>) -> Panel {
        self.marks.extend(marks);
        self
    }

    /// How much room title, legend and the title of the axis to the top take above the plotted area.
    pub(super) fn head(&self, width: i32) -> i32 {
        let rows = style::legend_rows(&self.legend(), width).len() as i32;
        let y_title = i32::from(!self.y.title.is_empty());
        // Without a legend its row is free for the axis.
        let free = i32::from(rows == 0);
        ABOVE + LEGEND_ROW * (rows - 1).max(0) + Y_TITLE * (y_title - free).max(0)
    }

    /// Draws the panel into the rectangle that starts at `(x, y)` and is `(width, height)` large, the plotted area
    /// `head` pixels below its top.
    pub(super) fn paint(
        &self,
        canvas: &Canvas,
        (x, y): (i32, i32),
        (width, height): (i32, i32),
        head: Head,
    ) -> Painted {
        let mut frame = Frame {
            left: x + LEFT,
            top: y + head.height,
            right: x + width - RIGHT,
            bottom: y + height - BELOW,
            x: self.x_range(),
            y: self.y_range(),
        };
        frame.left = frame.left.max(x + frame.y_labels(&self.y));
        head.title(canvas, &self.title, (x, y), width)?;
        let entries = self.legend();
        let rows = style::legend_rows(&entries, width);
        (0..).zip(rows).try_for_each(|(i, row)| style::legend(canvas, row, (x, y + 84 + i * LEGEND_ROW)))?;
        y_title(canvas, &self.y.title, (x, frame.top))?;
        frame.draw(canvas, &self.x, &self.y)?;
        let marks = || self.marks.iter().filter(|mark| finite(&mark.at));
        marks().try_for_each(|mark| vertical(canvas, &frame, mark.at.0, FAINT_INK))?;
        self.layers.iter().try_for_each(|layer| layer.draw(canvas, &frame))?;
        frame.base(canvas)?;
        marks().try_for_each(|mark| mark.draw(canvas, &frame))
    }

    fn legend(&self) -> Vec<Legend> {
        let layers = self.layers.iter().filter_map(Layer::legend);
        layers.chain(self.marks.iter().map(Mark::legend)).collect()
    }

    fn x_range(&self) -> (f64, f64) {
        let layers = self.layers.iter().flat_map(Layer::extent);
        let all = layers.chain(self.marks.iter().map(|mark| mark.at)).map(|p| p.0).filter(|x| x.is_finite());
        let points = self.layers.iter().any(|layer| matches!(layer.shape, Shape::Points(_)));
        match (&self.x.ticks, self.x.range) {
            (_, Some(range)) => range,
            (Ticks::Names(names), None) => (-0.5, names.len().max(1) as f64 - 0.5),
            (Ticks::Whole, None) => range(all, 0.02, true),
            (_, None) => range(all, if points { 0.03 } else { 0.0 }, false),
        }
    }

    /// Bars stand on the axis; all else has some white below and above.
    fn y_range(&self) -> (f64, f64) {
        let points = self.layers.iter().flat_map(Layer::extent).filter(finite);
        let marks = self.marks.iter().map(|mark| mark.at).filter(finite);
        let values: Vec<f64> = points.chain(marks).map(|p| p.1).collect();
        let (low, high) = range(values.iter().copied(), 0.06, false);
        let bars = self.layers.iter().any(|layer| matches!(layer.shape, Shape::Bars(_)));
        match self.y.range {
            Some(range) => range,
            None if bars && values.iter().all(|&v| v == 0.0) => (0.0, 1.0),
            None if bars && values.iter().all(|&v| v >= 0.0) => (0.0, high),
            None => (low, high),
        }
    }
}

/// The title of the axis to the top, above the plotted area that starts at `top`.
pub(super) fn y_title(canvas: &Canvas, text: &str, (x, top): (i32, i32)) -> Painted {
    Text::Plain.draw(canvas, text, (x, top - 30), (HPos::Left, INK))
}
