//! Recording launches once and replaying them as one: a CUDA graph. Not yet run on a GPU.
//!
//! A graph replays the same kernels on the same addresses with the same numbers. What may be recorded follows from that:
//!
//! - Inputs, weights and results lie in tensors made before and kept as long as the graph; [`copy`] brings a batch in and a
//!   result out. What the closure makes it also drops: memory that it takes becomes part of the graph, and is gone when a
//!   replay ends. This is counted, and a recording that keeps or frees too much is refused.
//! - Nothing in it waits for the device: no `to_vec`, `to_scalar`, printing or copy to the host.
//! - Numbers given to kernels are frozen. So the optimizer reads its own from the device, and dropout, whose seed changes from
//!   step to step, cannot be recorded.
//! - What another thread queues meanwhile would be recorded too: see [`apart_from_recording`].
//!
//! What stands in the way in candle 0.11.1, and what [`Graph::record`] does about it:
//!
//! - `Device::new_cuda`'s stream is one per thread and its tensors carry events, which a recording may not wait for: refused,
//!   see [`new_device`](super::new_device).
//! - Its own kernels get the strides of tensors that are not contiguous by a copy from the host. candle keeps such copies
//!   while its guard (`enable_cuda_graph_htod_cache`) is held; the run before the recording fills it.
//! - First uses compile kernels, choose algorithms and take memory that stays: the work is run once before it is recorded. A
//!   workspace that is too small for later shapes is kept beside the larger one, since a graph has its address.
//! - Freeing a tensor while recording, that was made before, fails, and cudarc reports it at a later call.

use super::context::{Context, lock};
use super::input::CudaInput;
use super::launch::{Grid, Source, Variant, arguments};
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{CudaGraph, sys};
use candle_core::{CudaDevice, Result, bail};
use std::sync::{Mutex, MutexGuard};

/// Held while something is recorded.
static RECORDING: Mutex<()> = Mutex::new(());

/// While this is held nothing is recorded: for threads that queue copies of batches beside the one that trains.
pub(crate) fn apart_from_recording() -> MutexGuard<'static, ()> {
    lock(&RECORDING)
}

/// Recorded launches.
pub(crate) struct Graph(CudaGraph);

impl Graph {
    /// Records `work`, which runs without effect on the device and has to have run before.
    ///
    /// # Errors
    /// Those of `work`; and when `work` cannot be replayed, as far as that shows.
    ///
    /// # Safety
    /// Every address that `work` uses has to stay valid as long as the graph is replayed: see the module's conditions.
    pub(crate) unsafe fn record(device: &CudaDevice, work: impl FnOnce() -> Result<()>) -> Result<Graph> {
        let context = Context::of(device)?;
        if device.is_event_tracking() {
            bail!("a graph can be recorded only on a device of tgs_salt::device()")
        }
        let _alone = lock(&RECORDING);
        let stream = context.stream();
        stream.begin_capture(sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL).w()?;
        let recorded = work();
        // Always ended, or the stream would stay unusable.
        let graph = stream.end_capture(sys::CUgraphInstantiate_flags(0)).w();
        // What a failed recording leaves behind would else be the error of the next call.
        let left = stream.context().check_err().w();
        recorded?;
        left?;
        let Some(graph) = graph? else { bail!("nothing was recorded") };
        check_memory(&graph)?;
        Ok(Graph(graph))
    }

    /// Queues all that was recorded.
    pub(crate) fn replay(&self) -> Result<()> {
        self.0.launch().w()
    }
}

/// Refuses graphs that take memory which they do not free, or free memory which they did not take.
fn check_memory(graph: &CudaGraph) -> Result<()> {
    use sys::CUgraphNodeType_enum::{CU_GRAPH_NODE_TYPE_MEM_ALLOC, CU_GRAPH_NODE_TYPE_MEM_FREE};
    let mut count = 0;
    // SAFETY: the graph is live; without room for nodes their number alone is given.
    unsafe { sys::cuGraphGetNodes(graph.cu_graph(), std::ptr::null_mut(), &raw mut count) }.result().w()?;
    let mut nodes = vec![std::ptr::null_mut(); count];
    // SAFETY: there is room for `count` nodes.
    unsafe { sys::cuGraphGetNodes(graph.cu_graph(), nodes.as_mut_ptr(), &raw mut count) }.result().w()?;
    let (mut taken, mut freed) = (0, 0);
    for node in nodes {
        let mut kind = sys::CUgraphNodeType_enum::CU_GRAPH_NODE_TYPE_EMPTY;
        // SAFETY: the node is one of the graph's.
        unsafe { sys::cuGraphNodeGetType(node, &raw mut kind) }.result().w()?;
        taken += usize::from(kind == CU_GRAPH_NODE_TYPE_MEM_ALLOC);
        freed += usize::from(kind == CU_GRAPH_NODE_TYPE_MEM_FREE);
    }
    if taken != freed {
        bail!(
            "what is recorded takes {taken} pieces of memory and frees {freed}: it has to free what it takes"
        )
    }
    Ok(())
}

/// Overwrites `to` by the values of `from`, of the same type and number.
pub(crate) fn copy(from: CudaInput, to: CudaInput) -> Result<()> {
    let (context, dtype, len) = (from.context()?, from.dtype(), from.len());
    let from = from.activations(&context)?;
    let to = to.activations_like(&context, dtype, len)?;
    let variant = Variant { dtype, lanes: super::input::lanes(dtype, &[len], &[from, to]) };
    let arguments = arguments![from, to, len, len, len, 0usize, len, 0usize];
    context.launch(Source::Layout, "copy_channels", variant, Grid::each(len / variant.lanes), arguments)
}
