//! The Lovász hinge: the Jaccard index itself, made differentiable.
//!
//! With `s = 2t − 1` the error of a pixel is `e = 1 − x·s`, above 0 unless it is right by a margin. In the order of the errors,
//! largest first, let `J(k)` be one minus the Jaccard index of the mask with the first `k` pixels wrong:
//! `1 − (T − Σ t) / (T + Σ (1 − t))`, the sums over these pixels and `T` over all. The loss is `Σ f(e_k)·(J(k) − J(k − 1))`, its gradient that of `f`
//! alone. Pixels of one error keep their order.

use super::planes::{Order, Planes};
use super::{Loss, composed};
use crate::nn::cpu::{Floats, tensor_like};
use crate::nn::{Input, Operation, Step, apply, sort_row};
use crate::{Error, Result};
use candle_core::{CpuStorage, Shape, Tensor};
use rayon::prelude::*;
use std::sync::OnceLock;

/// Lovász hinge (Berman et al. 2018) of `logits` against `target` (values in `[0, 1]`, usually 0 or 1), both (N, C, H, W), of each class of
/// each image, averaged. At least 0. Its `f` is a ReLU, so that pixels with a margin of 1 no longer count.
///
/// Equal to the authors' PyTorch `lovasz_hinge(…, per_image=True)`.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let logits = Tensor::new(&[[[[2f32, -0.5, 0.5, -3.0]]]], &Device::Cpu).unwrap();
/// let target = Tensor::new(&[[[[1f32, 1.0, 0.0, 0.0]]]], &Device::Cpu).unwrap();
/// let loss = tgs_salt::losses::lovasz_hinge(&logits, &target)?.to_scalar::<f32>().unwrap();
/// // Errors 1.5 and 1.5: one of two pixels missed, then one more that is too much.
/// assert!((loss - (1.5 * 0.5 + 1.5 * (2.0 / 3.0 - 0.5))).abs() < 1e-6);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when the shapes differ or have other than four axes.
pub fn lovasz_hinge(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    Loss::Lovasz.compute(logits, target)
}

/// As [`lovasz_hinge`] with `ELU(e) + 1` instead of the ReLU, as the winners of the TGS competition had it: pixels that are right count
/// a little still. Above 0.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let logits = Tensor::new(&[[[[2f32, -3.0]]]], &Device::Cpu).unwrap();
/// let target = Tensor::new(&[[[[1f32, 0.0]]]], &Device::Cpu).unwrap();
/// let loss = tgs_salt::losses::lovasz_elu(&logits, &target)?.to_scalar::<f32>().unwrap();
/// assert!((loss - (-1f32).exp()).abs() < 1e-6);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when the shapes differ or have other than four axes.
pub fn lovasz_elu(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    Loss::LovaszElu.compute(logits, target)
}

/// The mean of [`lovasz_elu`] of the mask and of its background, `(L(x, t) + L(−x, 1 − t)) / 2`, as the winners of the TGS competition had
/// it: images without a mask then matter as those that are full. Above 0.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use tgs_salt::losses::{lovasz_elu, lovasz_symmetric};
/// let logits = Tensor::new(&[[[[2f32, -0.5, 0.5, -3.0]]]], &Device::Cpu).unwrap();
/// let target = Tensor::new(&[[[[1f32, 1.0, 0.0, 0.0]]]], &Device::Cpu).unwrap();
/// let value = |loss: tgs_salt::Result<Tensor>| loss.unwrap().to_scalar::<f32>().unwrap();
/// let background = lovasz_elu(&logits.neg().unwrap(), &target.affine(-1.0, 1.0).unwrap());
/// let mean = (value(lovasz_elu(&logits, &target)) + value(background)) / 2.0;
/// assert!((value(lovasz_symmetric(&logits, &target)) - mean).abs() < 1e-6);
/// ```
///
/// # Errors
/// [`Error::Shape`] when the shapes differ or have other than four axes.
pub fn lovasz_symmetric(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    Loss::LovaszSymmetric.compute(logits, target)
}

/// What is made of the errors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hinge {
    Relu,
    Elu,
    /// ELU, of the mask and of its background.
    Symmetric,
}

pub(super) fn lovasz([logits, target]: [&Tensor; 2], order: Order, hinge: Hinge) -> Result<Tensor> {
    let planes = Planes::of(logits, target, order)?;
    let run = || match logits.device().is_cpu() {
        true => apply(Lovasz { planes, hinge, grad: OnceLock::new() }, &[logits, target]),
        false => composed::lovasz([logits, target], order, hinge),
    };
    run().map_err(Error::tensor("Lovász loss"))
}

