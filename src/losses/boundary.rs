//! Cross-entropy and Dice with the borders of the masks weighing more.

use super::planes::{CHUNK, Order, Planes};
use super::terms::Terms;
use super::{Loss, bce, composed};
use crate::nn::cpu::{Floats, tensor_like};
use crate::nn::{Input, Operation, Step, apply};
use crate::{Error, Result};
use candle_core::{CpuStorage, Shape, Tensor};
use rayon::prelude::*;

/// Pixels of the square, to each side of its centre, whose average tells whether a border is near.
pub(super) const REACH: usize = 5;
/// Averages between these are of a border.
pub(super) const BORDER: [f64; 2] = [0.005, 0.995];
/// What a border weighs more.
pub(super) const EXTRA: f64 = 2.0;

/// Weighted binary cross-entropy plus weighted Dice loss of `logits` against `target` (values in `[0, 1]`), both (N, C, H, W), as in
/// published kernels of the TGS competition.
///
/// A pixel whose 11 × 11 neighbourhood in the target has an average between 0.005 and 0.995 weighs 3, any other 1, and all weights
/// are scaled so that their mean is 1; what lies outside of the image is no part of the average. With the probabilities `p`, the
/// cross-entropies `b` and all sums over the whole batch:
///
/// `Σ w·b / Σ w + 1 − (2·Σ w·p·t + 1) / (Σ w·p + Σ w·t + 1)`
///
/// ```
/// use candle_core::{Device, Tensor};
/// use tgs_salt::losses::{bce, boundary_bce_dice};
/// let logits = Tensor::new(&[[[[0.5f32, -1.0]]]], &Device::Cpu).unwrap();
/// let target = Tensor::new(&[[[[1f32, 0.0]]]], &Device::Cpu).unwrap();
/// let loss = boundary_bce_dice(&logits, &target)?.to_scalar::<f32>().unwrap();
/// // So small an image is all border: no pixel weighs more than another.
/// let (p, q) = (0.6224593, 0.2689414);
/// let dice = 1.0 - (2.0 * p + 1.0) / (p + q + 1.0 + 1.0);
/// assert!((loss - bce(&logits, &target)?.to_scalar::<f32>().unwrap() - dice).abs() < 1e-5);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when the shapes differ or have other than four axes.
pub fn boundary_bce_dice(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    Loss::BoundaryBceDice.compute(logits, target)
}

pub(super) fn boundary([logits, target]: [&Tensor; 2], order: Order) -> Result<Tensor> {
    let planes = Planes::of(logits, target, order)?;
    let run = || match logits.device().is_cpu() {
        true => apply(Boundary, &[logits, target, &weights(planes, target)?]),
        false => composed::boundary([logits, target], order),
    };
    run().map_err(Error::tensor("boundary loss"))
}

/// A weight for each value of the target.
fn weights(planes: Planes, target: &Tensor) -> candle_core::Result<Tensor> {
    let target = target.contiguous()?;
    let mut weights = vec![1.0; target.elem_count()];
    let image = planes.image().max(1);
    let ts = Floats::of(&target)?;
    weights.par_chunks_mut(image).zip(ts.par_chunks(image)).for_each(|(weights, ts)| {
        for class in 0..planes.classes {
            let values = planes.places(class).map(|place| f64::from(ts[place])).collect();
            for (place, is_border) in planes.places(class).zip(borders(values, planes)) {
                weights[place] = if is_border { 1.0 + EXTRA as f32 } else { 1.0 };
            }
        }
    });
    let mean = weights.iter().map(|&w| f64::from(w)).sum::<f64>() / weights.len().max(1) as f64;
    weights.par_iter_mut().for_each(|weight| *weight = (f64::from(*weight) / mean) as f32);
    tensor_like(weights, &target)
}

