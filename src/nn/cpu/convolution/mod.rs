//! Convolution on the CPU: sums into either plane, the weight's gradient, and the depthwise case.

mod depthwise;
mod gather;
mod pack;
mod sums;
mod table;
#[cfg(target_arch = "x86_64")]
mod tiles;
#[cfg(all(test, target_arch = "x86_64"))]
mod tiles_tests;
mod unfold;
mod values;
mod weight_gradient;

pub(crate) use self::depthwise::{depthwise_into_large, depthwise_into_small, depthwise_weight_gradient};
pub(crate) use self::sums::{Ending, PackedWeight, into_large, into_small, into_small_half, takes_half};
pub(crate) use self::weight_gradient::weight_gradient;
