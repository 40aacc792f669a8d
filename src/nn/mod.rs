//! Layers: convolutions, normalization, pooling, and the named weights that they share.
//!
//! candle gives tensors, devices and automatic differentiation; the layers are operations of our own on the CPU, because
//! several of candle's gradients are wrong or very slow there. Inside `nn` and `models` activations are `(N, H, W, C)`,
//! contiguous: a kernel then works on neighbouring channels at once and needs no patch matrix, and it is the order that
//! cuDNN wants. Only a model's surface is `(N, C, H, W)`.
//!
//! Weights keep PyTorch's names and shapes. Results do not depend on the number of threads: sums are divided by the shapes of
//! the tensors and added up in a fixed order.

pub mod adam;
mod batch;
pub mod batch_norm;
pub mod conv;
pub mod conv_transpose;
mod convolution;
mod cpu;
#[cfg(feature = "cuda")]
mod cuda;
mod device;
mod gather;
mod geometry;
#[cfg(feature = "cuda")]
mod geometry_new;
pub mod init;
mod lanes;
mod memory;
pub mod mode;
mod normalize;
mod pack;
pub mod pool;
mod reduce;
pub mod shape;
pub mod sigmoid;
mod unfold;
mod weight_gradient;
pub mod weights;

pub use self::adam::{AdamStep, adam_step};
pub(crate) use self::batch::{Batch, BatchLayout, for_each_batch};
pub use self::batch_norm::{Activation, BatchNorm, BatchNormConfig};
pub use self::conv::{Conv2d, Conv2dConfig};
pub use self::conv_transpose::{ConvTranspose2d, ConvTranspose2dConfig};
pub(crate) use self::device::check_device;
pub use self::device::device;
pub use self::mode::{Mode, without_gradients};
pub use self::pool::max_pool2d;
pub use self::shape::{concat, crop_to, pad_to, to_channels_first, to_channels_last};
pub use self::sigmoid::sigmoid;
pub use self::weights::Weights;
