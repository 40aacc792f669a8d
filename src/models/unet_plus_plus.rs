//! UNet++.

use crate::models::{Architecture, DecoderKind, Encoder, Upsampling};
use crate::nn::Activation;

/// A UNet++ (Zhou, Siddiquee, Tajbakhsh and Liang 2018, <https://arxiv.org/abs/1807.10165>): constructors of an [`Architecture`],
/// to be set further and then built.
///
/// Over the plain encoder it is that of the clouds walkthrough (filters 32 … 512, ELU, dropout 0.5, no batch norm, 2×2 transposed
/// convolutions); over any other it is `segmentation_models_pytorch.UnetPlusPlus`, whose weights it takes.
///
/// ```
/// use tgs_salt::prelude::*;
/// let clouds = UnetPlusPlus::new(Encoder::Plain).in_channels(3).classes(4).deep_supervision(true);
/// assert_eq!(clouds.build(&Device::Cpu)?.config().classes, 4);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum UnetPlusPlus {}

impl UnetPlusPlus {
    /// The defaults of [`Architecture`]'s table.
    #[allow(clippy::new_ret_no_self)] // Unet and UnetPlusPlus are two ways to begin the same settings.
    pub fn new(encoder: Encoder) -> Architecture {
        let mut network = Architecture::unet(encoder).center(None);
        network.decoder = DecoderKind::UnetPlusPlus;
        match encoder {
            Encoder::Plain => network
                .base_filters(32)
                .activation(Activation::Elu)
                .batch_norm(false)
                .dropout(0.5)
                .upsampling(Upsampling::Transposed { kernel: 2 }),
            _ => network,
        }
    }
}
