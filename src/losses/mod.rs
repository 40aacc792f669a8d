//! What training minimises: each loss takes logits and a target of the same shape and returns a scalar tensor.

mod bce;
mod weighted;

pub use bce::bce;
pub use weighted::weighted_sum;
