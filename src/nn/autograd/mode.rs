//! How a forward pass runs.

use candle_core::{Result, Tensor, TensorId};
use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

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
    static CACHE: RefCell<Cache> = RefCell::new(Cache::new());
}

/// What is derived of weights, by the weight and what it is.
type Cache = HashMap<(TensorId, TypeId), Arc<dyn Any + Send + Sync>>;

/// Runs `forward` without recording what gradients would need: each activation is freed as soon as the next one is there.
/// It concerns the layers of [`nn`](crate::nn), on this thread.
///
/// What layers derive of their weights (batch norm folded in, the order in which kernels read them) is kept until the end of
/// the outermost call, so a loop over many batches belongs inside of one call. Whoever sets a [`Var`](candle_core::Var) by hand
/// does it outside.
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
            if self.0 {
                CACHE.with_borrow_mut(Cache::clear);
            }
        }
    }
    let _restore = Restore(RECORDING.replace(false));
    forward()
}

/// Whether operations are recorded for gradients.
pub(crate) fn recording() -> bool {
    RECORDING.get()
}

/// Forgets what was derived of weights, since some have changed.
pub(crate) fn weights_changed() {
    CACHE.with_borrow_mut(Cache::clear);
}

/// What `make` derives of `weight`: made once in a [`without_gradients`], else at each call.
pub(crate) fn cached<T: Any + Send + Sync>(
    weight: &Tensor,
    make: impl FnOnce() -> Result<T>,
) -> Result<Arc<T>> {
    if recording() {
        return make().map(Arc::new);
    }
    let key = (weight.id(), TypeId::of::<T>());
    let known = CACHE.with_borrow(|cache| cache.get(&key).cloned());
    if let Some(known) = known.and_then(|known| known.downcast().ok()) {
        return Ok(known);
    }
    let made = Arc::new(make()?);
    CACHE.with_borrow_mut(|cache| cache.insert(key, made.clone()));
    Ok(made)
}
