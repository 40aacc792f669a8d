//! From candle's tensors to what kernels read, and back.

use super::input::CudaInput;
use candle_core::op::BackpropOp;
use candle_core::{CudaStorage, Result, Shape, Storage, Tensor, bail};

/// Calls `f` with contiguous tensors on one GPU.
pub(crate) fn with_inputs<R>(tensors: &[&Tensor], f: impl FnOnce(&[CudaInput]) -> Result<R>) -> Result<R> {
    let guards: Vec<_> = tensors.iter().map(|tensor| tensor.storage_and_layout()).collect();
    let mut inputs = Vec::with_capacity(guards.len());
    for (storage, layout) in &guards {
        match &**storage {
            Storage::Cuda(storage) => inputs.push(CudaInput { storage, layout }),
            _ => bail!("expected tensors on the GPU: move them with to_device"),
        }
    }
    f(&inputs)
}

/// A tensor of what a kernel has written, not recorded.
pub(crate) fn tensor(storage: CudaStorage, shape: impl Into<Shape>) -> Tensor {
    Tensor::from_storage(Storage::Cuda(storage), shape, BackpropOp::none(), false)
}

/// One tensor with the shape of `like`, as a gradient.
pub(crate) fn gradient(storage: CudaStorage, like: &Tensor) -> Option<Tensor> {
    Some(tensor(storage, like.shape()))
}
