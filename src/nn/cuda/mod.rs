//! The layers' passes on an NVIDIA GPU. Not yet run on a GPU: the kernels are run on the CPU by `tests/cuda_kernels.rs`, the
//! rest compiles.
//!
//! Functions take [`CudaInput`]s, contiguous, and give new storages. All work is queued on the stream of candle's device and
//! nothing waits for it. Activations are f32 or bf16, channels last; parameters, their gradients and statistics are always
//! f32, so that training in bf16 keeps weights with all their digits. Sums have an order that follows from the shapes, without
//! atomic additions, so that a run can be repeated to the bit on the same GPU and libraries, as far as cuDNN's algorithms
//! allow (see `cudnn.rs`).
//!
//! The kernels lie in `kernels/` and are compiled by NVRTC when first used. Convolutions are cuDNN's, except where a direct
//! kernel is better (depthwise) or cuDNN has none.

mod activation;
mod context;
mod convolution;
mod cudnn;
mod descriptors;
mod folded;
mod graph;
mod input;
mod launch;
mod layout;
mod loss;
mod norm;
mod optimizer;
mod pointwise;
mod pool;
mod reduce;
mod replay;
mod resample;
mod sort;
mod step;
mod tensors;
#[cfg(test)]
mod tests;

use super::geometry;

pub(crate) use self::activation::{activation, activation_backward};
pub(crate) use self::context::new_device;
pub(crate) use self::convolution::{into_large, into_small, weight_gradient};
pub(crate) use self::folded::{Layers, apply_folded};
pub(crate) use self::graph::apart_from_recording;
pub(crate) use self::input::CudaInput;
pub(crate) use self::layout::{concat_channels, frame, slice_channels, transpose};
pub(crate) use self::loss::{bce, bce_backward};
pub(crate) use self::norm::{Norm, batch_statistics, running_statistics};
pub(crate) use self::pointwise::{
    Dropout, add, all_of, dropout, gate_channels, gate_channels_backward, gate_pixels, gate_pixels_backward,
    weighted_sum,
};
pub(crate) use self::pool::{
    average_pool, average_pool_backward, global_average, global_average_backward, max_pool, max_pool_backward,
};
pub(crate) use self::reduce::channel_sums;
pub(crate) use self::replay::Recordings;
pub(crate) use self::resample::{bilinear, bilinear_backward, nearest_backward, nearest_concat};
pub(crate) use self::sort::{argsort_descending, running_sums};
pub(crate) use self::step::accumulate;
pub(crate) use self::tensors::{gradient, tensor, with_inputs};
