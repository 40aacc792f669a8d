//! Features as channels of a network's input: their usual size, and what mirroring does to them.

use super::Feature;

impl Feature {
    /// About the mean and the standard deviation over seismic images, at the parameters of [`Feature::ALL`]: as a channel, a
    /// feature is `(value − mean) / deviation`.
    pub(crate) fn usual(self) -> (f32, f32) {
        match self {
            Feature::Stretch | Feature::Equalize | Feature::Clahe { .. } => (0.5, 0.25),
            Feature::SobelX => (0.0, 0.07),
            Feature::SobelY => (0.0, 0.09),
            Feature::Sobel => (0.06, 0.06),
            Feature::Smooth { .. } => (0.5, 0.15),
            Feature::SecondX { .. } | Feature::SecondY { .. } => (0.0, 0.015),
            Feature::Laplacian => (0.0, 0.08),
            Feature::LocalStd { .. } => (0.05, 0.05),
            Feature::Canny { .. } => (0.2, 0.4),
            Feature::Hog => (0.0, 0.02),
            Feature::Envelope => (0.1, 0.1),
            Feature::Phase => (0.0, 1.8),
            Feature::Frequency => (0.05, 0.06),
            Feature::Coherence { .. } => (0.75, 0.25),
            Feature::GlcmContrast { .. } => (0.3, 0.4),
            Feature::GlcmEnergy { .. } => (0.65, 0.2),
            Feature::Chaos { .. } => (0.25, 0.25),
            Feature::Watershed { .. } => (1.4, 0.5),
        }
    }

    /// −1 where the feature of a mirrored image is the mirrored feature with the other sign, else 1. `columns` mirrors left to
    /// right, `rows` top to bottom.
    pub(crate) fn mirrored(self, rows: bool, columns: bool) -> f64 {
        match self {
            Feature::SobelX if columns => -1.0,
            Feature::SobelY | Feature::Phase if rows => -1.0,
            _ => 1.0,
        }
    }
}
