//! Where the layers that draw at random in training take their seeds from.

use super::autograd::Mode;
use super::dropout::dropout;
use crate::Result;
use candle_core::Tensor;
use std::cell::Cell;

thread_local! {
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// Runs a forward pass whose layers draw from `seed`: the same seed drops the same values.
pub(crate) fn seeded<R>(seed: u64, forward: impl FnOnce() -> R) -> R {
    let before = NEXT.replace(seed);
    let result = forward();
    NEXT.set(before);
    result
}

/// [`dropout`] in [`Mode::Train`], with another seed at each call; nothing else.
///
/// # Errors
/// Those of [`dropout`].
pub(crate) fn training_dropout(xs: &Tensor, probability: f64, mode: Mode) -> Result<Tensor> {
    if mode == Mode::Eval || probability == 0.0 {
        return Ok(xs.clone());
    }
    // An odd step: no seed comes twice.
    let seed = NEXT.get();
    NEXT.set(seed.wrapping_add(0xd1b5_4a32_d192_ed03));
    dropout(xs, probability, seed)
}
