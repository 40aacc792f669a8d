//! Layers: convolutions, normalization, pooling, and the named weights that they share.
//!
//! candle gives tensors, devices and automatic differentiation; the layers are operations of our own on the CPU, because
//! several of candle's gradients are wrong or very slow there. Inside `nn` and `models` activations are `(N, H, W, C)`,
//! contiguous: a kernel then works on neighbouring channels at once and needs no patch matrix, and it is the order that
//! cuDNN wants. Only a model's surface is `(N, C, H, W)`.
//!
//! Weights keep PyTorch's names and shapes. Results do not depend on the number of threads: sums are divided by the shapes of
//! the tensors and added up in a fixed order.

mod accumulation;
mod activation;
mod attention;
pub mod autograd;
mod batch;
pub mod batch_norm;
mod bilinear;
mod blend;
pub mod conv;
mod conv_activation;
mod conv_norm;
pub mod conv_transpose;
mod convolution;
pub(crate) mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod descent;
mod device;
mod dropout;
mod folded;
mod geometry;
pub mod init;
mod linear;
mod memories;
mod normalization;
pub mod optimizer;
mod order;
mod pad;
mod parameter;
mod pool;
mod random;
mod replay;
mod resample;
mod sort;
mod step_numbers;
mod stepper;
pub mod weights;

pub use self::activation::sigmoid;
pub use self::attention::ScSe;
pub(crate) use self::autograd::{Input, Operation, Step, apply, traced};
pub use self::autograd::{Mode, backward, without_gradients};
pub(crate) use self::batch::{Batch, BatchLayout, for_each_batch, for_each_read};
pub(crate) use self::batch_norm::cumulative_batch_norm;
pub use self::batch_norm::{BatchNorm, BatchNormConfig};
pub use self::bilinear::upsample_bilinear2d;
pub(crate) use self::blend::blend;
pub use self::conv::{Conv2d, Conv2dConfig};
pub use self::conv_activation::ConvActivation;
pub use self::conv_norm::ConvNorm;
pub use self::conv_transpose::{ConvTranspose2d, ConvTranspose2dConfig};
pub use self::cpu::activation::Activation;
pub use self::device::device;
pub(crate) use self::device::{check_device, upload};
pub use self::dropout::{dropout, dropout2d};
pub use self::linear::Linear;
pub use self::optimizer::Optimizer;
pub use self::order::{to_channels_first, to_channels_last};
pub use self::pad::{crop_to, pad_to};
pub use self::parameter::{Parameter, takes_weight_decay};
pub use self::pool::{avg_pool2d, global_avg_pool2d, max_pool2d};
pub(crate) use self::random::{seeded, training_dropout};
pub use self::replay::Replay;
pub(crate) use self::resample::concat_all;
pub use self::resample::{concat, upsample_concat, upsample_nearest2d};
pub(crate) use self::sort::sort_row;
pub use self::sort::{argsort_descending, cumsum};
pub use self::stepper::Stepper;
pub(crate) use self::weights::LayerWeight;
pub use self::weights::Weights;
