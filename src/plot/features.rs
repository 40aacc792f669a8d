//! An image and what is computed of it, side by side.

use rayon::prelude::*;

use crate::plot::colormap::Colormap;
use crate::plot::figure::Figure;
use crate::plot::gallery::{Gallery, MOST};
use crate::plot::text::counted;
use crate::plot::tile::Tile;
use crate::plot::words::Words;
use crate::transform::Feature;
use crate::types::{Image, Sample};
use crate::{Error, Result};

impl Sample {
    /// The image and its features, each in its own range, which stands above it: grey from the least to the greatest value, or, where
    /// there are values below 0, blue and red about 0. Salt is outlined.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let sample = Competition::sample()?.train.get(3)?;
    /// assert_eq!(sample.show_features(&Feature::ALL)?.width(), 1900);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] without a feature or for more than 95; as [`Image::feature`].
    pub fn show_features(&self, features: &[Feature]) -> Result<Figure> {
        if features.is_empty() || features.len() >= MOST {
            let expected = format!("1 to {}, such as Feature::ALL", MOST - 1);
            return Err(Error::Config { field: "features", got: features.len().to_string(), expected });
        }
        let computed: Vec<Tile> =
            features.par_iter().map(|&feature| self.feature_tile(feature)).collect::<Result<_>>()?;
        let words = Words::of_sample(self);
        let whole = self.tile(self.image.clone(), Colormap::Grey, (self.id.clone(), words.describe(self)));
        Gallery {
            title: counted(features.len(), "feature"),
            legend: if self.mask.is_some() { words.legend(Colormap::Grey) } else { vec![] },
            tiles: std::iter::once(whole).chain(computed).collect(),
            group: 1,
        }
        .draw()
    }

    fn feature_tile(&self, feature: Feature) -> Result<Tile> {
        let mut image = self.image.feature(feature)?;
        let (low, high) =
            image.pixels.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
        let colors = if low < 0.0 { Colormap::Seismic } else { Colormap::Grey };
        let (start, span) = match colors {
            Colormap::Seismic => (-low.abs().max(high.abs()), 2.0 * low.abs().max(high.abs())),
            _ => (low, high - low),
        };
        // One value everywhere is in the middle of the greys.
        let shade = |v: f32| if span > 0.0 { (v - start) / span } else { 0.5 };
        image.pixels.iter_mut().for_each(|pixel| *pixel = shade(*pixel));
        Ok(self.tile(image, colors, (feature.to_string(), format!("{} to {}", number(low), number(high)))))
    }

    fn tile(&self, image: Image, colors: Colormap, (title, detail): (String, String)) -> Tile {
        Tile { image, colors, truth: self.mask.clone(), prediction: None, title, detail }
    }
}

/// Two digits, a minus as wide as a plus.
fn number(v: f32) -> String {
    let decimals = if (0.0005..0.1).contains(&v.abs()) { 3 } else { 2 };
    format!("{v:.decimals$}").replace('-', "−")
}
