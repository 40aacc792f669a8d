//! Networks: an encoder, a decoder and a head over it, put together by a config such as [`Unet`] into a [`Model`].

pub(crate) mod checkpoint;
pub mod decoders;
mod encoder;
pub mod encoders;
mod model;
mod network;
mod precision;
#[allow(dead_code, unused_imports)] // until an encoder asks for its weights
mod pretrained;
mod unet;

pub use checkpoint::checkpoint_tensors;
pub use encoder::Encoder;
pub use model::{Model, WeightsReport};
pub use precision::Precision;
pub use unet::Unet;
