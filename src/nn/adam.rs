//! One step of Adam on one weight, in place.
//!
//! `m += (1 - beta1) (g - m)`, `v = beta2 v + (1 - beta2) g^2`,
//! `p -= learning_rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)` (Kingma and Ba 2015, arXiv:1412.6980, in
//! the order of PyTorch's `torch.optim.Adam`). Composed of candle's operations, a step takes
//! a dozen passes over memory and as many new tensors; this takes three passes and none.

use super::cpu::{floats, floats_mut};
use crate::{Error, Result};
use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout, Tensor, Var};
use rayon::prelude::*;

/// Numbers per task.
const CHUNK: usize = 16 * 1024;

/// The settings of one step.
///
/// | Name | Usual | Meaning | Range |
/// |---|---|---|---|
/// | `learning_rate` | 1e-3 | size of a step | above 0 |
/// | `beta1` | 0.9 | memory of the mean | 0..1 |
/// | `beta2` | 0.999 | memory of the square | 0..1 |
/// | `eps` | 1e-8 | keeps the quotient finite | above 0 |
/// | `step` | | how many steps with this one, from 1 | 1.. |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// Size of a step.
    pub learning_rate: f64,
    /// Memory of the gradients' mean.
    pub beta1: f64,
    /// Memory of the gradients' squares.
    pub beta2: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// Number of this step, from 1.
    pub step: usize,
}

/// Moves `param` against `grad` and updates the two moments, which start as zeros of the same shape.
///
/// ```
/// use candle_core::{Device, Tensor, Var};
/// use tgs_salt::nn::{AdamStep, adam_step};
///
/// let var = |values: &[f32]| Var::new(values, &Device::Cpu).unwrap();
/// let (param, first, second) = (var(&[1.0]), var(&[0.0]), var(&[0.0]));
/// let grad = Tensor::new(&[0.5f32], &Device::Cpu).unwrap();
/// adam_step(&param, &grad, &first, &second, AdamStep { learning_rate: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, step: 1 })?;
/// assert!((param.to_vec1::<f32>().unwrap()[0] - 0.9).abs() < 1e-6); // the first step is as long as the learning rate
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when the four differ in shape; [`Error::Config`] when `step` is 0.
pub fn adam_step(
    param: &Var,
    grad: &Tensor,
    first_moment: &Var,
    second_moment: &Var,
    step: AdamStep,
) -> Result<()> {
    super::conv::check_sizes(&[("step", step.step)])?;
    for (what, got) in [
        ("gradient", grad.shape()),
        ("first moment", first_moment.shape()),
        ("second moment", second_moment.shape()),
    ] {
        if got != param.shape() {
            return Err(Error::Shape {
                what: format!("{what} of adam_step"),
                expected: format!("{:?}", param.dims()),
                got: format!("{:?}", got.dims()),
                hint: "moments are made as zeros of the weight's shape".into(),
            });
        }
    }
    let run = || {
        let grad = grad.contiguous()?;
        first_moment.inplace_op2(&grad, &FirstMoment(step))?;
        second_moment.inplace_op2(&grad, &SecondMoment(step))?;
        param.inplace_op3(first_moment, second_moment, &Move(step))
    };
    run().map_err(Error::tensor("adam_step"))
}

struct FirstMoment(AdamStep);

impl InplaceOp2 for FirstMoment {
    fn name(&self) -> &'static str {
        "adam first moment"
    }

    fn cpu_fwd(
        &self,
        moment: &mut CpuStorage,
        moment_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> candle_core::Result<()> {
        let share = (1.0 - self.0.beta1) as f32;
        let chunks = floats_mut(moment, moment_layout)?.par_chunks_mut(CHUNK);
        chunks.zip(floats(grad, grad_layout)?.par_chunks(CHUNK)).for_each(|(moment, grad)| {
            for (m, g) in moment.iter_mut().zip(grad) {
                *m += share * (g - *m);
            }
        });
        Ok(())
    }
}

struct SecondMoment(AdamStep);

impl InplaceOp2 for SecondMoment {
    fn name(&self) -> &'static str {
        "adam second moment"
    }

    fn cpu_fwd(
        &self,
        moment: &mut CpuStorage,
        moment_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> candle_core::Result<()> {
        let (memory, share) = (self.0.beta2 as f32, (1.0 - self.0.beta2) as f32);
        let chunks = floats_mut(moment, moment_layout)?.par_chunks_mut(CHUNK);
        chunks.zip(floats(grad, grad_layout)?.par_chunks(CHUNK)).for_each(|(moment, grad)| {
            for (v, g) in moment.iter_mut().zip(grad) {
                *v = memory * *v + share * g * g;
            }
        });
        Ok(())
    }
}

struct Move(AdamStep);

impl InplaceOp3 for Move {
    fn name(&self) -> &'static str {
        "adam step"
    }

    fn cpu_fwd(
        &self,
        param: &mut CpuStorage,
        param_layout: &Layout,
        first: &CpuStorage,
        first_layout: &Layout,
        second: &CpuStorage,
        second_layout: &Layout,
    ) -> candle_core::Result<()> {
        let AdamStep { learning_rate, beta1, beta2, eps, step } = self.0;
        let t = step as f64;
        let size = (learning_rate / (1.0 - libm::pow(beta1, t))) as f32;
        let root = (1.0 - libm::pow(beta2, t)).sqrt() as f32;
        let moments = floats(first, first_layout)?
            .par_chunks(CHUNK)
            .zip(floats(second, second_layout)?.par_chunks(CHUNK));
        floats_mut(param, param_layout)?.par_chunks_mut(CHUNK).zip(moments).for_each(
            |(param, (first, second))| {
                for (p, (m, v)) in param.iter_mut().zip(first.iter().zip(second)) {
                    *p -= size * (m / (v.sqrt() / root + eps as f32));
                }
            },
        );
        Ok(())
    }
}
