//! cuDNN's convolutions, through its API of descriptors, channels last. Not yet run on a GPU.
//!
//! Algorithms are those that cuDNN's heuristics expect to be fastest among the deterministic ones, and are asked for once per
//! shape. Measuring instead (`cudnnFind*`) could find faster ones, but its choice depends on how busy the GPU was, and with
//! it the last digits of every result. Where nothing deterministic exists the fastest is taken. On f32, tensor cores round
//! the factors to TF32, as in PyTorch's convolutions by default; sums are f32 for both types.

use super::descriptors::{Descriptors, describe};
use super::geometry::Geometry;
use candle_core::backend::BackendDevice;
use candle_core::cuda_backend::cudarc::cudnn::{CudnnError, result, sys};
use candle_core::cuda_backend::cudarc::driver::CudaStream;
use candle_core::{CudaDevice, CudaStorage, DType, Error, Result};
use std::collections::HashMap;
use std::sync::Arc;

/// Algorithms that want more memory than this, in bytes, are passed over.
const MOST_WORKSPACE: usize = 1 << 30;
/// How many suggestions are asked for; no direction has more algorithms.
const SUGGESTIONS: usize = 10;

/// Which of the three tensors is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Direction {
    IntoSmall,
    IntoLarge,
    Weight,
}

/// Addresses. Two are read, one is written.
#[derive(Clone, Copy)]
pub(super) struct Tensors {
    pub large: u64,
    pub small: u64,
    pub weight: u64,
}

/// A handle, a workspace that all convolutions share, and what was chosen for each shape.
pub(super) struct Cudnn {
    handle: sys::cudnnHandle_t,
    /// The last one is in use. Smaller ones stay, since a recorded graph has their addresses; each is twice as large as the
    /// one before or more, so that all together are at most twice the last.
    workspaces: Vec<(CudaStorage, u64, usize)>,
    stream: Arc<CudaStream>,
    /// None where cuDNN has no algorithm.
    plans: HashMap<(Geometry, DType, Direction), Option<Plan>>,
}

// SAFETY: cuDNN allows a handle and descriptors in any thread, one at a time; they are kept in a Mutex.
unsafe impl Send for Cudnn {}

struct Plan {
    descriptors: Descriptors,
    algorithm: Algorithm,
    workspace: usize,
}

#[derive(Clone, Copy)]
enum Algorithm {
    IntoSmall(sys::cudnnConvolutionFwdAlgo_t),
    IntoLarge(sys::cudnnConvolutionBwdDataAlgo_t),
    Weight(sys::cudnnConvolutionBwdFilterAlgo_t),
}

/// An algorithm that cuDNN suggests.
struct Suggestion {
    algorithm: Algorithm,
    math: sys::cudnnMathType_t,
    deterministic: bool,
}

fn wrap<T>(outcome: std::result::Result<T, CudnnError>) -> Result<T> {
    outcome.map_err(|error| Error::wrap(error).context("cuDNN"))
}

/// Asks for suggestions in one direction, the fastest first, and keeps what would run.
macro_rules! suggestions {
    ($get:path, $variant:path, $($descriptor:expr),*) => {{
        // SAFETY: descriptors are live; zeros are values of all fields, which are numbers.
        let mut found: [_; SUGGESTIONS] = unsafe { std::mem::zeroed() };
        let mut count = 0;
        unsafe { $get($($descriptor),*, SUGGESTIONS as i32, &raw mut count, found.as_mut_ptr()) }.map(|()| {
            let usable = found.iter().take(count as usize).filter(|found| {
                found.status == sys::cudnnStatus_t::CUDNN_STATUS_SUCCESS && found.memory <= MOST_WORKSPACE
            });
            let deterministic = sys::cudnnDeterminism_t::CUDNN_DETERMINISTIC;
            usable
                .map(|found| Suggestion {
                    algorithm: $variant(found.algo),
                    math: found.mathType,
                    deterministic: found.determinism == deterministic,
                })
                .collect::<Vec<_>>()
        })
    }};
}

impl Cudnn {
    /// cuDNN on the current device, queueing on `stream`.
    pub(super) fn new(stream: &Arc<CudaStream>) -> Result<Cudnn> {
        let handle = wrap(result::create_handle())?;
        // SAFETY: both are live, and the stream is kept.
        wrap(unsafe { result::set_stream(handle, stream.cu_stream().cast()) })?;
        Ok(Cudnn { handle, workspaces: vec![], stream: stream.clone(), plans: HashMap::new() })
    }

    /// Queues one convolution; false where cuDNN has no algorithm for it.
    pub(super) fn convolve(
        &mut self,
        device: &CudaDevice,
        geometry: &Geometry,
        dtype: DType,
        direction: Direction,
        tensors: Tensors,
    ) -> Result<bool> {
        let key = (*geometry, dtype, direction);
        if !self.plans.contains_key(&key) {
            let plan = self.plan(geometry, dtype, direction)?;
            self.plans.insert(key, plan);
        }
        let Some(Some(&Plan { descriptors, algorithm, workspace })) =
            self.plans.get(&key).map(Option::as_ref)
        else {
            return Ok(false);
        };
        let address = self.grow(device, workspace)?;
        wrap(run(self.handle, descriptors, algorithm, (address, workspace), tensors))?;
        Ok(true)
    }

