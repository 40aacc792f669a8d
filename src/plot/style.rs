//! The one look of all figures: colours that colour-blind people can tell apart, sizes, text.

use std::sync::OnceLock;

use plotters::element::{Circle, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBColor, ShapeStyle, TextStyle};

use crate::plot::colormap::Colormap;
use crate::plot::figure::{Canvas, Painted};
use crate::{Error, Result};

/// Width of a figure in pixels; a notebook shows it at about half of that.
pub(crate) const WIDTH: u32 = 1900;
/// White space around a figure.
pub(crate) const MARGIN: i32 = 24;

pub(crate) const INK: RGBColor = RGBColor(34, 34, 34);
pub(crate) const FAINT_INK: RGBColor = RGBColor(105, 105, 105);
pub(crate) const GRID: RGBColor = RGBColor(234, 234, 234);
/// Colours of Okabe and Ito (2008).
pub(crate) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(crate) const VERMILLION: RGBColor = RGBColor(213, 94, 0);
pub(crate) const BLUISH_GREEN: RGBColor = RGBColor(0, 158, 115);
/// As many as can be told apart, in the order of their use.
pub(crate) const COLORS: [RGBColor; 7] = [
    BLUE,
    VERMILLION,
    BLUISH_GREEN,
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(34, 34, 34),
];
/// How much of its colour an area keeps on white.
pub(crate) const LIGHT: f64 = 0.4;
/// In charts what is true and what is predicted, near the colours of their outlines.
pub(crate) const TRUE: RGBColor = COLORS[5];
pub(crate) const PREDICTED: RGBColor = COLORS[4];
/// The colour of one of several classes, which stands out from grey.
pub(crate) fn class_color(class: usize) -> RGBColor {
    COLORS[class % (COLORS.len() - 1)]
}

/// The outline of predicted salt.
pub(crate) const PREDICTION: RGBColor = RGBColor(0, 190, 240);

/// The outline of labelled salt: yellow on grey, black where the map itself is colourful.
pub(crate) fn truth(colors: Colormap) -> RGBColor {
    match colors {
        Colormap::Grey | Colormap::Probability => RGBColor(255, 200, 0),
        Colormap::Seismic => RGBColor(0, 0, 0),
    }
}

/// The colour of an area, opaque.
pub(crate) fn lighter(color: RGBColor) -> RGBColor {
    let mix = |v: u8| (255.0 + LIGHT * (f64::from(v) - 255.0)).round() as u8;
    RGBColor(mix(color.0), mix(color.1), mix(color.2))
}

/// Black beside a light colour, white beside black.
pub(crate) fn contrast(color: RGBColor) -> RGBColor {
    if color.0 == 0 && color.1 == 0 { RGBColor(255, 255, 255) } else { RGBColor(0, 0, 0) }
}

const FAMILY: &str = "Salt Sans";

/// The sizes of text, in pixels per em.
#[derive(Clone, Copy)]
pub(crate) enum Text {
    Title,
    Bold,
    Plain,
    Small,
}

impl Text {
    pub(crate) fn size(self) -> f64 {
        match self {
            Text::Title => 36.0,
            Text::Bold | Text::Plain => 26.0,
            Text::Small => 23.0,
        }
    }

    fn font(self) -> FontDesc<'static> {
        let style = match self {
            Text::Title | Text::Bold => FontStyle::Bold,
            Text::Plain | Text::Small => FontStyle::Normal,
        };
        // plotters counts a line, not an em.
        FontDesc::new(FontFamily::Name(FAMILY), 1.24 * self.size(), style)
    }

    /// How wide `text` will be, in pixels.
    pub(crate) fn width(self, text: &str) -> i32 {
        self.font().box_size(text).map_or(0, |(width, _)| width as i32)
    }

    /// `text`, cut with an ellipsis where it is wider than `width` pixels.
    pub(crate) fn fit(self, text: &str, width: i32) -> String {
        if self.width(text) <= width {
            return text.into();
        }
        let mut kept: String = text.into();
        while kept.pop().is_some() {
            let cut = format!("{}…", kept.trim_end());
            if self.width(&cut) <= width {
                return cut;
            }
        }
        String::new()
    }

    /// Draws `text` at `at`: its left, centre or right there, and the middle of its capitals at that height.
    pub(crate) fn draw(self, canvas: &Canvas, text: &str, at: (i32, i32), look: (HPos, RGBColor)) -> Painted {
        let style: TextStyle = self.font().color(&look.1);
        Ok(canvas.draw_text(text, &style.pos(Pos::new(look.0, VPos::Center)), at)?)
    }
}

