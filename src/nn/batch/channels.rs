//! What the channels of a network's input are: the image repeated, or the image and its features.

use super::BatchLayout;
use crate::nn::upload;
use crate::transform::{Feature, Normalize, Padding, Resize, standardizing};
use crate::types::Sample;
use crate::{Error, Result};
use candle_core::Tensor;

impl BatchLayout {
    /// The image and its features, one after the other, resized: `(1 + features, height, width)`.
    pub(super) fn planes(&self, sample: &Sample, resize: &Resize) -> Result<Vec<f32>> {
        let mut planes = resize.bilinear(&sample.image.pixels);
        for &feature in &self.features {
            let computed = sample.image.feature(feature).map_err(|error| Error::Image {
                id: sample.id.clone(),
                why: format!("has no {feature}: {error}"),
            })?;
            planes.extend(resize.bilinear(&computed.pixels));
        }
        Ok(planes)
    }

    /// Images as the network takes them, of what [`BatchLayout::planes`] gives for each, and what was done to the amplitudes of
    /// each. They are padded before they are normalised: zeros are amplitudes.
    pub(super) fn images(&self, samples: &[Vec<f32>], padding: &Padding) -> Result<(Tensor, Vec<Normalize>)> {
        let ((height, width), (inner_height, inner_width)) = (padding.padded(), padding.original());
        let mut pixels = Vec::with_capacity(samples.len() * self.in_channels * height * width);
        let mut normalized = Vec::with_capacity(samples.len());
        for planes in samples {
            let (image, features) = planes.split_at(inner_height * inner_width);
            let own = self.normalize.of_pixels(image);
            let repeated = if self.features.is_empty() { self.in_channels } else { 1 };
            for channel in 0..repeated {
                let normalize = |amplitude| own.apply(amplitude, channel, self.in_channels);
                pixels.extend_from_slice(&padding.pad(image, normalize));
            }
            for (&feature, plane) in self.features.iter().zip(features.chunks_exact(image.len().max(1))) {
                pixels.extend_from_slice(&padding.pad(plane, self.of_feature(feature, plane)));
            }
            normalized.push(own);
        }
        let shape = (samples.len(), self.in_channels, height, width);
        Ok((upload(pixels, shape, (&self.device, self.dtype))?, normalized))
    }

    /// From a feature's values to the network's: by what is usual, then by what this image's are, if images are standardised.
    fn of_feature(&self, feature: Feature, plane: &[f32]) -> impl Fn(f32) -> f32 + use<> {
        let (center, scale) = feature.usual();
        let usual = move |value: f32| (value - center) / scale;
        let (mean, std) = match self.normalize.per_image {
            true => standardizing(&plane.iter().copied().map(usual).collect::<Vec<_>>()),
            false => (0.0, 1.0),
        };
        move |value| (usual(value) - mean) / std
    }
}
