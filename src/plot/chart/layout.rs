//! Plots beside and below each other in one figure.

use plotters::style::text_anchor::HPos;

use crate::Result;
use crate::plot::chart::panel::Head;
use crate::plot::chart::{Heatmap, Panel};
use crate::plot::figure::{Canvas, Figure, Painted};
use crate::plot::style::{INK, MARGIN, Text, WIDTH};

/// White between plots.
const BETWEEN: i32 = 50;
/// Height of a plot in a single row.
const HEIGHT: i32 = 712;
const NARROW: i32 = 700;
/// Height of the figure's own title.
const TITLE: i32 = 76;

/// A panel or a heat map.
pub(crate) enum Plot {
    Panel(Panel),
    Heatmap(Heatmap),
}

impl From<Panel> for Plot {
    fn from(panel: Panel) -> Plot {
        Plot::Panel(panel)
    }
}

impl From<Heatmap> for Plot {
    fn from(heatmap: Heatmap) -> Plot {
        Plot::Heatmap(heatmap)
    }
}

impl Plot {
    fn head(&self, width: i32) -> i32 {
        match self {
            Plot::Panel(panel) => panel.head(width),
            Plot::Heatmap(heatmap) => heatmap.head(),
        }
    }

    fn paint(&self, canvas: &Canvas, corner: (i32, i32), size: (i32, i32), head: Head) -> Painted {
        match self {
            Plot::Panel(panel) => panel.paint(canvas, corner, size, head),
            Plot::Heatmap(heatmap) => heatmap.paint(canvas, corner, size, head),
        }
    }
}

/// A figure of several plots, row by row. Those of a row start at one height, whatever stands above them.
pub(crate) struct Sheet<'a> {
    /// What an error calls it.
    pub(crate) what: &'a str,
    /// Above all plots; may be empty.
    pub(crate) title: String,
    /// Plots in a row.
    pub(crate) columns: usize,
    /// Height of a row in pixels.
    pub(crate) height: i32,
}

impl Sheet<'_> {
    /// Draws the plots.
    ///
    /// # Errors
    /// [`Error::Figure`](crate::Error::Figure) when it cannot be drawn.
    pub(crate) fn draw(&self, plots: &[Plot]) -> Result<Figure> {
        let columns = self.columns.max(1) as i32;
        let width = (WIDTH as i32 - 2 * MARGIN - (columns - 1) * BETWEEN) / columns;
        let top = MARGIN + if self.title.is_empty() { 0 } else { TITLE };
        let rows = plots.len().div_ceil(self.columns.max(1)).max(1) as i32;
        let height = top + rows * self.height + (rows - 1) * BETWEEN + MARGIN;
        // Titles below a title, and those of narrow plots, are smaller.
        let look = if self.title.is_empty() && width >= NARROW { Text::Title } else { Text::Bold };
        Figure::draw(self.what, (WIDTH, height.max(0) as u32), |canvas| {
            let title = Text::Title.fit(&self.title, WIDTH as i32 - 2 * MARGIN);
            Text::Title.draw(canvas, &title, (MARGIN, MARGIN + 30), (HPos::Left, INK))?;
            for (row, plots) in (0..).zip(plots.chunks(columns as usize)) {
                let height = plots.iter().map(|plot| plot.head(width)).max().unwrap_or(0);
                let head = Head { height, title: look };
                for (column, plot) in (0..).zip(plots) {
                    let corner = (MARGIN + column * (width + BETWEEN), top + row * (self.height + BETWEEN));
                    plot.paint(canvas, corner, (width, self.height), head)?;
                }
            }
            Ok(())
        })
    }
}

/// The plots in one row.
///
/// # Errors
/// As [`Sheet::draw`].
pub(crate) fn side_by_side(what: &str, plots: Vec<Panel>) -> Result<Figure> {
    let sheet = Sheet { what, title: String::new(), columns: plots.len(), height: HEIGHT };
    sheet.draw(&plots.into_iter().map(Plot::from).collect::<Vec<_>>())
}
