//! Sums of losses.

#[cfg(feature = "cuda")]
use crate::nn::cuda::{self, CudaInput};
use crate::nn::{Input, Operation, Step, apply};
use crate::{Error, Result};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, Shape, Tensor};

/// The sum of scalar losses, each times its weight: what training with several heads or several losses minimises.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let loss = |value: f32| Tensor::new(value, &Device::Cpu).unwrap();
/// let sum = tgs_salt::losses::weighted_sum(&[(0.5, loss(2.0)), (2.0, loss(3.0))])?;
/// assert_eq!(sum.to_scalar::<f32>().unwrap(), 7.0);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] without a loss; [`Error::Tensor`] when one is not a scalar of f32.
pub fn weighted_sum(losses: &[(f64, Tensor)]) -> Result<Tensor> {
    let [(weight, first), rest @ ..] = losses else {
        return Err(Error::Shape {
            what: "losses".into(),
            expected: "at least one".into(),
            got: "none".into(),
            hint: "give each loss with its weight".into(),
        });
    };
    let add = |a: f64, xs: &Tensor, b: f64, ys: &Tensor| apply(Sum([a, b]), &[xs, ys]);
    let run = || {
        let [(second_weight, second), rest @ ..] = rest else {
            return if *weight == 1.0 { Ok(first.clone()) } else { first.affine(*weight, 0.0) };
        };
        let sum = add(*weight, first, *second_weight, second)?;
        rest.iter().try_fold(sum, |sum, (weight, loss)| add(1.0, &sum, *weight, loss))
    };
    run().map_err(Error::tensor("weighted sum of losses"))
}

/// Two scalars times a weight each.
struct Sum([f64; 2]);

impl Operation for Sum {
    fn name(&self) -> &'static str {
        "weighted sum"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (a, b) = (f64::from(inputs[0].floats()?[0]), f64::from(inputs[1].floats()?[0]));
        Ok((CpuStorage::F32(vec![(self.0[0] * a + self.0[1] * b) as f32]), ().into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, inputs: &[CudaInput]) -> candle_core::Result<(CudaStorage, Shape)> {
        Ok((cuda::weighted_sum(self.0, inputs[0], Some(inputs[1]))?, ().into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        cuda::with_inputs(&[step.ys_grad], |inputs| {
            let grad = |weight| cuda::weighted_sum([weight, 0.0], inputs[0], None);
            self.0.iter().map(|&weight| Ok(cuda::gradient(grad(weight)?, step.ys_grad))).collect()
        })
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        self.0.iter().map(|&weight| step.ys_grad.affine(weight, 0.0).map(Some)).collect()
    }
}
