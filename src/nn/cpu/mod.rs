//! The CPU's kernels: f32, channels last, on all cores, with the same bits for any number of them.

pub(crate) mod activation;
#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub(crate) mod convolution;
pub(crate) mod item;
pub(crate) mod lanes;
#[cfg(all(test, target_arch = "x86_64"))]
mod lanes_tests;
pub(crate) mod memory;
pub(crate) mod normalize;
pub(crate) mod reduce;
mod storage;
mod sum;
#[cfg(target_arch = "x86_64")]
mod tile_product;
pub(crate) mod update;
pub(crate) mod vectorized;

pub(crate) use self::storage::{Floats, floats, floats_mut, halves, tensor, tensor_like};
pub(crate) use self::sum::sum;
