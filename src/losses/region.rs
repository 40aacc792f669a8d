//! The operation behind the losses of the overlap: see [`overlap`](super::overlap) for the formulas.
//!
//! `TP`, `FP` and `FN` of a class are summed each by itself: their differences would lose the digits of a loss that is nearly 0.

use super::overlap::{Curve, EPS};
use super::planes::{CHUNK, Planes};
use super::terms::Terms;
use crate::nn::cpu::{Floats, tensor_like};
use crate::nn::{Input, Operation, Step};
use candle_core::{CpuStorage, Shape, Tensor};
use rayon::prelude::*;
use std::sync::OnceLock;

pub(super) struct Region {
    planes: Planes,
    alpha: f64,
    curve: Curve,
    /// Kept for the backward pass.
    sums: OnceLock<Vec<Sums>>,
}

/// Of a class.
#[derive(Clone, Copy, Default)]
struct Sums {
    target: f64,
    /// `TP`.
    both: f64,
    /// `FP`.
    surplus: f64,
    /// `FN`.
    missing: f64,
}

/// One minus the score, and its slopes.
struct Miss {
    miss: f64,
    score: f64,
    by_surplus: f64,
    by_missing: f64,
}

impl Region {
    pub(super) fn new(planes: Planes, alpha: f64, curve: Curve) -> Region {
        Region { planes, alpha, curve, sums: OnceLock::new() }
    }

    fn sums(&self, xs: &[f32], ts: &[f32]) -> &[Sums] {
        self.sums.get_or_init(|| {
            let chunks = xs.par_chunks(CHUNK).zip(ts.par_chunks(CHUNK)).enumerate();
            let partial: Vec<Vec<Sums>> =
                chunks.map(|(chunk, (xs, ts))| chunk_sums(self.planes, chunk * CHUNK, xs, ts)).collect();
            let mut sums = vec![Sums::default(); self.planes.classes];
            for partial in partial {
                for (sum, partial) in sums.iter_mut().zip(partial) {
                    sum.target += partial.target;
                    sum.both += partial.both;
                    sum.surplus += partial.surplus;
                    sum.missing += partial.missing;
                }
            }
            sums
        })
    }

    fn miss(&self, sums: &Sums) -> Miss {
        let wrong = (1.0 - self.alpha) * sums.surplus + self.alpha * sums.missing;
        let all = sums.both + wrong;
        if all < EPS {
            let score = sums.both / EPS;
            return Miss { miss: 1.0 - score, score, by_surplus: 0.0, by_missing: 1.0 / EPS };
        }
        Miss {
            miss: wrong / all,
            score: sums.both / all,
            by_surplus: (1.0 - self.alpha) * sums.both / (all * all),
            // What is missing is also not in the overlap.
            by_missing: (self.alpha * sums.both + wrong) / (all * all),
        }
    }

    /// The loss of a class, and its slope by one minus the score.
    fn class_loss(&self, sums: &Sums) -> (f64, f64) {
        let Miss { miss, score, .. } = self.miss(sums);
        match self.curve {
            // Not simply 0: what is no number has to show.
            _ if sums.target <= 0.0 => (0.0 * miss, 0.0),
            Curve::Power(_) => (miss, 1.0),
            Curve::Log if score < EPS => (-libm::log(EPS), 0.0),
            Curve::Log if score < 0.5 => (-libm::log(score), 1.0 / score),
            Curve::Log => (-libm::log1p(-miss), 1.0 / score),
        }
    }

    /// The mean over the classes.
    fn mean(&self, sums: &[Sums]) -> f64 {
        sums.iter().map(|sums| self.class_loss(sums).0).sum::<f64>() / sums.len().max(1) as f64
    }

    fn loss(&self, sums: &[Sums]) -> f64 {
        match self.curve {
            Curve::Power(gamma) if gamma != 1.0 => libm::pow(self.mean(sums), gamma),
            _ => self.mean(sums),
        }
    }

    /// The slopes of the loss by `FP` and by `FN` of each class, times `grad`.
    fn slopes(&self, sums: &[Sums], grad: f64) -> Vec<[f32; 2]> {
        let mean = self.mean(sums);
        let outer = match self.curve {
            Curve::Power(gamma) if gamma != 1.0 && mean == 0.0 => 0.0,
            Curve::Power(gamma) if gamma != 1.0 => gamma * libm::pow(mean, gamma - 1.0),
            _ => 1.0,
        };
        let scale = grad * outer / sums.len().max(1) as f64;
        let slopes = |sums: &Sums| {
            let (Miss { by_surplus, by_missing, .. }, (_, inner)) = (self.miss(sums), self.class_loss(sums));
            [by_surplus, by_missing].map(|by| (scale * inner * by) as f32)
        };
        sums.iter().map(slopes).collect()
    }
}

fn chunk_sums(planes: Planes, start: usize, xs: &[f32], ts: &[f32]) -> Vec<Sums> {
    let mut sums = vec![Sums::default(); planes.classes];
    let Terms { probabilities, differences, .. } = Terms::of(xs, ts);
    for (class, range) in planes.runs(start, xs.len()) {
        // A copy that stays in registers.
        let mut sum = sums[class];
        for ((&t, &p), &d) in
            ts[range.clone()].iter().zip(&probabilities[range.clone()]).zip(&differences[range])
        {
            let (missing, surplus) = if d < 0.0 { (0.0, -d) } else { (d, 0.0) };
            sum.target += f64::from(t);
            sum.both += f64::from(if d < 0.0 { t } else { p });
            sum.surplus += f64::from(surplus);
            sum.missing += f64::from(missing);
        }
        sums[class] = sum;
    }
    sums
}

impl Operation for Region {
    fn name(&self) -> &'static str {
        "loss of the overlap"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        let loss = self.loss(self.sums(inputs[0].floats()?, inputs[1].floats()?));
        Ok((CpuStorage::F32(vec![loss as f32]), ().into()))
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (xs, ts) = (Floats::of(step.inputs[0])?, Floats::of(step.inputs[1])?);
        let slopes = self.slopes(self.sums(&xs, &ts), f64::from(step.ys_grad.to_scalar::<f32>()?));
        let mut grad = vec![0.0; xs.len()];
        let chunks =
            grad.par_chunks_mut(CHUNK).zip(xs.par_chunks(CHUNK)).zip(ts.par_chunks(CHUNK)).enumerate();
        chunks.for_each(|(chunk, ((grad, xs), ts))| {
            let terms = Terms::of(xs, ts);
            for (class, range) in self.planes.runs(chunk * CHUNK, xs.len()) {
                let [by_surplus, by_missing] = slopes[class];
                // Where p is t the slope is the mean of both sides, as PyTorch has it.
                let middle = (by_surplus - by_missing) / 2.0;
                for i in range {
                    let d = terms.differences[i];
                    let slope = if d < 0.0 {
                        by_surplus
                    } else if d > 0.0 {
                        -by_missing
                    } else {
                        middle
                    };
                    grad[i] = slope * terms.slopes[i];
                }
            }
        });
        Ok(vec![Some(tensor_like(grad, step.inputs[0])?), None])
    }
}
