//! Decoders: from an encoder's feature maps back to the size of the image.

mod transposed;

pub use transposed::TransposedDecoder;
