//! Pictures computed of an image: contrast, edges, texture and seismic attributes, each by scikit-image's or SciPy's
//! definition and to its values. For a look at the data, and as further input channels.

mod canny;
mod channel;
mod clahe;
mod contrast;
mod edges;
mod hog;
mod image;
mod plane;
mod text;
mod texture;
mod traces;
mod watershed;

#[cfg(test)]
mod tests;

use crate::{Error, Result};
use plane::{Axis, Outside, Plane};
use serde::{Deserialize, Serialize};
use texture::Property;

/// A picture computed of an image by [`Image::feature`](crate::types::Image::feature), of the same size.
///
/// Written, parsed and saved as its name with its parameters in parentheses: `smooth(1)`; without them it has the defaults
/// that [`Feature::ALL`] lists. Columns are traces, and time or depth runs downwards. Where a definition leaves a choice of
/// how the image goes on beyond its border, the table says which: *mirrored* repeats the outermost pixel (`reflect` in SciPy).
///
/// | Name | Range on amplitudes in `[0, 1]` | Meaning, and where it is from |
/// |---|---|---|
/// | `stretch` | `[0, 1]` | percentiles 2 and 98 to 0 and 1; `exposure.rescale_intensity` |
/// | `equalize` | `[0, 1]` | share of darker pixels, 256 bins; `exposure.equalize_hist` |
/// | `clahe(0.03)` | `[0, 1]` | equalised within tiles, clipped; `exposure.equalize_adapthist` |
/// | `sobel_x`, `sobel_y` | `[−1, 1]` | slope to the right, downwards, mirrored; `filters.sobel_v`, `sobel_h` |
/// | `sobel` | `[0, 1]` | root of the mean of both squares; `filters.sobel` |
/// | `smooth(1)` | `[0, 1]` | Gaussian of that deviation, outermost pixel repeated; `filters.gaussian` |
/// | `second_x(1)`, `second_y(1)` | `[−½, ½]` | second differences of the smoothed image; `feature.hessian_matrix` with mode `nearest` |
/// | `laplacian` | `[−4, 4]` | 4 × pixel less its neighbours, mirrored; `filters.laplace` |
/// | `local_std(5)` | `[0, ½]` | standard deviation in a window, mirrored; `ndimage.uniform_filter` |
/// | `canny(1)` | 0 or 1 | thin edges at that smoothing; `feature.canny` |
/// | `hog` | `≥ 0` | lines along edges in cells of 8 × 8; the picture of `feature.hog` |
/// | `envelope` | `≥ 0` | instantaneous amplitude of a trace less its mean; `abs(signal.hilbert)` |
/// | `phase` | `[−π, π]` | instantaneous phase; `angle(signal.hilbert)`, 0 where the envelope is below 1e−6 |
/// | `frequency` | `[−½, ½]` | instantaneous frequency in cycles per pixel; `gradient(unwrap(phase)) / 2π`, where half a turn is one forwards |
/// | `coherence(5)` | `[0, 1]` | semblance of traces less their means in a window, mirrored; 1 without energy |
/// | `glcm_contrast(7)` | `[0, 49]` | contrast of co-occurring grey values, 8 levels, distance 1, mean of 4 directions, mirrored; `feature.graycoprops` |
/// | `glcm_energy(7)` | `(0, 1]` | energy of the same |
/// | `chaos(2)` | `[0, 1]` | `2 λ₂ / (λ₁ + λ₂)` of `feature.structure_tensor` with mode `nearest`; 0 without gradient |
/// | `watershed(0.3, 0.7)` | 1 or 2 | `segmentation.watershed` of `sobel` from the pixels below, 1, and above, 2 |
///
/// ```
/// use tgs_salt::transform::Feature;
/// use tgs_salt::types::Image;
/// let image = Image::new(3, 3, vec![0.0, 0.5, 1.0, 0.0, 0.5, 1.0, 0.0, 0.5, 1.0])?;
/// assert_eq!(image.feature(Feature::SobelX)?.pixels, [0.5, 1.0, 0.5, 0.5, 1.0, 0.5, 0.5, 1.0, 0.5]);
/// assert_eq!("smooth".parse::<Feature>()?, Feature::Smooth { sigma: 1.0 });
/// assert_eq!("smooth(2.5)".parse::<Feature>()?.to_string(), "smooth(2.5)");
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Feature {
    /// Contrast stretched: the percentiles 2 and 98 become 0 and 1, what is beyond is clipped.
    Stretch,
    /// The histogram of the whole image made even.
    Equalize,
    /// Contrast limited adaptive histogram equalisation (CLAHE) in tiles of an eighth of the image each way.
    Clahe {
        /// The greatest share of a tile's pixels in one of 256 bins, `(0, 1]`; 1 does not limit.
        clip_limit: f32,
    },
    /// Slope to the right.
    SobelX,
    /// Slope downwards.
    SobelY,
    /// Magnitude of the slope.
    Sobel,
    /// Gaussian blur.
    Smooth {
        /// Standard deviation in pixels, `(0, 100]`.
        sigma: f32,
    },
    /// Second derivative to the right, of the smoothed image.
    SecondX {
        /// Standard deviation of the smoothing in pixels, `(0, 100]`.
        sigma: f32,
    },
    /// Second derivative downwards, of the smoothed image.
    SecondY {
        /// Standard deviation of the smoothing in pixels, `(0, 100]`.
        sigma: f32,
    },
    /// Four times a pixel less its four neighbours.
    Laplacian,
    /// Standard deviation in a window.
    LocalStd {
        /// Pixels of the window each way, odd, from 3 to 101.
        size: usize,
    },
    /// Canny's edges.
    Canny {
        /// Standard deviation of the smoothing in pixels, `(0, 100]`.
        sigma: f32,
    },
    /// Histogram of oriented gradients, drawn.
    Hog,
    /// Instantaneous amplitude.
    Envelope,
    /// Instantaneous phase in radians.
    Phase,
    /// Instantaneous frequency in cycles per pixel.
    Frequency,
    /// How alike neighbouring traces are.
    Coherence {
        /// Traces and rows of the window, odd, from 3 to 101.
        size: usize,
    },
    /// How much neighbouring grey values differ within a window.
    GlcmContrast {
        /// Pixels of the window each way, odd, from 3 to 101.
        size: usize,
    },
    /// How few pairs of neighbouring grey values a window has.
    GlcmEnergy {
        /// Pixels of the window each way, odd, from 3 to 101.
        size: usize,
    },
    /// How little the layers have one direction.
    Chaos {
        /// Standard deviation in pixels of the average about each pixel, `(0, 100]`.
        sigma: f32,
    },
    /// Dark and bright regions that meet at edges.
    Watershed {
        /// Pixels below this amplitude are in the dark region.
        low: f32,
        /// Pixels above this amplitude are in the bright region; at least `low`.
        high: f32,
    },
}

