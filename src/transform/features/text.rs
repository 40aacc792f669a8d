//! Features by name: `sobel`, `smooth(1)`, `watershed(0.3, 0.7)`.

use super::Feature;
use crate::{Error, Result};
use std::fmt;
use std::str::FromStr;

impl Feature {
    fn name(self) -> &'static str {
        match self {
            Feature::Stretch => "stretch",
            Feature::Equalize => "equalize",
            Feature::Clahe { .. } => "clahe",
            Feature::SobelX => "sobel_x",
            Feature::SobelY => "sobel_y",
            Feature::Sobel => "sobel",
            Feature::Smooth { .. } => "smooth",
            Feature::SecondX { .. } => "second_x",
            Feature::SecondY { .. } => "second_y",
            Feature::Laplacian => "laplacian",
            Feature::LocalStd { .. } => "local_std",
            Feature::Canny { .. } => "canny",
            Feature::Hog => "hog",
            Feature::Envelope => "envelope",
            Feature::Phase => "phase",
            Feature::Frequency => "frequency",
            Feature::Coherence { .. } => "coherence",
            Feature::GlcmContrast { .. } => "glcm_contrast",
            Feature::GlcmEnergy { .. } => "glcm_energy",
            Feature::Chaos { .. } => "chaos",
            Feature::Watershed { .. } => "watershed",
        }
    }

    /// The same feature with other parameters, in the order of its fields; none where they do not fit.
    fn with(self, given: &[&str]) -> Option<Feature> {
        let number = || given.first()?.parse::<f32>().ok();
        let size = || given.first()?.parse::<usize>().ok();
        let (feature, count) = match self {
            Feature::Clahe { .. } => (Feature::Clahe { clip_limit: number()? }, 1),
            Feature::Smooth { .. } => (Feature::Smooth { sigma: number()? }, 1),
            Feature::SecondX { .. } => (Feature::SecondX { sigma: number()? }, 1),
            Feature::SecondY { .. } => (Feature::SecondY { sigma: number()? }, 1),
            Feature::LocalStd { .. } => (Feature::LocalStd { size: size()? }, 1),
            Feature::Canny { .. } => (Feature::Canny { sigma: number()? }, 1),
            Feature::Coherence { .. } => (Feature::Coherence { size: size()? }, 1),
            Feature::GlcmContrast { .. } => (Feature::GlcmContrast { size: size()? }, 1),
            Feature::GlcmEnergy { .. } => (Feature::GlcmEnergy { size: size()? }, 1),
            Feature::Chaos { .. } => (Feature::Chaos { sigma: number()? }, 1),
            Feature::Watershed { .. } => {
                (Feature::Watershed { low: number()?, high: given.get(1)?.parse().ok()? }, 2)
            }
            _ => return None,
        };
        (given.len() == count).then_some(feature)
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = self.name();
        match self {
            Feature::Clahe { clip_limit: value }
            | Feature::Smooth { sigma: value }
            | Feature::SecondX { sigma: value }
            | Feature::SecondY { sigma: value }
            | Feature::Canny { sigma: value }
            | Feature::Chaos { sigma: value } => write!(f, "{name}({value})"),
            Feature::LocalStd { size }
            | Feature::Coherence { size }
            | Feature::GlcmContrast { size }
            | Feature::GlcmEnergy { size } => write!(f, "{name}({size})"),
            Feature::Watershed { low, high } => write!(f, "{name}({low}, {high})"),
            _ => f.write_str(name),
        }
    }
}

impl FromStr for Feature {
    type Err = Error;

    /// By its name, with its usual parameters or with others in parentheses.
    fn from_str(text: &str) -> Result<Feature> {
        let error = || Error::Config {
            field: "feature",
            got: format!("`{text}`"),
            expected: format!("one of {}", Feature::ALL.map(|feature| feature.to_string()).join(", ")),
        };
        let (name, parameters) = match text.trim().strip_suffix(')') {
            Some(inner) => {
                inner.split_once('(').map(|(name, inner)| (name, Some(inner))).ok_or_else(error)?
            }
            None => (text.trim(), None),
        };
        let usual = Feature::ALL.into_iter().find(|feature| feature.name() == name.trim());
        let feature = match parameters {
            None => usual,
            Some(inner) => {
                let given: Vec<&str> = inner.split(',').map(str::trim).collect();
                usual.and_then(|usual| usual.with(&given))
            }
        };
        let feature = feature.ok_or_else(error)?;
        feature.check().map(|()| feature)
    }
}

impl From<Feature> for String {
    fn from(feature: Feature) -> String {
        feature.to_string()
    }
}

impl TryFrom<String> for Feature {
    type Error = Error;

    fn try_from(text: String) -> Result<Feature> {
        text.parse()
    }
}
