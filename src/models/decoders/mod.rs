//! Decoders: from an encoder's feature maps back to the size of the image.

mod transposed;
mod upsampling;

pub use transposed::TransposedDecoder;
pub use upsampling::UpsamplingDecoder;

fn no_features() -> crate::Error {
    crate::Error::Shape {
        what: "decoder input".into(),
        expected: "one feature map per level".into(),
        got: "fewer".into(),
        hint: "give the encoder and the decoder the same depth".into(),
    }
}
