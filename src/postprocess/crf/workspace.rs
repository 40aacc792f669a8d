//! The kernels of an image, and memory that is used again for the next one.

use super::Crf;
use super::kernel::Kernel;
use super::lattice::REACH;
use super::table::Table;
use crate::types::Image;
use crate::{Error, Result};

/// What inference on one image after another needs.
#[derive(Default)]
pub(crate) struct Workspace {
    /// Where pixels are. It stays for as long as images are of one size.
    gaussian: Kernel<3>,
    gaussian_of: Option<(usize, usize, f64)>,
    /// Where pixels are, and red, green and blue.
    bilateral: Kernel<6>,
    /// 0 where a term is off.
    strengths: [f32; 2],
    points: Vec<f32>,
    table: Table,
    buffers: [Vec<f32>; 2],
}

impl Workspace {
    /// Makes the kernels of this image.
    pub(super) fn prepare(&mut self, crf: &Crf, image: &Image) -> Result<()> {
        self.strengths = [crf.compat_gaussian as f32, crf.compat_bilateral as f32];
        let size = (image.height, image.width, crf.sxy_gaussian);
        if crf.compat_gaussian > 0.0 && self.gaussian_of != Some(size) {
            within_reach("sxy_gaussian", crf.sxy_gaussian, 3.0 * extent(image, crf.sxy_gaussian))?;
            self.points.clear();
            self.points.extend(places(image, crf.sxy_gaussian).flatten());
            self.gaussian.place(&self.points, &mut self.table, &mut self.buffers);
            self.gaussian_of = Some(size);
        }
        if crf.compat_bilateral > 0.0 {
            let highest = image.pixels.iter().fold(0.0f32, |highest, pixel| highest.max(pixel.abs()));
            let colours = 3.0 * 255.0 * f64::from(highest) / crf.srgb;
            within_reach("sxy_bilateral", crf.sxy_bilateral, 6.0 * extent(image, crf.sxy_bilateral))?;
            within_reach("srgb", crf.srgb, 6.0 * (extent(image, crf.sxy_bilateral) + colours))?;
            let srgb = crf.srgb as f32;
            self.points.clear();
            for ([x, y], pixel) in places(image, crf.sxy_bilateral).zip(&image.pixels) {
                let colour = pixel * 255.0 / srgb;
                self.points.extend([x, y, colour, colour, colour]);
            }
            self.bilateral.place(&self.points, &mut self.table, &mut self.buffers);
        }
        Ok(())
    }

    /// Adds what the other pixels say by their beliefs to each pixel's logit.
    pub(super) fn add_messages(&mut self, beliefs: &[f32], logits: &mut [f32]) {
        let [gaussian, bilateral] = self.strengths;
        if gaussian > 0.0 {
            self.gaussian.add(gaussian, beliefs, logits, &mut self.buffers);
        }
        if bilateral > 0.0 {
            self.bilateral.add(bilateral, beliefs, logits, &mut self.buffers);
        }
    }
}

/// Column and row of each pixel in units of `sxy`.
fn places(image: &Image, sxy: f64) -> impl Iterator<Item = [f32; 2]> {
    let (width, sxy) = (image.width, sxy as f32);
    (0..image.height).flat_map(move |y| (0..width).map(move |x| [x as f32 / sxy, y as f32 / sxy]))
}

/// The sum of the largest coordinates of a pixel.
fn extent(image: &Image, sxy: f64) -> f64 {
    (image.height + image.width) as f64 / sxy
}

fn within_reach(field: &'static str, got: f64, reach: f64) -> Result<()> {
    if reach < f64::from(REACH) {
        return Ok(());
    }
    let expected =
        format!("{} or more for an image of this size and brightness", got * reach / f64::from(REACH));
    Err(Error::Config { field, got: got.to_string(), expected })
}
