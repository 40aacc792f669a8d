//! What happens to an image between the file and the network.

mod augment;
mod normalize;
mod pad;

pub use augment::Augment;
pub use normalize::Normalize;
pub use pad::Padding;
