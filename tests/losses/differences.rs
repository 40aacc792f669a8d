//! The losses as plain loops in double precision, and their gradients as finite differences of these loops.

use crate::gradients::{check, doubles, random};
use candle_core::{Tensor, Var};
use tgs_salt::losses::Loss;

const SHAPE: [usize; 4] = [2, 2, 9, 13];
const PIXELS: usize = 9 * 13;
const IMAGE: usize = 2 * PIXELS;

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn cross_entropy(x: f64, t: f64) -> f64 {
    x.max(0.0) - x * t + (-x.abs()).exp().ln_1p()
}

fn mean(xs: impl Iterator<Item = f64>) -> f64 {
    let xs: Vec<f64> = xs.collect();
    xs.iter().sum::<f64>() / xs.len() as f64
}

/// `TP / (TP + (1 − alpha) FP + alpha FN)` of each class.
fn scores(xs: &[f64], ts: &[f64], alpha: f64) -> Vec<f64> {
    let score = |class: usize| {
        let (mut both, mut surplus, mut missing) = (0.0, 0.0, 0.0);
        for i in (0..xs.len()).filter(|i| i / PIXELS % 2 == class) {
            let p = sigmoid(xs[i]);
            both += p.min(ts[i]);
            surplus += (p - ts[i]).max(0.0);
            missing += (ts[i] - p).max(0.0);
        }
        both / (both + (1.0 - alpha) * surplus + alpha * missing)
    };
    (0..2).map(score).collect()
}

fn boundary(xs: &[f64], ts: &[f64]) -> f64 {
    let near = |a: usize, b: usize| a.abs_diff(b) <= 5;
    let weight = |i: usize| {
        let (plane, y, x) = (i / PIXELS * PIXELS, i % PIXELS / 13, i % 13);
        let around = (0..PIXELS).filter(|at| near(at / 13, y) && near(at % 13, x));
        let average = mean(around.map(|at| ts[plane + at]));
        if 0.005 < average && average < 0.995 { 3.0 } else { 1.0 }
    };
    let weights: Vec<f64> = (0..xs.len()).map(weight).collect();
    let share = mean(weights.iter().copied());
    let sum = |f: &dyn Fn(usize) -> f64| (0..xs.len()).map(|i| weights[i] / share * f(i)).sum::<f64>();
    let bce = sum(&|i| cross_entropy(xs[i], ts[i])) / sum(&|_| 1.0);
    let both = sum(&|i| sigmoid(xs[i]) * ts[i]);
    bce + 1.0 - (2.0 * both + 1.0) / (sum(&|i| sigmoid(xs[i])) + sum(&|i| ts[i]) + 1.0)
}

/// Of each class of each image, with `f` of the errors.
fn lovasz(xs: &[f64], ts: &[f64], f: fn(f64) -> f64) -> f64 {
    let row = |(xs, ts): (&[f64], &[f64])| {
        let mut pixels: Vec<(f64, f64)> =
            xs.iter().zip(ts).map(|(x, t)| (1.0 - x * (2.0 * t - 1.0), *t)).collect();
        pixels.sort_by(|a, b| b.0.total_cmp(&a.0));
        let total: f64 = ts.iter().sum();
        let jaccard = |wrong: usize| {
            let seen: f64 = pixels[..wrong].iter().map(|pixel| pixel.1).sum();
            if wrong == 0 { 0.0 } else { 1.0 - (total - seen) / (total + wrong as f64 - seen) }
        };
        (0..pixels.len()).map(|k| f(pixels[k].0) * (jaccard(k + 1) - jaccard(k))).sum()
    };
    mean(xs.chunks(PIXELS).zip(ts.chunks(PIXELS)).map(row))
}

fn elu_1(error: f64) -> f64 {
    if error > 0.0 { error + 1.0 } else { error.exp() }
}

fn reference(loss: &Loss, xs: &[f64], ts: &[f64]) -> f64 {
    let pairs = || xs.iter().zip(ts).map(|(x, t)| (*x, *t));
    let misses = |alpha| mean(scores(xs, ts, alpha).into_iter().map(|score| 1.0 - score));
    match loss {
        Loss::Bce => mean(pairs().map(|(x, t)| cross_entropy(x, t))),
        Loss::Dice => misses(0.5),
        Loss::BceDice => reference(&Loss::Bce, xs, ts) + misses(0.5),
        Loss::LogDice => mean(scores(xs, ts, 0.5).into_iter().map(|score| -score.ln())),
        Loss::BoundaryBceDice => boundary(xs, ts),
        Loss::Focal { gamma } => mean(pairs().map(|(x, t)| {
            let loss = cross_entropy(x, t);
            (1.0 - (-loss).exp()).powf(*gamma) * loss
        })),
        Loss::Tversky { alpha } => misses(*alpha),
        Loss::FocalTversky { alpha, gamma } => misses(*alpha).powf(*gamma),
        Loss::Lovasz => lovasz(xs, ts, |error| error.max(0.0)),
        Loss::LovaszElu => lovasz(xs, ts, elu_1),
        Loss::LovaszSymmetric => {
            let negative: Vec<f64> = xs.iter().map(|x| -x).collect();
            let background: Vec<f64> = ts.iter().map(|t| 1.0 - t).collect();
            (lovasz(xs, ts, elu_1) + lovasz(&negative, &background, elu_1)) / 2.0
        }
        Loss::Sum(losses) => losses.iter().map(|(weight, loss)| weight * reference(loss, xs, ts)).sum(),
        other => panic!("no loop for {other}"),
    }
}

/// Every kind.
pub fn each() -> Vec<Loss> {
    let plain = [
        Loss::Bce,
        Loss::Dice,
        Loss::BceDice,
        Loss::LogDice,
        Loss::BoundaryBceDice,
        Loss::Focal { gamma: 2.0 },
        Loss::Tversky { alpha: 0.7 },
        Loss::FocalTversky { alpha: 0.7, gamma: 0.75 },
        Loss::Lovasz,
        Loss::LovaszElu,
        Loss::LovaszSymmetric,
    ];
    let sum = Loss::sum([(0.7, Loss::Lovasz), (0.15, Loss::Bce), (0.15, Loss::Dice)]);
    plain.into_iter().chain([sum]).collect()
}

/// Logits in -3..3 and masks with a blob in a corner of each image.
pub fn example() -> (Var, Tensor) {
    let xs = (random(&SHAPE, 5) * 3.0).unwrap();
    let inside = |i: usize| i % PIXELS / 13 < 2 + i / IMAGE && i % 13 < 3;
    let ts: Vec<f32> = (0..xs.elem_count()).map(|i| f32::from(u8::from(inside(i)))).collect();
    (Var::from_tensor(&xs).unwrap(), Tensor::from_vec(ts, &SHAPE, xs.device()).unwrap())
}

#[test]
fn losses_equal_loops_and_gradients_finite_differences() {
    let (xs, ts) = example();
    for loss in each() {
        let ours = || loss.compute(&xs, &ts).unwrap();
        let loops = |values: &[Vec<f64>]| vec![reference(&loss, &values[0], &doubles(&ts))];
        check(&loss.to_string(), std::slice::from_ref(&xs), ours, loops);
    }
}
