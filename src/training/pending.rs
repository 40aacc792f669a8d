//! Losses of steps that are read together.

use crate::{Error, Result};
use candle_core::Tensor;

/// The losses of an epoch's steps. Reading one waits until its step is done, so on a GPU they stay there until someone asks.
pub(crate) struct PendingLosses {
    epoch: usize,
    /// Losses that were not read yet, with the ids of their images.
    pending: Vec<(Tensor, Vec<String>)>,
    /// Of the losses that were read, times their images.
    sum: f64,
    images: usize,
}

impl PendingLosses {
    pub(crate) fn new(epoch: usize) -> PendingLosses {
        PendingLosses { epoch, pending: vec![], sum: 0.0, images: 0 }
    }

    /// Keeps the loss of one step, a scalar.
    pub(crate) fn push(&mut self, loss: Tensor, ids: &[String]) {
        self.images += ids.len();
        self.pending.push((loss, ids.to_vec()));
    }

    /// Images of all steps so far.
    pub(crate) fn images(&self) -> usize {
        self.images
    }

    /// The mean over the images of all steps so far.
    ///
    /// # Errors
    /// [`Error::NotFinite`] for the first step whose loss is not finite.
    pub(crate) fn read(&mut self) -> Result<f64> {
        for (loss, ids) in self.pending.drain(..) {
            let loss = loss.to_scalar::<f32>().map_err(Error::tensor("loss"))?;
            if !loss.is_finite() {
                return Err(Error::NotFinite { epoch: self.epoch, loss, ids });
            }
            self.sum += f64::from(loss) * ids.len() as f64;
        }
        Ok(self.sum / self.images.max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn losses(values: &[f32]) -> PendingLosses {
        let mut losses = PendingLosses::new(3);
        for (step, &value) in values.iter().enumerate() {
            let ids: Vec<String> = (0..=step).map(|image| format!("{step}.{image}")).collect();
            losses.push(Tensor::new(value, &Device::Cpu).unwrap(), &ids);
        }
        losses
    }

    #[test]
    fn the_mean_is_over_images() {
        let mut losses = losses(&[1.0, 4.0]);
        assert_eq!((losses.images(), losses.read().unwrap()), (3, 3.0));
        losses.push(Tensor::new(9f32, &Device::Cpu).unwrap(), &["last".into()]);
        assert_eq!((losses.images(), losses.read().unwrap()), (4, 4.5));
    }

    #[test]
    fn the_first_loss_that_is_not_finite_is_named() {
        let error = losses(&[1.0, f32::NAN, f32::INFINITY]).read().unwrap_err();
        let Error::NotFinite { epoch: 3, loss, ids } = error else { panic!("{error}") };
        assert!(loss.is_nan() && ids == ["1.0", "1.1"]);
    }
}
