//! What happens to an image between the file and the network: augmented, resized, normalised, padded, in this order.

mod augment;
mod border;
mod features;
mod normalize;
mod pad;

pub(crate) use crate::types::{Resize, Taps, weigh};
pub use augment::Augment;
pub(crate) use augment::{Mixup, mix};
pub use border::Border;
pub use features::Feature;
pub use normalize::Normalize;
pub(crate) use normalize::standardizing;
pub use pad::Padding;

#[cfg(test)]
mod reference;