impl Feature {
    /// Each once, with the usual parameters.
    pub const ALL: [Feature; 21] = [
        Feature::Stretch,
        Feature::Equalize,
        Feature::Clahe { clip_limit: 0.03 },
        Feature::SobelX,
        Feature::SobelY,
        Feature::Sobel,
        Feature::Smooth { sigma: 1.0 },
        Feature::SecondX { sigma: 1.0 },
        Feature::SecondY { sigma: 1.0 },
        Feature::Laplacian,
        Feature::LocalStd { size: 5 },
        Feature::Canny { sigma: 1.0 },
        Feature::Hog,
        Feature::Envelope,
        Feature::Phase,
        Feature::Frequency,
        Feature::Coherence { size: 5 },
        Feature::GlcmContrast { size: 7 },
        Feature::GlcmEnergy { size: 7 },
        Feature::Chaos { sigma: 2.0 },
        Feature::Watershed { low: 0.3, high: 0.7 },
    ];

    /// # Errors
    /// [`Error::Config`] when a parameter is out of its range.
    pub fn check(&self) -> Result<()> {
        let (is_fine, expected) = match *self {
            Feature::Clahe { clip_limit } => {
                (clip_limit > 0.0 && clip_limit <= 1.0, "a clip_limit in (0, 1]")
            }
            Feature::Smooth { sigma }
            | Feature::SecondX { sigma }
            | Feature::SecondY { sigma }
            | Feature::Canny { sigma }
            | Feature::Chaos { sigma } => (sigma > 0.0 && sigma <= 100.0, "a sigma in (0, 100]"),
            Feature::LocalStd { size }
            | Feature::Coherence { size }
            | Feature::GlcmContrast { size }
            | Feature::GlcmEnergy { size } => {
                ((3..=101).contains(&size) && size % 2 == 1, "an odd size from 3 to 101")
            }
            Feature::Watershed { low, high } => (low <= high, "low ≤ high"),
            _ => (true, ""),
        };
        let error = || Error::Config { field: "feature", got: self.to_string(), expected: expected.into() };
        is_fine.then_some(()).ok_or_else(error)
    }

    /// Pixels that an image has to have at least, down and across.
    fn least_size(self) -> [usize; 2] {
        match self {
            Feature::SecondX { .. } => [1, 2],
            Feature::SecondY { .. } | Feature::Frequency => [2, 1],
            Feature::Hog => [3 * hog::CELL; 2], // as scikit-image, whose blocks are of 3 × 3 cells
            _ => [1, 1],
        }
    }

    fn compute(self, plane: &Plane) -> Plane {
        match self {
            Feature::Stretch => contrast::stretch(plane),
            Feature::Equalize => contrast::equalize(plane),
            Feature::Clahe { clip_limit } => clahe::clahe(plane, widened(clip_limit)),
            Feature::SobelX => edges::sobel(plane, Axis::X),
            Feature::SobelY => edges::sobel(plane, Axis::Y),
            Feature::Sobel => edges::magnitude(plane),
            Feature::Smooth { sigma } => plane.gaussian(widened(sigma), Outside::Nearest),
            Feature::SecondX { sigma } => edges::second(plane, widened(sigma), Axis::X),
            Feature::SecondY { sigma } => edges::second(plane, widened(sigma), Axis::Y),
            Feature::Laplacian => edges::laplacian(plane),
            Feature::LocalStd { size } => edges::local_std(plane, size),
            Feature::Canny { sigma } => canny::canny(plane, widened(sigma)),
            Feature::Hog => hog::hog(plane),
            Feature::Envelope => traces::envelope(plane),
            Feature::Phase => traces::phase(plane),
            Feature::Frequency => traces::frequency(plane),
            Feature::Coherence { size } => texture::coherence(plane, size),
            Feature::GlcmContrast { size } => texture::glcm(plane, size, Property::Contrast),
            Feature::GlcmEnergy { size } => texture::glcm(plane, size, Property::Energy),
            Feature::Chaos { sigma } => texture::chaos(plane, widened(sigma)),
            Feature::Watershed { low, high } => watershed::watershed(plane, widened(low), widened(high)),
        }
    }
}

/// The double that is written as this single: 0.03 is to be scikit-image's 0.03.
fn widened(parameter: f32) -> f64 {
    parameter.to_string().parse().unwrap_or_else(|_| f64::from(parameter))
}
