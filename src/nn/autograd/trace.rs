//! Which shapes come out behind which weights: for summaries of networks.

use candle_core::{Tensor, TensorId};
use std::cell::RefCell;
use std::collections::HashMap;

/// Shapes of the results of operations, by each of their inputs: its id and its shape, since in a notebook tensors of two cells
/// may have one id.
pub(crate) type Trace = HashMap<(TensorId, Vec<usize>), Vec<usize>>;

thread_local! {
    static TRACE: RefCell<Option<Trace>> = const { RefCell::new(None) };
}

/// Runs `forward` and tells what came out of each operation on this thread. Its weights are told apart in a pass that records
/// gradients; in others they are folded together.
pub(crate) fn traced<R>(forward: impl FnOnce() -> R) -> (R, Trace) {
    TRACE.set(Some(Trace::new()));
    let result = forward();
    (result, TRACE.take().unwrap_or_default())
}

/// Called for every operation.
pub(super) fn note(inputs: &[Tensor], ys: &Tensor) {
    TRACE.with_borrow_mut(|trace| {
        if let Some(trace) = trace {
            trace
                .extend(inputs.iter().map(|input| ((input.id(), input.dims().to_vec()), ys.dims().to_vec())));
        }
    });
}
