//! What is kept per device: compiled kernels, and cuDNN with what it has chosen. Not yet run on a GPU.

use super::cudnn::Cudnn;
use super::input::{address, check_length};
use super::launch::{Source, Variant, compile};
use candle_core::backend::BackendDevice;
use candle_core::cuda_backend::cudarc::driver::{CudaFunction, CudaModule, CudaStream, sys};
use candle_core::cuda_backend::{DeviceId, WrapErr};
use candle_core::{CudaDevice, CudaStorage, DType, Device, Result, bail};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// cudarc's number for the stream that is another one in every thread of the host.
const PER_THREAD_STREAM: usize = 2;

/// Made when a device is first used, and kept until the program ends: tearing CUDA down at exit is the driver's work.
static CONTEXTS: Mutex<Vec<(DeviceId, Arc<Context>)>> = Mutex::new(Vec::new());

/// The state of one device.
pub(crate) struct Context {
    device: CudaDevice,
    kernels: Mutex<Kernels>,
    cudnn: Mutex<Option<Cudnn>>,
}

#[derive(Default)]
struct Kernels {
    modules: HashMap<(Source, Variant), Arc<CudaModule>>,
    functions: HashMap<(Source, Variant, &'static str), CudaFunction>,
}

/// New memory and its address.
pub(super) struct Output {
    pub storage: CudaStorage,
    pub address: u64,
}

/// A device for this module. candle's own `Device::new_cuda` queues on a stream per host thread, where two threads that
/// touch one tensor race; this one has a single stream. With a single stream the events that cudarc keeps for every tensor
/// order nothing, cost time at every launch, and forbid capturing a graph: they are off.
///
/// # Errors
/// When there is no such GPU, or no driver for it.
pub(crate) fn new_device(ordinal: usize) -> Result<Device> {
    let device = CudaDevice::new_with_stream(ordinal)?;
    // SAFETY: `Context::of` lets no other stream see a tensor of this device, and candle makes none.
    unsafe { device.disable_event_tracking() };
    keep_freed_memory(&device)?;
    Ok(Device::Cuda(device))
}

/// Lets the driver keep what is freed for the next allocation. By default it gives all of it back to the system whenever the
/// host waits for the device, so that every step would pay for its memory anew.
fn keep_freed_memory(device: &CudaDevice) -> Result<()> {
    let stream = device.cuda_stream();
    let context = stream.context();
    if !context.has_async_alloc() {
        return Ok(());
    }
    let mut pool = std::ptr::null_mut();
    let mut all = u64::MAX;
    let threshold = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
    // SAFETY: the device exists, its default pool lives as long, and the attribute is a u64.
    unsafe {
        sys::cuDeviceGetDefaultMemPool(&raw mut pool, context.cu_device()).result().w()?;
        sys::cuMemPoolSetAttribute(pool, threshold, (&raw mut all).cast()).result().w()
    }
}

/// A lock whose holder panicked guards maps that are still whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Context {
    /// The state of `device`.
    pub(super) fn of(device: &CudaDevice) -> Result<Arc<Context>> {
        let mut contexts = lock(&CONTEXTS);
        if let Some((_, context)) = contexts.iter().find(|(id, _)| *id == device.id()) {
            return Ok(context.clone());
        }
        if device.cuda_stream().cu_stream() as usize == PER_THREAD_STREAM {
            bail!("this device queues on another stream in every thread: make it by tgs_salt::device()")
        }
        let context =
            Arc::new(Context { device: device.clone(), kernels: Mutex::default(), cudnn: Mutex::new(None) });
        contexts.push((device.id(), context.clone()));
        Ok(context)
    }

    pub(super) fn device(&self) -> &CudaDevice {
        &self.device
    }

    pub(super) fn stream(&self) -> Arc<CudaStream> {
        self.device.cuda_stream()
    }

    /// Whether what is queued now is recorded rather than run.
    pub(super) fn is_recording(&self) -> Result<bool> {
        let status = self.stream().capture_status().w()?;
        Ok(status != sys::CUstreamCaptureStatus::CU_STREAM_CAPTURE_STATUS_NONE)
    }

    /// Memory for `len` values, which the caller's kernel has to write whole.
    pub(super) fn empty(&self, dtype: DType, len: usize) -> Result<Output> {
        check_length(len)?;
        // The driver gives no memory of size 0. SAFETY: see above.
        let storage = unsafe { self.device.alloc_uninit(&len.max(1).into(), dtype) }?;
        let address = address(&storage, &self.stream())?;
        Ok(Output { storage, address })
    }

    /// A kernel, compiled if this is its first use.
    pub(super) fn function(
        &self,
        source: Source,
        name: &'static str,
        variant: Variant,
    ) -> Result<CudaFunction> {
        let mut kernels = lock(&self.kernels);
        if let Some(function) = kernels.functions.get(&(source, variant, name)) {
            return Ok(function.clone());
        }
        let module = match kernels.modules.get(&(source, variant)) {
            Some(module) => module.clone(),
            None => {
                let stream = self.stream();
                let capability = stream.context().compute_capability().w()?;
                let module = stream.context().load_module(compile(source, variant, capability)?).w()?;
                kernels.modules.insert((source, variant), module.clone());
                module
            }
        };
        let function = module.load_function(name).w()?;
        kernels.functions.insert((source, variant, name), function.clone());
        Ok(function)
    }

    /// Runs `work` with cuDNN, which one thread at a time may use: its handle and its workspace are shared.
    pub(super) fn with_cudnn<R>(&self, work: impl FnOnce(&mut Cudnn) -> Result<R>) -> Result<R> {
        let stream = self.stream();
        stream.context().bind_to_thread().w()?;
        let mut cudnn = lock(&self.cudnn);
        match cudnn.as_mut() {
            Some(cudnn) => work(cudnn),
            None => work(cudnn.insert(Cudnn::new(&stream)?)),
        }
    }
}
