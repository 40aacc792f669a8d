//! A step of training that a GPU repeats by itself.

use crate::Result;
use candle_core::Tensor;

/// Runs the same work on one batch after another. On a GPU it is recorded when batches of one shape follow each other, and
/// from then on queued as a whole: of a small network's step most is the time in which hundreds of kernels are queued.
#[doc(hidden)] // for benches/gpu.rs; whoever trains calls Model::train
#[derive(Default)]
pub struct Replay {
    #[cfg(feature = "cuda")]
    recordings: super::cuda::Recordings,
}

impl Replay {
    /// What `work` makes of `inputs`, for which a recording has its own copies; the result is small, such as a loss.
    ///
    /// What changes from step to step apart from the inputs and from what `work` itself writes has to lie on the device, as what
    /// [`Stepper::prepare`](super::Stepper::prepare) brings there. Work that keeps tensors or waits for the device
    /// is not recorded.
    ///
    /// # Errors
    /// Those of `work`, and of the device.
    ///
    /// # Safety
    /// On a GPU every tensor that `work` uses besides its inputs has to live, at its place, as long as this is used: weights, and
    /// what the optimizer remembers.
    pub unsafe fn run(
        &mut self,
        inputs: &[&Tensor],
        mut work: impl FnMut(&[&Tensor]) -> Result<Tensor>,
    ) -> Result<Tensor> {
        #[cfg(feature = "cuda")]
        if inputs.first().is_some_and(|xs| xs.device().is_cuda()) {
            // SAFETY: the caller's.
            return unsafe { self.recordings.run(inputs, work) };
        }
        work(inputs)
    }
}
