//! How a forward pass runs.

use candle_core::{CustomOp1, CustomOp2, CustomOp3, Result, Tensor};
use std::cell::Cell;

/// Whether a forward pass is for training or for prediction.
///
/// ```
/// use tgs_salt::nn::Mode;
/// assert_ne!(Mode::Train, Mode::Eval);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch normalization uses the statistics of the batch and updates the running ones.
    Train,
    /// Batch normalization uses the running statistics; nothing is changed.
    Eval,
}

thread_local! {
    static RECORDING: Cell<bool> = const { Cell::new(true) };
}

/// Runs `forward` without recording what gradients would need: each activation is freed as soon as the next one is there. It
/// concerns the layers of [`nn`](crate::nn), on this thread.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use tgs_salt::nn::{Conv2d, Conv2dConfig, Weights, without_gradients};
///
/// let conv = Conv2d::new(1, 8, Conv2dConfig::default(), Weights::new(42, &Device::Cpu).builder())?;
/// let xs = Tensor::zeros((1, 8, 8, 1), DType::F32, &Device::Cpu).unwrap();
/// assert!(conv.forward(&xs)?.track_op());
/// assert!(!without_gradients(|| conv.forward(&xs))?.track_op());
/// # Ok::<(), tgs_salt::Error>(())
/// ```
pub fn without_gradients<R>(forward: impl FnOnce() -> R) -> R {
    /// Puts the old value back, also when `forward` panics.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            RECORDING.set(self.0);
        }
    }
    let _restore = Restore(RECORDING.replace(false));
    forward()
}

/// Applies an operation of one tensor, recorded or not.
pub(super) fn apply1<C: CustomOp1 + Send + Sync + 'static>(xs: &Tensor, op: C) -> Result<Tensor> {
    if RECORDING.get() { xs.apply_op1(op) } else { xs.apply_op1_no_bwd(&op) }
}

/// Applies an operation of two tensors, recorded or not.
pub(super) fn apply2<C: CustomOp2 + Send + Sync + 'static>(a: &Tensor, b: &Tensor, op: C) -> Result<Tensor> {
    if RECORDING.get() { a.apply_op2(b, op) } else { a.apply_op2_no_bwd(b, &op) }
}

/// Applies an operation of three tensors, recorded or not.
pub(super) fn apply3<C: CustomOp3 + Send + Sync + 'static>(
    a: &Tensor,
    b: &Tensor,
    c: &Tensor,
    op: C,
) -> Result<Tensor> {
    if RECORDING.get() { a.apply_op3(b, c, op) } else { a.apply_op3_no_bwd(b, c, &op) }
}
