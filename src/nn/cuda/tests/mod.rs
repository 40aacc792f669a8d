//! Every function against plain loops in double precision. On a GPU where there is one; without, on the CPU by
//! `tests/cuda_emulator/run.sh`, whose driver runs the kernels there.

mod convolution;
mod folded;
mod images;
mod layers;
mod losses;
mod norm;
mod optimizers;
mod replay;
mod vectors;

use super::{CudaInput, new_device};
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CudaStorage, DType, Device, Result, Storage, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::cell::RefCell;
use std::sync::OnceLock;

/// Both types of activations.
const TYPES: [DType; 2] = [DType::F32, DType::BF16];

/// The device of all tests, if there is one.
fn device() -> Option<&'static Device> {
    static DEVICE: OnceLock<Option<Device>> = OnceLock::new();
    let device = DEVICE.get_or_init(|| new_device(0).map_err(|why| println!("no GPU: {why}")).ok());
    device.as_ref()
}

/// Values on the device and, as they were rounded there, here.
struct Values {
    tensor: Tensor,
    host: Vec<f64>,
}

/// Uploads values as a part of a larger tensor, so that it does not start where its memory does.
fn upload(values: Vec<f64>, dims: &[usize], dtype: DType, device: &Device) -> Values {
    let row: usize = dims[1..].iter().product();
    let padded: Vec<f32> =
        vec![9.0; row].into_iter().chain(values.iter().map(|&value| value as f32)).collect();
    let mut padded_dims = dims.to_vec();
    padded_dims[0] += 1;
    let cpu = Tensor::from_vec(padded, padded_dims, &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
    let host = cpu.narrow(0, 1, dims[0]).unwrap().flatten_all().unwrap();
    let host = host.to_dtype(DType::F64).unwrap().to_vec1().unwrap();
    let tensor = cpu.to_device(device).unwrap().narrow(0, 1, dims[0]).unwrap();
    Values { tensor, host }
}

/// Random values between -1 and 1, others at each call and the same in each run of a test, which has a thread of its own.
fn random(dims: &[usize], dtype: DType, device: &Device) -> Values {
    thread_local!(static GENERATOR: RefCell<ChaCha8Rng> = RefCell::new(ChaCha8Rng::seed_from_u64(1)));
    let number = |_| GENERATOR.with_borrow_mut(|generator| generator.random_range(-1.0..1.0));
    let values = (0..dims.iter().product()).map(number).collect();
    upload(values, dims, dtype, device)
}

/// Calls `f` with the tensors as inputs.
fn with<const N: usize, R>(values: [&Values; N], f: impl FnOnce([CudaInput; N]) -> Result<R>) -> R {
    let guards = values.map(|values| values.tensor.storage_and_layout());
    let inputs = guards.each_ref().map(|(storage, layout)| match &**storage {
        Storage::Cuda(storage) => CudaInput { storage, layout },
        _ => panic!("not on the device"),
    });
    f(inputs).unwrap()
}

/// What a storage holds.
fn download(storage: &CudaStorage) -> Vec<f64> {
    match storage.to_cpu_storage().unwrap() {
        CpuStorage::F32(values) => values.into_iter().map(f64::from).collect(),
        CpuStorage::BF16(values) => values.into_iter().map(f64::from).collect(),
        CpuStorage::U32(values) => values.into_iter().map(f64::from).collect(),
        other => panic!("{:?}", other.dtype()),
    }
}

/// `tolerance` is relative above 1 and absolute below; bf16 adds its own rounding.
fn close(what: &str, storage: &CudaStorage, want: &[f64], tolerance: f64) {
    let tolerance = if storage.dtype() == DType::BF16 { tolerance.max(0.005) } else { tolerance };
    let got = download(storage);
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        let near = (got - want).abs() <= tolerance * (1.0 + want.abs());
        assert!(near, "{what}: value {i} of {} is {got}, not {want} ({:?})", got, storage.dtype());
    }
}

/// All places (n, y, x, c) of an image tensor, in order.
fn places([n, h, w, c]: [usize; 4]) -> impl Iterator<Item = [usize; 4]> {
    (0..n * h * w * c).map(move |i| [i / c / w / h, i / c / w % h, i / c % w, i % c])
}

/// Where a place is in memory.
fn at([_, h, w, c]: [usize; 4], [n, y, x, k]: [usize; 4]) -> usize {
    ((n * h + y) * w + x) * c + k
}
