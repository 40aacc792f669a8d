//! Averages of tensors.

use candle_core::{Result, Tensor};

/// `a + share (b - a)`, of equal shapes, in f32; without a gradient.
pub(crate) fn blend(a: &Tensor, b: &Tensor, share: f64) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if a.device().is_cuda() {
        let blended = super::cuda::with_inputs(&[a, b], |inputs| {
            super::cuda::weighted_sum([1.0 - share, share], inputs[0], Some(inputs[1]))
        });
        return Ok(super::cuda::tensor(blended?, a.shape()));
    }
    a + (b - a)?.affine(share, 0.0)?
}
