//! Pooling, channels last.

mod average;
mod max;
mod window;

pub use self::average::{avg_pool2d, global_avg_pool2d};
pub use self::max::max_pool2d;
