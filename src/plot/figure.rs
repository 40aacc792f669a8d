//! A figure: drawn once, kept as PNG, shown by the notebook.

use std::path::Path;
use std::sync::Arc;

use image::ImageEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use plotters::coord::Shift;
use plotters::prelude::{BitMapBackend, DrawingArea, IntoDrawingArea};

use crate::io::atomic::write_atomically;
use crate::plot::style;
use crate::{Error, Result};

/// What the drawing functions of this module paint on.
pub(crate) type Canvas<'a> = DrawingArea<BitMapBackend<'a>, Shift>;
/// What they return: plotters has one error type per backend, a figure has one for all.
pub(crate) type Painted = Result<(), Box<dyn std::error::Error>>;

/// The most pixels of a figure (RGB, so 192 MB while it is drawn).
const MOST_PIXELS: u64 = 64_000_000;

/// A drawn figure, as PNG. A cell that ends with one shows it; [`Figure::save`] keeps it as a file.
///
/// Figures are about 1900 pixels wide, twice the width of a notebook's column, so that they are sharp on every screen.
#[derive(Clone)]
pub struct Figure {
    png: Arc<[u8]>,
    width: u32,
    height: u32,
}

impl Figure {
    /// The figure that `paint` draws on a white canvas of `(width, height)` pixels.
    ///
    /// # Errors
    /// [`Error::Figure`] naming `what` when the size is 0 or beyond 64 million pixels, or when drawing fails.
    pub(crate) fn draw(
        what: &str,
        (width, height): (u32, u32),
        paint: impl FnOnce(&Canvas) -> Painted,
    ) -> Result<Figure> {
        let failed = |why: String| Error::Figure { what: what.into(), why };
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 || pixels > MOST_PIXELS {
            let why =
                format!("{width}×{height} pixels; expected 1 to {MOST_PIXELS}; show fewer or smaller images");
            return Err(failed(why));
        }
        style::register_fonts()?;
        let mut rgb = vec![255u8; 3 * pixels as usize];
        {
            let canvas = BitMapBackend::with_buffer(&mut rgb, (width, height)).into_drawing_area();
            paint(&canvas).map_err(|e| failed(e.to_string()))?;
            canvas.present().map_err(|e| failed(e.to_string()))?;
        }
        let png = encode(&rgb, width, height).map_err(|e| failed(e.to_string()))?;
        Ok(Figure { png: png.into(), width, height })
    }

    /// The PNG file's bytes.
    pub fn png(&self) -> &[u8] {
        &self.png
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Writes the PNG to `path`; a file that is there is replaced only when the new one is complete.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path, |file| file.write_all(&self.png))
    }

    /// Shows the figure in a cell of the notebook.
    pub fn evcxr_display(&self) {
        evcxr_runtime::mime_type("image/png").bytes(&self.png);
        evcxr_runtime::mime_type("text/plain").text(format!("{self:?}"));
    }
}

impl std::fmt::Debug for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Figure {}×{} pixels, PNG of {} KB", self.width, self.height, self.png.len().div_ceil(1000))
    }
}

fn encode(rgb: &[u8], width: u32, height: u32) -> image::ImageResult<Vec<u8>> {
    let mut png = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Adaptive);
    encoder.write_image(rgb, width, height, image::ExtendedColorType::Rgb8)?;
    Ok(png)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::style::{INK, Text};
    use plotters::style::text_anchor::HPos;

    fn pixels(figure: &Figure) -> image::RgbImage {
        image::load_from_memory(figure.png()).unwrap().to_rgb8()
    }

    #[test]
    fn sizes_that_cannot_be_are_errors() {
        for size in [(0, 5), (5, 0), (u32::MAX, u32::MAX), (100_000, 1000)] {
            let error = Figure::draw("test", size, |_| Ok(())).unwrap_err();
            assert!(matches!(error, Error::Figure { .. }), "{error}");
        }
        let failed = Figure::draw("test", (5, 5), |_| Err("paint is out".into())).unwrap_err();
        assert_eq!(failed.to_string(), "figure test: paint is out");
    }

    #[test]
    fn text_is_drawn_in_the_middle_of_its_line() {
        let write = |text: &str| {
            let paint = |canvas: &Canvas| Text::Title.draw(canvas, text, (100, 50), (HPos::Center, INK));
            pixels(&Figure::draw("test", (200, 100), paint).unwrap())
        };
        let inked = |picture: &image::RgbImage| {
            let dark = picture.enumerate_pixels().filter(|(_, _, p)| p[0] < 128);
            dark.map(|(x, y, _)| (x, y)).collect::<Vec<_>>()
        };
        assert!(inked(&write("")).is_empty());
        let all = inked(&write("HEH"));
        let (top, bottom) = (all.iter().map(|p| p.1).min().unwrap(), all.iter().map(|p| p.1).max().unwrap());
        assert!((top + bottom).abs_diff(2 * 50) <= 3 && bottom - top > 20, "rows {top} to {bottom}");
        let (left, right) = (all.iter().map(|p| p.0).min().unwrap(), all.iter().map(|p| p.0).max().unwrap());
        assert!((left + right).abs_diff(2 * 100) <= 4, "columns {left} to {right}");
        assert_ne!(inked(&write("·×–°≥µ→é")), inked(&write("········")), "symbols have glyphs of their own");
    }

    #[test]
    fn text_that_is_too_wide_is_cut() {
        Figure::draw("test", (5, 5), |_| Ok(())).unwrap(); // registers the fonts
        let cut = Text::Bold.fit("0123456789abcdef", 100);
        assert!(cut.ends_with('…') && Text::Bold.width(&cut) <= 100 && cut.len() > 5, "{cut}");
        assert_eq!((Text::Bold.fit("short", 500), Text::Bold.fit("any", 0)), ("short".into(), "".into()));
    }

    #[test]
    fn saves_what_it_shows() {
        let folder = tempfile::tempdir().unwrap();
        let figure = Figure::draw("test", (30, 20), |_| Ok(())).unwrap();
        figure.save(folder.path().join("a.png")).unwrap();
        assert_eq!(std::fs::read(folder.path().join("a.png")).unwrap(), figure.png());
        assert_eq!(pixels(&figure).dimensions(), (30, 20));
        assert!(figure.save(folder.path().join("no/such/a.png")).is_err());
        assert!(format!("{figure:?}").starts_with("Figure 30×20 pixels"));
    }
}
