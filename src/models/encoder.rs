//! The names of the encoders, and what is known of each.

use super::pretrained::{self, Source};
use crate::transform::Normalize;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Which encoder (backbone) looks at the image.
///
/// | Encoder | Channels at strides 2, 4 … 32 | Weights of | Paper |
/// |---|---|---|---|
/// | `Plain` | `base_filters` · 2, 4 … | – | Ronneberger, Fischer & Brox 2015 |
/// | `Vgg16`, `Vgg19` | 128, 256, 512, 512, 512; 64 at stride 1 | `vgg16.tv_in1k`, `vgg19.tv_in1k` | Simonyan & Zisserman 2014 |
/// | `ResNet34` | 64, 64, 128, 256, 512 | `resnet34.a1_in1k` | He, Zhang, Ren & Sun 2015 |
/// | `ResNet50` | 64, 256, 512, 1024, 2048 | `resnet50.a1_in1k` | He, Zhang, Ren & Sun 2015 |
/// | `InceptionV3` | 64, 192, 288, 768, 2048 | `inception_v3.tv_in1k` | Szegedy et al. 2015 |
/// | `Xception` | 64, 128, 256, 728, 2048 | `legacy_xception.tf_in1k` | Chollet 2016 |
///
/// Names and numbers are those of segmentation_models.pytorch's encoders `vgg16`, `vgg19`, `resnet34`, `resnet50`,
/// `tu-inception_v3` and `xception`.
///
/// ```
/// use tgs_salt::prelude::*;
/// assert_eq!("resnet34".parse::<Encoder>()?, Encoder::ResNet34);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoder {
    /// Two 3×3 convolutions per level, max pooling between.
    Plain,
    /// 13 convolutions of 3×3.
    Vgg16,
    /// 16 convolutions of 3×3.
    Vgg19,
    /// 16 blocks of two 3×3 convolutions.
    ResNet34,
    /// 16 blocks of 1×1, 3×3 and 1×1 convolutions.
    ResNet50,
    /// Branches of several kernel sizes side by side. It does not pad, so its features lie a little inwards.
    InceptionV3,
    /// Depthwise and 1×1 convolutions by turns.
    Xception,
}

impl Encoder {
    /// Every encoder there is.
    pub const ALL: [Encoder; 7] = [
        Encoder::Plain,
        Encoder::Vgg16,
        Encoder::Vgg19,
        Encoder::ResNet34,
        Encoder::ResNet50,
        Encoder::InceptionV3,
        Encoder::Xception,
    ];

    /// Channels of the features at strides 1, 2 … 32; 0 where there are none. None for [`Encoder::Plain`], which has those that
    /// it is built with.
    pub(crate) fn channels(self) -> Option<[usize; 6]> {
        Some(match self {
            Encoder::Plain => return None,
            Encoder::Vgg16 | Encoder::Vgg19 => [64, 128, 256, 512, 512, 512],
            Encoder::ResNet34 => [0, 64, 64, 128, 256, 512],
            Encoder::ResNet50 => [0, 64, 256, 512, 1024, 2048],
            Encoder::InceptionV3 => [0, 64, 192, 288, 768, 2048],
            Encoder::Xception => [0, 64, 128, 256, 728, 2048],
        })
    }

    /// What its pretrained weights want to see.
    pub(crate) fn normalize(self) -> Normalize {
        match self {
            Encoder::Plain => Normalize::default(),
            Encoder::InceptionV3 | Encoder::Xception => Normalize::grey(0.5, 0.5),
            _ => Normalize::IMAGENET,
        }
    }

    /// Where its weights of ImageNet lie.
    pub(super) fn pretrained(self) -> Option<&'static Source> {
        match self {
            Encoder::Plain => None,
            Encoder::Vgg16 => Some(&pretrained::VGG16),
            Encoder::Vgg19 => Some(&pretrained::VGG19),
            Encoder::ResNet34 => Some(&pretrained::RESNET34),
            Encoder::ResNet50 => Some(&pretrained::RESNET50),
            Encoder::InceptionV3 => Some(&pretrained::INCEPTION_V3),
            Encoder::Xception => Some(&pretrained::XCEPTION),
        }
    }

    pub(crate) fn is_vgg(self) -> bool {
        matches!(self, Encoder::Vgg16 | Encoder::Vgg19)
    }

    pub(crate) fn is_resnet(self) -> bool {
        matches!(self, Encoder::ResNet34 | Encoder::ResNet50)
    }
}

impl std::fmt::Display for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(match self {
            Encoder::Plain => "plain",
            Encoder::Vgg16 => "vgg16",
            Encoder::Vgg19 => "vgg19",
            Encoder::ResNet34 => "resnet34",
            Encoder::ResNet50 => "resnet50",
            Encoder::InceptionV3 => "inception_v3",
            Encoder::Xception => "xception",
        })
    }
}

impl std::str::FromStr for Encoder {
    type Err = Error;

    /// By its name, whatever the case; `_` and `-` do not count.
    fn from_str(name: &str) -> Result<Encoder> {
        let plain = |name: &str| name.to_lowercase().replace(['_', '-'], "");
        let known = Encoder::ALL.into_iter().find(|encoder| plain(&encoder.to_string()) == plain(name));
        known.ok_or_else(|| Error::Config {
            field: "encoder",
            got: format!("`{name}`"),
            expected: Encoder::ALL.map(|encoder| encoder.to_string()).join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for encoder in Encoder::ALL {
            assert_eq!(encoder.to_string().parse::<Encoder>().unwrap(), encoder);
        }
        assert_eq!("Inception-V3".parse::<Encoder>().unwrap(), Encoder::InceptionV3);
        let message = "resnet".parse::<Encoder>().unwrap_err().to_string();
        assert!(message.contains("resnet") && message.contains("plain"), "{message}");
    }
}