/// What a legend explains.
#[derive(Clone, Copy)]
pub(crate) enum Sign {
    Line(RGBColor),
    Dot(RGBColor),
    Dashes(RGBColor),
    Box(RGBColor),
    Map(Colormap),
}

/// An entry of a legend.
pub(crate) struct Legend {
    pub(crate) sign: Sign,
    pub(crate) label: String,
}

impl Legend {
    pub(crate) fn new(sign: Sign, label: impl Into<String>) -> Legend {
        Legend { sign, label: label.into() }
    }
}

const SWATCH: i32 = 48;

/// Width of a legend that stands in one row.
pub(crate) fn legend_width(entries: &[Legend]) -> i32 {
    entries.iter().map(|e| SWATCH + 12 + Text::Plain.width(&e.label) + 36).sum::<i32>()
        - 36 * entries.len().min(1) as i32
}

/// The entries in rows, as many in each as `width` has room for.
pub(crate) fn legend_rows(entries: &[Legend], width: i32) -> Vec<&[Legend]> {
    let (mut rows, mut start) = (vec![], 0);
    for end in 1..=entries.len() {
        if end - start > 1 && legend_width(&entries[start..end]) > width {
            rows.push(&entries[start..end - 1]);
            start = end - 1;
        }
    }
    if start < entries.len() {
        rows.push(&entries[start..]);
    }
    rows
}

/// Draws a legend in one row that starts at `(x, y)`, its middle at `y`.
pub(crate) fn legend(canvas: &Canvas, entries: &[Legend], (mut x, y): (i32, i32)) -> Painted {
    for entry in entries {
        match entry.sign {
            Sign::Dot(color) => canvas.draw(&Circle::new((x + SWATCH / 2, y), 11, filled(color)))?,
            Sign::Line(color) => {
                canvas.draw(&Rectangle::new([(x, y - 3), (x + SWATCH, y + 3)], filled(color)))?
            }
            Sign::Dashes(color) => [0, 18, 36].iter().try_for_each(|dash| {
                canvas.draw(&Rectangle::new([(x + dash, y - 2), (x + dash + 11, y + 2)], filled(color)))
            })?,
            Sign::Box(color) => {
                canvas.draw(&Rectangle::new([(x + 8, y - 11), (x + SWATCH, y + 11)], filled(color)))?
            }
            Sign::Map(map) => (0..SWATCH).try_for_each(|i| {
                let [red, green, blue] = map.rgb(i as f32 / (SWATCH - 1) as f32);
                let corners = [(x + i, y - 11), (x + i + 1, y + 11)];
                canvas.draw(&Rectangle::new(corners, filled(RGBColor(red, green, blue))))
            })?,
        }
        x += SWATCH + 12;
        Text::Plain.draw(canvas, &entry.label, (x, y), (HPos::Left, INK))?;
        x += Text::Plain.width(&entry.label) + 36;
    }
    Ok(())
}

/// Height of what stands above pictures: [`header`].
pub(crate) const HEADER: i32 = 78;
/// White between a title and its legend.
const LEGEND_GAP: i32 = 60;

/// Draws the title of a figure of pictures, cut where there is no room for it, and the legend beside it.
pub(crate) fn header(canvas: &Canvas, title: &str, entries: &[Legend]) -> Painted {
    let room = WIDTH as i32 - 2 * MARGIN - legend_width(entries) - LEGEND_GAP;
    let title = Text::Title.fit(title, room);
    Text::Title.draw(canvas, &title, (MARGIN, HEADER / 2), (HPos::Left, INK))?;
    legend(canvas, entries, (MARGIN + Text::Title.width(&title) + LEGEND_GAP, HEADER / 2))
}

/// A filled shape of one colour.
pub(crate) fn filled(color: RGBColor) -> ShapeStyle {
    color.filled()
}

/// Gives plotters the crate's own fonts, once: no system font is needed.
///
/// # Errors
/// [`Error::Figure`] when plotters does not take them.
pub(crate) fn register_fonts() -> Result<()> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let registered = REGISTERED.get_or_init(|| {
        let regular = include_bytes!("font/SaltSans-Regular.ttf");
        let bold = include_bytes!("font/SaltSans-Bold.ttf");
        plotters::style::register_font(FAMILY, FontStyle::Normal, regular).is_ok()
            && plotters::style::register_font(FAMILY, FontStyle::Bold, bold).is_ok()
    });
    match registered {
        true => Ok(()),
        false => Err(Error::Figure {
            what: "text".into(),
            why: "the embedded font is damaged; build the crate anew".into(),
        }),
    }
}