struct Lovasz {
    planes: Planes,
    hinge: Hinge,
    /// That of the loss, made with its value since both need the order of the errors.
    grad: OnceLock<Vec<f32>>,
}

/// The Jaccard loss as one pixel after another turns out wrong.
struct Jaccard {
    /// What is left of the mask.
    left: f64,
    union: f64,
    loss: f64,
}

impl Jaccard {
    fn of(total: f64) -> Jaccard {
        Jaccard { left: total, union: total, loss: 0.0 }
    }

    /// What a pixel with this target adds.
    fn growth(&mut self, t: f64) -> f64 {
        let before = self.loss;
        self.left -= t;
        self.union += 1.0 - t;
        self.loss = 1.0 - self.left / self.union;
        self.loss - before
    }
}

impl Lovasz {
    /// The mean over all images and classes, and its gradient.
    fn pass(&self, xs: &[f32], ts: &[f32]) -> (f64, Vec<f32>) {
        let image = self.planes.image().max(1);
        let rows = (self.planes.images * self.planes.classes).max(1) as f64;
        let mut grad = vec![0.0; xs.len()];
        let images = grad.par_chunks_mut(image).zip(xs.par_chunks(image)).zip(ts.par_chunks(image));
        let sums: Vec<f64> = images
            .map(|((grad, xs), ts)| {
                (0..self.planes.classes).map(|class| self.row(class, [xs, ts], rows, grad)).sum()
            })
            .collect();
        (sums.iter().sum::<f64>() / rows, grad)
    }

    /// The loss of a class of an image; its gradient, divided by `rows`, goes to `grad`.
    fn row(&self, class: usize, [xs, ts]: [&[f32]; 2], rows: f64, grad: &mut [f32]) -> f64 {
        // `e − 1`. Of masks of 0 and 1 these are exact, which the errors would not be: pixels change places only by their logits.
        // Zero is added since −0 would come after 0.
        let error = |place: usize| xs[place] * (1.0 - 2.0 * ts[place]) + 0.0;
        // A ReLU's slope is 0 from there on, so that these need no order.
        let counts =
            |place: &usize| self.hinge != Hinge::Relu || error(*place) > -1.0 || error(*place).is_nan();
        let places: Vec<usize> = self.planes.places(class).filter(counts).collect();
        let errors: Vec<f32> = places.iter().map(|&place| error(place)).collect();
        let mut order = vec![0; errors.len()];
        sort_row(&errors, &mut order);
        let total: f64 = self.planes.places(class).map(|place| f64::from(ts[place])).sum();
        let pixels = self.planes.pixels() as f64;
        let (mut mask, mut background) = (Jaccard::of(total), Jaccard::of(pixels - total));
        let mut loss = 0.0;
        for at in order {
            let place = places[at as usize];
            let t = f64::from(ts[place]);
            let mut growth = mask.growth(t);
            if self.hinge == Hinge::Symmetric {
                growth = (growth + background.growth(1.0 - t)) / 2.0;
            }
            let [value, slope] = self.hinge(1.0 + f64::from(errors[at as usize]));
            loss += value * growth;
            grad[place] = (slope * growth * (1.0 - 2.0 * t) / rows) as f32;
        }
        loss
    }

    /// `f` of an error, and its slope.
    fn hinge(&self, error: f64) -> [f64; 2] {
        match self.hinge {
            Hinge::Relu => [error, 1.0],
            _ if error <= 0.0 => [libm::exp(error); 2],
            _ => [error + 1.0, 1.0],
        }
    }
}

impl Operation for Lovasz {
    fn name(&self) -> &'static str {
        "Lovász loss"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (loss, grad) = self.pass(inputs[0].floats()?, inputs[1].floats()?);
        let _ = self.grad.set(grad);
        Ok((CpuStorage::F32(vec![loss as f32]), ().into()))
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (xs, ts) = (Floats::of(step.inputs[0])?, Floats::of(step.inputs[1])?);
        let scale = step.ys_grad.to_scalar::<f32>()?;
        let grad = self.grad.get_or_init(|| self.pass(&xs, &ts).1);
        let grad = grad.par_iter().map(|grad| grad * scale).collect();
        Ok(vec![Some(tensor_like(grad, step.inputs[0])?), None])
    }
}
