//! Losses of the overlap of prediction and target: Dice, Tversky and what is made of them.
//!
//! With probabilities `p = sigmoid(x)` and targets `t`, a class has, over all images and pixels, the overlap `TP = Σ min(p, t)`, too
//! much `FP = Σ max(p − t, 0)` and too little `FN = Σ max(t − p, 0)`. Its score is `TP / max(TP + (1 − α)·FP + α·FN, 1e-7)`; with
//! `α = 0.5` this is Dice. For masks of 0 and 1 `TP` is the sum of `p·t`.

use super::planes::{Order, Planes};
use super::region::Region;
use super::{Loss, composed};
use crate::nn::apply;
use crate::{Error, Result};
use candle_core::Tensor;

/// What a score is divided by, at least, and the least score that a logarithm is taken of.
pub(super) const EPS: f64 = 1e-7;

/// Dice loss (Milletari et al. 2016) of `logits` against `target` (values in `[0, 1]`), both (N, C, H, W): `1 − 2·TP / (Σp + Σt)` of each
/// class over the whole batch, averaged over the classes. A class without any target counts 0.
///
/// Equal to segmentation_models.pytorch's `DiceLoss("multilabel")`, and to `"binary"` for one class. Between 0 and 1.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let logits = Tensor::new(&[[[[0f32, 0.0, -100.0, 100.0]]]], &Device::Cpu).unwrap();
/// let target = Tensor::new(&[[[[1f32, 0.0, 0.0, 1.0]]]], &Device::Cpu).unwrap();
/// let loss = tgs_salt::losses::dice(&logits, &target)?.to_scalar::<f32>().unwrap();
/// assert!((loss - 0.25).abs() < 1e-6); // 1 − 2·1.5 / (2 + 2)
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when the shapes differ or have other than four axes.
pub fn dice(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    Loss::Dice.compute(logits, target)
}

/// [`bce`](crate::losses::bce) plus [`dice`] of `logits` and `target` (N, C, H, W): what many kernels for masks train on.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use tgs_salt::losses::{bce, bce_dice, dice};
/// let logits = Tensor::new(&[[[[0.5f32, -1.0]]]], &Device::Cpu).unwrap();
/// let target = Tensor::new(&[[[[1f32, 0.0]]]], &Device::Cpu).unwrap();
/// let value = |loss: tgs_salt::Result<Tensor>| loss.unwrap().to_scalar::<f32>().unwrap();
/// let sum = value(bce(&logits, &target)) + value(dice(&logits, &target));
/// assert!((value(bce_dice(&logits, &target)) - sum).abs() < 1e-6);
/// ```
///
/// # Errors
/// [`Error::Shape`] when the shapes differ or have other than four axes.
pub fn bce_dice(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    Loss::BceDice.compute(logits, target)
}

/// `−ln max(2·TP / (Σp + Σt), 1e-7)` of each class over the whole batch, averaged over the classes: steeper than [`dice`] where there
/// is hardly any overlap. `logits` and `target` are (N, C, H, W); a class without any target counts 0.
///
/// Equal to segmentation_models.pytorch's `DiceLoss(…, log_loss=True)`. At least 0, at most 16.2.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let logits = Tensor::new(&[[[[0f32, 0.0, -100.0, 100.0]]]], &Device::Cpu).unwrap();
/// let target = Tensor::new(&[[[[1f32, 0.0, 0.0, 1.0]]]], &Device::Cpu).unwrap();
/// let loss = tgs_salt::losses::log_dice(&logits, &target)?.to_scalar::<f32>().unwrap();
/// assert!((loss + 0.75f32.ln()).abs() < 1e-6);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when the shapes differ or have other than four axes.
pub fn log_dice(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    Loss::LogDice.compute(logits, target)
}

/// Tversky loss (Salehi et al. 2017) of `logits` against `target`, both (N, C, H, W): `1 − TP / (TP + (1 − alpha)·FP + alpha·FN)` of each
/// class over the whole batch, averaged over the classes, with alpha 0.7: what was missed weighs more. For another alpha see
/// [`Loss::Tversky`]. A class without any target counts 0.
///
/// Equal to segmentation_models.pytorch's `TverskyLoss(…, alpha=0.3, beta=0.7)`. Between 0 and 1.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let logits = Tensor::new(&[[[[0f32, 0.0, -100.0, 100.0]]]], &Device::Cpu).unwrap();
/// let target = Tensor::new(&[[[[1f32, 0.0, 1.0, 1.0]]]], &Device::Cpu).unwrap();
/// let loss = tgs_salt::losses::tversky(&logits, &target)?.to_scalar::<f32>().unwrap();
/// assert!((loss - (1.0 - 1.5 / (1.5 + 0.3 * 0.5 + 0.7 * 1.5))).abs() < 1e-6);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when the shapes differ or have other than four axes.
pub fn tversky(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    Loss::Tversky { alpha: 0.7 }.compute(logits, target)
}

/// Focal Tversky loss (Abraham and Khan 2019): [`tversky`] to the power of 0.75. For other numbers see
/// [`Loss::FocalTversky`].
///
/// Equal to segmentation_models.pytorch's `TverskyLoss(…, alpha=0.3, beta=0.7, gamma=0.75)`. Where the loss is 0, its gradient is 0.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use tgs_salt::losses::{focal_tversky, tversky};
/// let logits = Tensor::new(&[[[[0.5f32, -1.0]]]], &Device::Cpu).unwrap();
/// let target = Tensor::new(&[[[[1f32, 0.0]]]], &Device::Cpu).unwrap();
/// let plain = tversky(&logits, &target)?.to_scalar::<f32>().unwrap();
/// let focal = focal_tversky(&logits, &target)?.to_scalar::<f32>().unwrap();
/// assert!((focal - plain.powf(0.75)).abs() < 1e-6);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// As of [`tversky`].
pub fn focal_tversky(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    Loss::FocalTversky { alpha: 0.7, gamma: 0.75 }.compute(logits, target)
}

/// What is made of the classes' scores.
#[derive(Clone, Copy)]
pub(super) enum Curve {
    /// The mean of one minus each, to this power.
    Power(f64),
    /// The mean of minus the logarithm of each.
    Log,
}

/// The loss of the scores with this weight of `FN`.
pub(super) fn overlap(
    [logits, target]: [&Tensor; 2],
    order: Order,
    alpha: f64,
    curve: Curve,
) -> Result<Tensor> {
    let planes = Planes::of(logits, target, order)?;
    let run = || match logits.device().is_cpu() {
        true => apply(Region::new(planes, alpha, curve), &[logits, target]),
        false => composed::overlap([logits, target], order, alpha, curve),
    };
    run().map_err(Error::tensor("loss of the overlap"))
}
