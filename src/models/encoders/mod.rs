//! Encoders: from an image to feature maps that halve in size from one to the next.

mod plain;
pub(crate) mod resnet;

pub use plain::{ConvBlock, PlainEncoder};
pub use resnet::ResNet34;
