//! What numbers a model predicts in.

use serde::{Deserialize, Serialize};

/// What numbers a model computes in, for [`Model::set_precision`](super::Model::set_precision) and, on CUDA,
/// [`TrainConfig::precision`](crate::TrainConfig::precision); its weights are f32 all the same.
///
/// ```
/// use tgs_salt::prelude::*;
/// let mut model = Unet::new(Encoder::Plain).depth(2).base_filters(4).build(&Device::Cpu)?;
/// model.set_precision(Precision::Bf16);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precision {
    /// 24 bits of each number: the same bits on every processor.
    #[default]
    F32,
    /// 8 bits of each number, summed in f32: half the memory, and about half the time on a processor that multiplies bf16
    /// (AVX512-BF16). Logits differ from those of f32 by about a hundredth of their size, and between processors.
    Bf16,
}
