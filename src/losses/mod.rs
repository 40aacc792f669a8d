//! What training minimises: each loss takes logits and a target of the same shape and returns a scalar tensor.

mod bce;

pub use bce::bce;
