//! The names of the encoders.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Which encoder (backbone) looks at the image.
///
/// ```
/// use tgs_salt::prelude::*;
/// assert_eq!("plain".parse::<Encoder>()?, Encoder::Plain);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoder {
    /// Two 3×3 convolutions per level, max pooling between: Ronneberger, Fischer & Brox 2015, with batch norm.
    Plain,
    /// He, Zhang, Ren & Sun 2015; with the decoder of segmentation_models.pytorch, whose state_dict names it uses.
    ResNet34,
}

impl Encoder {
    /// Every encoder there is.
    pub const ALL: [Encoder; 2] = [Encoder::Plain, Encoder::ResNet34];
}

impl std::fmt::Display for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(match self {
            Encoder::Plain => "plain",
            Encoder::ResNet34 => "resnet34",
        })
    }
}

impl std::str::FromStr for Encoder {
    type Err = Error;

    fn from_str(name: &str) -> Result<Encoder> {
        let wanted = name.to_lowercase();
        Encoder::ALL.into_iter().find(|encoder| encoder.to_string() == wanted).ok_or_else(|| Error::Config {
            field: "encoder",
            got: format!("`{name}`"),
            expected: Encoder::ALL.map(|encoder| encoder.to_string()).join(" or "),
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
        let message = "resnet".parse::<Encoder>().unwrap_err().to_string();
        assert!(message.contains("resnet") && message.contains("plain"), "{message}");
    }
}
