//! U-Nets.

use crate::models::{Architecture, Encoder, Upsampling};
use crate::nn::Activation;

/// A U-Net (Ronneberger, Fischer & Brox 2015, <https://arxiv.org/abs/1505.04597>): constructors of an [`Architecture`], to be set
/// further and then built.
///
/// Over the plain encoder it is the paper's with batch norm, padding and 3×3 transposed convolutions; over any other it is
/// `segmentation_models_pytorch.Unet`, whose weights it takes.
///
/// ```
/// use tgs_salt::prelude::*;
/// let model = Unet::new(Encoder::Plain).depth(2).base_filters(8).build(&device()?)?;
/// assert_eq!(model.parameter_count(), 32_681);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Unet {}

impl Unet {
    /// The defaults of [`Architecture`]'s table.
    #[allow(clippy::new_ret_no_self)] // Unet and UnetPlusPlus are two ways to begin the same settings.
    pub fn new(encoder: Encoder) -> Architecture {
        Architecture::unet(encoder)
    }

    /// The transfer walkthrough: VGG16 down to stride 16, its lowest `frozen` convolutions (13 in all) left alone, and the plain
    /// U-Net's way up of 3×3 transposed convolutions with a skip at each size.
    pub fn vgg16_transfer(frozen: usize) -> Architecture {
        Unet::on_vgg(Encoder::Vgg16, 3).decoder_channels(&[256, 128, 64, 32]).frozen(frozen)
    }

    /// The Lovász walkthrough: VGG19 down to stride 16, frozen but for its last four convolutions, 2×2 transposed convolutions to
    /// 512, 256, 128 and 64 channels, a dropout of 0.1 behind each join.
    pub fn vgg19_transfer() -> Architecture {
        Unet::on_vgg(Encoder::Vgg19, 2).decoder_channels(&[512, 256, 128, 64]).frozen(12).dropout(0.1)
    }

    fn on_vgg(encoder: Encoder, kernel: usize) -> Architecture {
        let network = Unet::new(encoder).depth(4).center(None).full_size_skip(true);
        network.upsampling(Upsampling::Transposed { kernel })
    }

    /// The Xception walkthrough: 512 channels in the middle, then 3×3 transposed convolutions to 256, 128, 64, 32 and 16, each joined
    /// with a skip (but the last), dropped by 0.1, and followed by a convolution and two residual blocks with LeakyReLU 0.1.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let model = Unet::xception_residual().in_channels(3).build(&Device::Cpu)?;
    /// assert_eq!(model.config().encoder, Encoder::Xception);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    pub fn xception_residual() -> Architecture {
        let network = Unet::new(Encoder::Xception).center(Some(512)).residual(true).dropout(0.1);
        network.upsampling(Upsampling::Transposed { kernel: 3 }).activation(Activation::LeakyRelu(0.1))
    }
}
