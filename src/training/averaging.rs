//! Averages of a model's weights over the steps or epochs of a run.

use crate::nn::{Weights, blend};
use crate::{Error, Result};
use candle_core::Tensor;
use std::collections::BTreeMap;

/// A running average of all weights and running statistics.
pub(super) struct Average {
    tensors: BTreeMap<String, Tensor>,
    /// How many were averaged.
    count: usize,
}

impl Average {
    /// The average of one.
    pub(super) fn new(weights: &Weights) -> Result<Average> {
        Ok(Average { tensors: weights.to_tensors()?, count: 1 })
    }

    /// The average that was saved.
    pub(super) fn restored(tensors: BTreeMap<String, Tensor>, count: usize) -> Option<Average> {
        (count > 0).then_some(Average { tensors, count })
    }

    /// Takes in the weights as they are: all that were taken in weigh the same.
    pub(super) fn add(&mut self, weights: &Weights) -> Result<()> {
        self.move_by(weights, 1.0 / (self.count + 1) as f64)
    }

    /// Takes in the weights as they are and leaves the share `decay` of the average; in the first steps less, as in TensorFlow
    /// and timm.
    pub(super) fn decay(&mut self, weights: &Weights, decay: f64) -> Result<()> {
        let step = self.count as f64;
        self.move_by(weights, 1.0 - decay.min((1.0 + step) / (10.0 + step)))
    }

    fn move_by(&mut self, weights: &Weights, share: f64) -> Result<()> {
        self.count += 1;
        for (name, var) in weights.vars() {
            let Some(average) = self.tensors.get_mut(&name) else { continue };
            let moved = blend(average, &var.as_detached_tensor(), share);
            *average = moved.map_err(Error::tensor("average of weights"))?;
        }
        Ok(())
    }

    pub(super) fn tensors(&self) -> &BTreeMap<String, Tensor> {
        &self.tensors
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// What `work` gives while the weights are the average.
    pub(super) fn with<T>(&self, weights: &Weights, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let own = weights.to_tensors()?;
        weights.set_tensors(&self.tensors)?;
        let result = work();
        weights.set_tensors(&own)?;
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn weights() -> Weights {
        let weights = Weights::new(1, &Device::Cpu);
        weights.builder().get(2, "bias").unwrap();
        weights
    }

    fn set(weights: &Weights, value: f32) {
        let tensor = Tensor::new(&[value, -value], &Device::Cpu).unwrap();
        weights.set_tensors(&BTreeMap::from([("bias".to_owned(), tensor)])).unwrap();
    }

    fn first(tensors: &BTreeMap<String, Tensor>) -> f32 {
        tensors["bias"].to_vec1::<f32>().unwrap()[0]
    }

    #[test]
    fn weights_that_are_added_weigh_the_same() {
        let weights = weights();
        set(&weights, 1.0);
        let mut average = Average::new(&weights).unwrap();
        for value in [2.0, 6.0, 7.0] {
            set(&weights, value);
            average.add(&weights).unwrap();
        }
        assert_eq!((first(average.tensors()), average.count()), (4.0, 4));
        let inside = average.with(&weights, || Ok(first(&weights.to_tensors()?))).unwrap();
        assert_eq!((inside, first(&weights.to_tensors().unwrap())), (4.0, 7.0));
    }

    #[test]
    fn a_moving_average_forgets_its_start() {
        let weights = weights();
        set(&weights, 1.0);
        let mut average = Average::new(&weights).unwrap();
        set(&weights, 0.0);
        let mut expected = 1.0f64;
        for step in 1..=30 {
            average.decay(&weights, 0.5).unwrap();
            expected *= 0.5f64.min((1.0 + step as f64) / (10.0 + step as f64));
        }
        assert!((f64::from(first(average.tensors())) - expected).abs() < 1e-9, "{expected}");
    }
}
