//! What the channels of a network's input are: the image repeated, or the image and its features.

use super::BatchLayout;
use crate::nn::upload;
use crate::transform::{Padding, Resize};
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

    /// Images as the network takes them, of what [`BatchLayout::planes`] gives for each. They are padded before they are
    /// normalised: zeros are amplitudes.
    pub(super) fn images(&self, samples: &[Vec<f32>], padding: &Padding) -> Result<Tensor> {
        let ((height, width), (inner_height, inner_width)) = (padding.padded(), padding.original());
        let mut pixels = Vec::with_capacity(samples.len() * self.in_channels * height * width);
        for planes in samples {
            let (image, features) = planes.split_at(inner_height * inner_width);
            let repeated = if self.features.is_empty() { self.in_channels } else { 1 };
            for channel in 0..repeated {
                let normalize = |amplitude| self.normalize.apply(amplitude, channel, self.in_channels);
                pixels.extend_from_slice(&padding.pad(image, normalize));
            }
            for (feature, plane) in self.features.iter().zip(features.chunks_exact(image.len().max(1))) {
                let (center, scale) = feature.usual();
                pixels.extend_from_slice(&padding.pad(plane, |value| (value - center) / scale));
            }
        }
        upload(pixels, (samples.len(), self.in_channels, height, width), (&self.device, self.dtype))
    }
}
