//! Differentiable operations of our own as nodes of candle's graph, and a backward pass that knows them.
//!
//! Each becomes a node of candle's graph, and candle differentiates it like any other: models mix our layers with candle's
//! operations as they like. candle's own `backward` allocates zeros for each gradient and adds to them on one thread, a sixth of
//! the time of a step; [`backward`] walks the same graph, where it consists of our operations, without these passes.

mod backward;
mod mode;
mod operation;
mod trace;

pub use self::backward::backward;
#[cfg(all(test, feature = "cuda"))]
pub(in crate::nn) use self::backward::{sorted, walk};
pub use self::mode::{Mode, without_gradients};
pub(crate) use self::mode::{cached, recording, weights_changed};
pub(crate) use self::operation::{Input, Operation, Step, apply};
pub(crate) use self::trace::traced;
