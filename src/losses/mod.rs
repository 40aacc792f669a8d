//! What training minimises: each loss takes logits and a target of the same shape and returns a scalar tensor.
//!
//! [`Loss`] names them all, for [`TrainConfig::loss`](crate::TrainConfig::loss) and for sums; the functions are for training loops
//! of your own. Tensors are `(N, C, H, W)`, targets in `[0, 1]`. Where classes are told apart, each channel is one.
//!
//! On the CPU a loss is one operation with a gradient of its own. Sums run in double precision over chunks of fixed size, so
//! that the number of threads changes no bit. On a GPU all but [`bce`] are composed of candle's operations, which no GPU has run yet.

mod bce;
mod boundary;
mod composed;
mod focal;
mod lovasz;
mod named;
mod overlap;
mod planes;
mod region;
mod terms;
#[cfg(test)]
mod tests;
mod weighted;

pub use bce::bce;
pub use boundary::boundary_bce_dice;
pub use focal::focal;
pub use lovasz::{lovasz_elu, lovasz_hinge, lovasz_symmetric};
pub use named::Loss;
pub use overlap::{bce_dice, dice, focal_tversky, log_dice, tversky};
pub(crate) use planes::Order;
pub use weighted::weighted_sum;