/// Whether the average around each pixel of an image is that of a border: sums along the rows, then along the columns.
fn borders(values: Vec<f64>, Planes { height, width, .. }: Planes) -> Vec<bool> {
    let near = |at: usize, len: usize| at.saturating_sub(REACH)..(at + REACH + 1).min(len);
    let mut rows = vec![0.0; values.len()];
    for (sums, row) in rows.chunks_exact_mut(width).zip(values.chunks_exact(width)) {
        for (x, sum) in sums.iter_mut().enumerate() {
            *sum = row[near(x, width)].iter().sum();
        }
    }
    let mut borders = Vec::with_capacity(values.len());
    for y in 0..height {
        let mut sums = vec![0.0; width];
        for row in near(y, height) {
            for (sum, value) in sums.iter_mut().zip(&rows[row * width..(row + 1) * width]) {
                *sum += value;
            }
        }
        let average = |x: usize| sums[x] / (near(x, width).len() * near(y, height).len()) as f64;
        borders.extend((0..width).map(|x| BORDER[0] < average(x) && average(x) < BORDER[1]));
    }
    borders
}

/// Of logits, target and weights whose mean is 1.
struct Boundary;

/// Weighted sums.
#[derive(Clone, Copy, Default)]
struct Sums {
    cross_entropy: f64,
    /// Of `p + t − 2·p·t`, the numerator of the Dice loss.
    apart: f64,
    /// Of `p + t`, the denominator less 1.
    all: f64,
}

fn sums(xs: &[f32], ts: &[f32], weights: &[f32]) -> Sums {
    let chunks = xs.par_chunks(CHUNK).zip(ts.par_chunks(CHUNK)).zip(weights.par_chunks(CHUNK));
    let partial: Vec<Sums> = chunks.map(|((xs, ts), weights)| chunk_sums(xs, ts, weights)).collect();
    partial.into_iter().fold(Sums::default(), |a, b| Sums {
        cross_entropy: a.cross_entropy + b.cross_entropy,
        apart: a.apart + b.apart,
        all: a.all + b.all,
    })
}

fn chunk_sums(xs: &[f32], ts: &[f32], weights: &[f32]) -> Sums {
    let (terms, mut cross_entropies) = (Terms::of(xs, ts), vec![0.0; xs.len()]);
    bce::write_terms(xs, ts, &mut cross_entropies);
    let mut sums = Sums::default();
    for (i, (&w, &t)) in weights.iter().zip(ts).enumerate() {
        let [w, t, b] = [w, t, cross_entropies[i]].map(f64::from);
        let [p, difference] = [terms.probabilities[i], terms.differences[i]].map(f64::from);
        sums.cross_entropy += w * b;
        // p + t − 2pt without losing the digits of a p near 1.
        sums.apart += w * (2.0 * t * (1.0 - t) - difference * (1.0 - 2.0 * t));
        sums.all += w * (p + t);
    }
    sums
}

impl Operation for Boundary {
    fn name(&self) -> &'static str {
        "boundary loss"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (xs, ts, weights) = (inputs[0].floats()?, inputs[1].floats()?, inputs[2].floats()?);
        let sums = sums(xs, ts, weights);
        let loss = sums.cross_entropy / xs.len().max(1) as f64 + sums.apart / (sums.all + 1.0);
        Ok((CpuStorage::F32(vec![loss as f32]), ().into()))
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let [xs, ts, weights] = [0, 1, 2].map(|i| Floats::of(step.inputs[i]));
        let (xs, ts, weights) = (xs?, ts?, weights?);
        let scale = f64::from(step.ys_grad.to_scalar::<f32>()?);
        let Sums { apart, all, .. } = sums(&xs, &ts, &weights);
        // The slope of apart / (all + 1) by p, whose own slopes are 1 − 2t and 1.
        let [by_apart, by_all] = [1.0 / (all + 1.0), -apart / ((all + 1.0) * (all + 1.0))];
        let share = 1.0 / xs.len().max(1) as f64;
        let mut grad = vec![0.0; xs.len()];
        let inputs = xs.par_chunks(CHUNK).zip(ts.par_chunks(CHUNK)).zip(weights.par_chunks(CHUNK));
        grad.par_chunks_mut(CHUNK).zip(inputs).for_each(|(grad, ((xs, ts), weights))| {
            let terms = Terms::of(xs, ts);
            for (i, grad) in grad.iter_mut().enumerate() {
                let [t, w] = [ts[i], weights[i]].map(f64::from);
                let [difference, slope] = [terms.differences[i], terms.slopes[i]].map(f64::from);
                let dice = by_apart * (1.0 - 2.0 * t) + by_all;
                *grad = (scale * w * (dice * slope - share * difference)) as f32;
            }
        });
        Ok(vec![Some(tensor_like(grad, step.inputs[0])?), None, None])
    }
}
