//! The losses of candle's operations, for devices that have no kernels of them. Compared with the kernels on the CPU; not yet run on
//! a GPU.

use super::boundary::{BORDER, EXTRA, REACH};
use super::lovasz::Hinge;
use super::overlap::{Curve, EPS};
use super::planes::Order;
use crate::nn::{Activation, argsort_descending, avg_pool2d, cumsum, sigmoid};
use candle_core::{D, DType, Error, Result, Tensor};

/// Where a power is taken, so that its slope stays finite.
const TINY: f64 = 1e-12;

/// Both in f32 and (N, C, H, W).
fn channels_first(tensors: [&Tensor; 2], order: Order) -> Result<[Tensor; 2]> {
    let first = |xs: &Tensor| match order {
        Order::ChannelsFirst => xs.to_dtype(DType::F32),
        Order::ChannelsLast => xs.to_dtype(DType::F32)?.permute((0, 3, 1, 2))?.contiguous(),
    };
    Ok([first(tensors[0])?, first(tensors[1])?])
}

/// `max(x, least)`, with a slope of 0 where that is `least`.
fn at_least(xs: &Tensor, least: f64) -> Result<Tensor> {
    relu(&xs.affine(1.0, -least)?)?.affine(1.0, least)
}

// Not candle's, whose slope at 0 is 1.
fn relu(xs: &Tensor) -> Result<Tensor> {
    Activation::Relu.forward(xs).map_err(Error::wrap)
}

fn probabilities(logits: &Tensor) -> Result<Tensor> {
    sigmoid(logits).map_err(Error::wrap)
}

pub(super) fn overlap(tensors: [&Tensor; 2], order: Order, alpha: f64, curve: Curve) -> Result<Tensor> {
    let [logits, target] = channels_first(tensors, order)?;
    let per_class = |xs: &Tensor| xs.sum((0, 2, 3));
    let difference = (&target - probabilities(&logits)?)?;
    let (missing, surplus) = (per_class(&relu(&difference)?)?, per_class(&relu(&difference.neg()?)?)?);
    let total = per_class(&target)?;
    let both = (&total - &missing)?;
    let wrong = ((surplus * (1.0 - alpha))? + (missing * alpha)?)?;
    let score = (&both / at_least(&(&both + wrong)?, EPS)?)?;
    let losses = match curve {
        Curve::Power(_) => score.affine(-1.0, 1.0)?,
        Curve::Log => at_least(&score, EPS)?.log()?.neg()?,
    };
    let mean = (losses * total.gt(0f32)?.to_dtype(DType::F32)?)?.mean_all()?;
    match curve {
        Curve::Power(gamma) if gamma != 1.0 => at_least(&mean, TINY)?.powf(gamma),
        _ => Ok(mean),
    }
}

/// The binary cross-entropy of each value.
fn cross_entropies(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    let positive = relu(logits)?;
    // −|x| by way of the same ReLU, so that the slopes fit each other at 0.
    let small = (logits - (&positive * 2.0)?)?.exp()?;
    (positive - (logits * target)?)? + small.affine(1.0, 1.0)?.log()?
}

pub(super) fn focal([logits, target]: [&Tensor; 2], gamma: f64) -> Result<Tensor> {
    let (logits, target) = (logits.to_dtype(DType::F32)?, target.to_dtype(DType::F32)?);
    let losses = cross_entropies(&logits, &target)?;
    let wrong = losses.neg()?.exp()?.affine(-1.0, 1.0)?;
    (at_least(&wrong, TINY)?.powf(gamma)? * losses)?.mean_all()
}

/// A weight for each value of the target (N, C, H, W), with a mean of 1.
fn boundary_weights(target: &Tensor) -> Result<Tensor> {
    let (images, classes, height, width) = target.dims4()?;
    let average = |xs: Tensor| avg_pool2d(&xs, 2 * REACH + 1, 1, REACH).map_err(Error::wrap);
    let planes = target.detach().reshape((images * classes, height, width, 1))?;
    // Of ones it is less than 1 at the edges, since padding counts.
    let averages = (average(planes.clone())? / average(planes.ones_like()?)?)?.reshape(target.shape())?;
    let borders = (averages.gt(BORDER[0] as f32)?.to_dtype(DType::F32)?
        * averages.lt(BORDER[1] as f32)?.to_dtype(DType::F32)?)?;
    let weights = borders.affine(EXTRA, 1.0)?;
    weights.broadcast_div(&weights.mean_all()?)
}

pub(super) fn boundary(tensors: [&Tensor; 2], order: Order) -> Result<Tensor> {
    let [logits, target] = channels_first(tensors, order)?;
    let weights = boundary_weights(&target)?;
    let p = probabilities(&logits)?;
    let weighted = |xs: &Tensor| (&weights * xs)?.sum_all();
    let apart = ((&p + &target)? - ((&p * &target)? * 2.0)?)?;
    let dice = (weighted(&apart)? / (weighted(&(&p + &target)?)? + 1.0)?)?;
    (&weights * cross_entropies(&logits, &target)?)?.mean_all()? + dice
}

pub(super) fn lovasz(tensors: [&Tensor; 2], order: Order, hinge: Hinge) -> Result<Tensor> {
    let [logits, target] = channels_first(tensors, order)?;
    let (images, classes, height, width) = logits.dims4()?;
    let (rows, pixels) = (images * classes, height * width);
    let (logits, target) = (logits.reshape((rows, pixels))?, target.detach().reshape((rows, pixels))?);
    // `e − 1`, as the kernel sorts it.
    let errors = (logits * target.affine(-2.0, 1.0)?)?.affine(1.0, 0.0)?;
    let order = argsort_descending(&errors.detach()).map_err(Error::wrap)?;
    let errors = errors.gather(&order, D::Minus1)?.affine(1.0, 1.0)?;
    let target = target.gather(&order, D::Minus1)?;
    let values = match hinge {
        Hinge::Relu => relu(&errors)?,
        _ => errors.elu(1.0)?.affine(1.0, 1.0)?,
    };
    let mut growth = growth(&target)?;
    if hinge == Hinge::Symmetric {
        growth = ((growth + self::growth(&target.affine(-1.0, 1.0)?)?)? / 2.0)?;
    }
    (values * growth)?.sum_all()? / rows.max(1) as f64
}

/// What each pixel adds to the Jaccard loss of its row, the targets of the rows in the order of their errors.
fn growth(target: &Tensor) -> Result<Tensor> {
    let (_, pixels) = target.dims2()?;
    let sums = |xs: &Tensor| cumsum(xs).map_err(Error::wrap);
    let total = target.sum_keepdim(D::Minus1)?;
    let left = sums(target)?.broadcast_sub(&total)?.neg()?;
    let union = sums(&target.affine(-1.0, 1.0)?)?.broadcast_add(&total)?;
    let losses = (left / union)?.affine(-1.0, 1.0)?;
    let before = losses.narrow(D::Minus1, 0, pixels.saturating_sub(1))?.pad_with_zeros(D::Minus1, 1, 0)?;
    losses - before
}
