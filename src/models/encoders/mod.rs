//! Encoders: from an image to feature maps that halve in size from one to the next.

mod plain;

pub use plain::{ConvBlock, PlainEncoder};
