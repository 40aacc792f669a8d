//! Tensors as kernels take them: a type and an address.

use super::context::Context;
use candle_core::cuda_backend::CudaStorageSlice;
use candle_core::cuda_backend::cudarc::driver::{CudaStream, DevicePtr};
use candle_core::{CudaStorage, DType, Layout, Result, bail};
use std::sync::Arc;

/// A contiguous tensor on a GPU that a kernel reads; or writes, where a function says so: candle gives out no unique
/// reference to a variable's storage, and the memory behind it is the device's, not Rust's.
#[derive(Clone, Copy)]
pub(crate) struct CudaInput<'a> {
    pub storage: &'a CudaStorage,
    pub layout: &'a Layout,
}

impl<'a> CudaInput<'a> {
    /// The state of the tensor's device.
    pub(super) fn context(&self) -> Result<Arc<Context>> {
        Context::of(&self.storage.device)
    }

    pub(super) fn dtype(&self) -> DType {
        match self.storage.slice {
            CudaStorageSlice::BF16(_) => DType::BF16,
            CudaStorageSlice::F32(_) => DType::F32,
            _ => DType::U8, // no kernel takes it
        }
    }

    pub(super) fn dims(&self) -> &'a [usize] {
        self.layout.dims()
    }

    pub(super) fn len(&self) -> usize {
        self.layout.shape().elem_count()
    }

    /// The last dimension.
    pub(super) fn channels(&self) -> usize {
        self.dims().last().copied().unwrap_or(1).max(1)
    }

    /// (N, H, W, C).
    pub(super) fn image_dims(&self) -> Result<[usize; 4]> {
        let (images, height, width, channels) = self.layout.shape().dims4()?;
        Ok([images, height, width, channels])
    }

    /// The address of an f32 or bf16 tensor on `context`'s stream.
    pub(super) fn activations(&self, context: &Context) -> Result<u64> {
        let dtype = self.dtype();
        let Some((start, _)) = self.layout.contiguous_offsets() else {
            bail!("a CUDA kernel needs a contiguous tensor, not {:?}", self.layout)
        };
        if self.storage.device.id() != context.device().id() {
            bail!("the tensors of one operation lie on different devices")
        }
        check_length(self.len())?;
        let base = address(self.storage, &context.stream())?;
        Ok(base + (start * dtype.size_in_bytes()) as u64)
    }

    /// The address of activations that are as long as `len` and of type `dtype`.
    pub(super) fn activations_like(&self, context: &Context, dtype: DType, len: usize) -> Result<u64> {
        if self.dtype() != dtype || self.len() != len {
            bail!("expected {len} values of {dtype:?}, got {:?} of {:?}", self.dims(), self.dtype())
        }
        self.activations(context)
    }

    /// The address of f32 values, `len` of them.
    pub(super) fn parameters(&self, context: &Context, len: usize) -> Result<u64> {
        self.activations_like(context, DType::F32, len)
    }
}

/// The address of a tensor that may be missing: 0 then, which kernels read as none.
pub(super) fn optional(input: Option<CudaInput>, address: impl Fn(CudaInput) -> Result<u64>) -> Result<u64> {
    input.map_or(Ok(0), address)
}

/// The start of a storage's memory. The guard that cudarc gives with it records an event for other streams; there is only
/// one here, whose order is enough.
pub(super) fn address(storage: &CudaStorage, stream: &Arc<CudaStream>) -> Result<u64> {
    match &storage.slice {
        CudaStorageSlice::F32(slice) => Ok(slice.device_ptr(stream).0),
        CudaStorageSlice::BF16(slice) => Ok(slice.device_ptr(stream).0),
        CudaStorageSlice::U32(slice) => Ok(slice.device_ptr(stream).0),
        CudaStorageSlice::F64(slice) => Ok(slice.device_ptr(stream).0),
        CudaStorageSlice::I64(slice) => Ok(slice.device_ptr(stream).0),
        _ => bail!("CUDA kernels take f32 and bf16"),
    }
}

/// Kernels count in 32 bits.
pub(super) fn check_length(len: usize) -> Result<()> {
    if len > i32::MAX as usize {
        bail!("{len} elements are too many for one tensor on a GPU; make the batch smaller")
    }
    Ok(())
}

/// How many neighbouring channels a thread can take at once: 4 where every count of channels divides by 4 and every address
/// allows it, else 1. Missing tensors (address 0) do not matter.
pub(super) fn lanes(dtype: DType, channels: &[usize], addresses: &[u64]) -> usize {
    let bytes = (4 * dtype.size_in_bytes()) as u64;
    let divides = channels.iter().all(|channels| channels.is_multiple_of(4));
    if divides && addresses.iter().all(|address| address.is_multiple_of(bytes)) { 4 } else { 1 }
}
