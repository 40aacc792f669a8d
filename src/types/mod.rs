//! Plain data: images, masks, run-length encodings, samples, datasets. No file, no tensor.

pub mod image;
pub mod mask;

pub use self::image::Image;
pub use self::mask::Mask;