    /// The address of a workspace of `bytes` at least.
    fn grow(&mut self, device: &CudaDevice, bytes: usize) -> Result<u64> {
        match self.workspaces.last() {
            _ if bytes == 0 => Ok(0),
            Some(&(_, address, size)) if size >= bytes => Ok(address),
            _ => {
                let bytes = bytes.next_power_of_two().max(4);
                // SAFETY: cuDNN reads nothing there that it did not write.
                let storage = unsafe { device.alloc_uninit(&(bytes / 4).into(), DType::F32) }?;
                let address = super::input::address(&storage, &self.stream)?;
                self.workspaces.push((storage, address, bytes));
                Ok(address)
            }
        }
    }

    fn plan(&self, geometry: &Geometry, dtype: DType, direction: Direction) -> Result<Option<Plan>> {
        let descriptors = wrap(describe(geometry, dtype))?;
        // An answer that something is not supported is no failure: the direct kernels take it.
        let suggestions = self.suggestions(descriptors, direction).unwrap_or_default();
        let (first, rest): (Vec<_>, Vec<_>) =
            suggestions.iter().partition(|suggestion| suggestion.deterministic);
        for Suggestion { algorithm, math, .. } in first.into_iter().chain(rest) {
            // SAFETY: the descriptor is live.
            wrap(unsafe { result::set_convolution_math_type(descriptors.convolution, *math) })?;
            if let Ok(workspace) = workspace(self.handle, descriptors, *algorithm)
                && workspace <= MOST_WORKSPACE
            {
                return Ok(Some(Plan { descriptors, algorithm: *algorithm, workspace }));
            }
        }
        Ok(None)
    }

    fn suggestions(
        &self,
        Descriptors { large, small, weight, convolution }: Descriptors,
        direction: Direction,
    ) -> std::result::Result<Vec<Suggestion>, CudnnError> {
        use result::{
            get_convolution_backward_data_algorithm, get_convolution_backward_filter_algorithm,
            get_convolution_forward_algorithm,
        };
        let handle = self.handle;
        match direction {
            Direction::IntoSmall => suggestions!(
                get_convolution_forward_algorithm,
                Algorithm::IntoSmall,
                handle,
                large,
                weight,
                convolution,
                small
            ),
            Direction::IntoLarge => suggestions!(
                get_convolution_backward_data_algorithm,
                Algorithm::IntoLarge,
                handle,
                weight,
                small,
                convolution,
                large
            ),
            Direction::Weight => suggestions!(
                get_convolution_backward_filter_algorithm,
                Algorithm::Weight,
                handle,
                large,
                small,
                convolution,
                weight
            ),
        }
    }
}

/// Bytes that an algorithm needs, or an error where it does not take these shapes.
fn workspace(
    handle: sys::cudnnHandle_t,
    Descriptors { large, small, weight, convolution }: Descriptors,
    algorithm: Algorithm,
) -> std::result::Result<usize, CudnnError> {
    use result::{
        get_convolution_backward_data_workspace_size, get_convolution_backward_filter_workspace_size,
        get_convolution_forward_workspace_size,
    };
    // SAFETY: all are live.
    unsafe {
        match algorithm {
            Algorithm::IntoSmall(algorithm) => {
                get_convolution_forward_workspace_size(handle, large, weight, convolution, small, algorithm)
            }
            Algorithm::IntoLarge(algorithm) => get_convolution_backward_data_workspace_size(
                handle,
                weight,
                small,
                convolution,
                large,
                algorithm,
            ),
            Algorithm::Weight(algorithm) => get_convolution_backward_filter_workspace_size(
                handle,
                large,
                small,
                convolution,
                weight,
                algorithm,
            ),
        }
    }
}

/// Queues a convolution.
fn run(
    handle: sys::cudnnHandle_t,
    d: Descriptors,
    algorithm: Algorithm,
    (workspace, bytes): (u64, usize),
    tensors: Tensors,
) -> std::result::Result<(), CudnnError> {
    let [one, zero] = [&1f32, &0f32].map(|factor| std::ptr::from_ref(factor).cast());
    let Tensors { large, small, weight } = tensors;
    let [large, small, weight, workspace] = [large, small, weight, workspace].map(|at| at as *mut _);
    let conv = d.convolution;
    // SAFETY: the descriptors fit the tensors, which live until work queued here is done, and the workspace has the bytes.
    unsafe {
        match algorithm {
            Algorithm::IntoSmall(algorithm) => result::convolution_forward(
                handle, one, d.large, large, d.weight, weight, conv, algorithm, workspace, bytes, zero,
                d.small, small,
            ),
            Algorithm::IntoLarge(algorithm) => result::convolution_backward_data(
                handle, one, d.weight, weight, d.small, small, conv, algorithm, workspace, bytes, zero,
                d.large, large,
            ),
            Algorithm::Weight(algorithm) => result::convolution_backward_filter(
                handle, one, d.large, large, d.small, small, conv, algorithm, workspace, bytes, zero,
                d.weight, weight,
            ),
        }
    }
}
