//! Networks: an encoder, a decoder and heads over it, put together by [`Unet`] or [`UnetPlusPlus`] into a [`Model`].

mod architecture;
pub(crate) mod checkpoint;
mod decoders;
mod encoder;
mod encoders;
mod loading;
mod model;
mod network;
mod precision;
mod pretrained;
mod settings;
mod summary;
#[cfg(test)]
mod tests;
mod unet;
mod unet_plus_plus;
mod units;

pub use architecture::{Architecture, DecoderKind, Upsampling};
pub use checkpoint::checkpoint_tensors;
pub use encoder::Encoder;
pub use loading::WeightsReport;
pub use model::Model;
pub use network::Outputs;
pub use precision::Precision;
pub use summary::{Layer, Summary};
pub use unet::Unet;
pub use unet_plus_plus::UnetPlusPlus;
