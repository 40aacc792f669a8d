//! Slices of candle tensors on the CPU.

use candle_core::{CpuStorage, DType, Device, Layout, Result, Shape, Storage, Tensor, bail};
use half::bf16;
use std::ops::Deref;

/// The floats of a storage that has to be contiguous.
pub(crate) fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let CpuStorage::F32(values) = storage else {
        bail!("expected f32 values, got {:?}; convert with to_dtype", storage_dtype(storage))
    };
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => bail!("expected a contiguous tensor of {:?}; call contiguous() first", layout.dims()),
    }
}

/// The same for bf16.
pub(crate) fn halves<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [bf16]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::BF16(values), Some((start, end))) => Ok(&values[start..end]),
        _ => bail!("expected contiguous bf16 values, got {:?}", storage_dtype(storage)),
    }
}

/// The same for a storage that is written in place.
pub(crate) fn floats_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    let dtype = storage_dtype(storage);
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => Ok(&mut values[start..end]),
        _ => bail!("expected contiguous f32 values, got {dtype:?} with layout {layout:?}"),
    }
}

fn storage_dtype(storage: &CpuStorage) -> DType {
    candle_core::backend::BackendStorage::dtype(storage)
}

/// The floats of a tensor, for reading.
pub(crate) struct Floats<'a> {
    // The lock's guard, whose type candle does not export.
    storage: Box<dyn Deref<Target = Storage> + 'a>,
    start: usize,
    end: usize,
}

impl<'a> Floats<'a> {
    /// # Errors
    /// When the tensor is not contiguous, not f32 or not on the CPU.
    pub(crate) fn of(tensor: &'a Tensor) -> Result<Floats<'a>> {
        let (storage, layout) = tensor.storage_and_layout();
        let Storage::Cpu(cpu) = &*storage else { bail!("expected a tensor on the CPU") };
        floats(cpu, layout)?;
        let Some((start, end)) = layout.contiguous_offsets() else { bail!("expected a contiguous tensor") };
        Ok(Floats { storage: Box::new(storage), start, end })
    }
}

impl Deref for Floats<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &**self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.start..self.end],
            // Not reached: `of` has looked.
            _ => &[],
        }
    }
}

/// A CPU tensor.
pub(crate) fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> Result<Tensor> {
    Tensor::from_vec(values, shape.into(), &Device::Cpu)
}

/// A CPU tensor with the shape of `like`.
pub(crate) fn tensor_like(values: Vec<f32>, like: &Tensor) -> Result<Tensor> {
    tensor(values, like.shape())
}
