//! Convolution on the CPU: sums into either plane, the weight's gradient, and the depthwise case.

mod depthwise;
mod gather;
mod pack;
mod table;
mod unfold;
mod weight_gradient;

pub(crate) use self::depthwise::{depthwise_into_large, depthwise_into_small, depthwise_weight_gradient};
pub(crate) use self::gather::{Ending, PackedWeight, into_large, into_small};
pub(crate) use self::weight_gradient::weight_gradient;
