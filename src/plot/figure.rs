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
