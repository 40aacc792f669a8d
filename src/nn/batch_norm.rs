//! Batch normalization with an optional ReLU, as one operation.
//!
//! `ys = relu((xs - mean) / sqrt(variance + eps) * weight + bias)` per channel (Ioffe and Szegedy 2015, arXiv:1502.03167).
//! In training, mean and variance are those of the batch, and the running ones move towards them; for prediction they are
//! the running ones. Fused, the ReLU costs no pass over memory and keeps no tensor of its own.

use super::cpu::{floats, floats_mut, tensor_like, with_floats};
use super::init;
use super::mode::{Mode, apply3};
use super::normalize::{
    Affine, Correction, Statistics, batch_statistics, gradient_sums, input_gradient, normalize,
};
use crate::{Error, Result};
use candle_core::{CpuStorage, CustomOp3, InplaceOp1, Layout, Shape, Tensor};
use candle_nn::VarBuilder;

/// What follows the normalization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// `max(0, x)`, whose slope at 0 is 0.
    Relu,
}

/// The settings of a [`BatchNorm`].
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `eps` | 1e-5 | added to the variance | above 0 |
/// | `momentum` | 0.1 | share of the new batch in the running statistics (PyTorch's meaning) | 0..=1 |
/// | `activation` | `Relu` | what follows the normalization | |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNormConfig {
    /// Added to the variance.
    pub eps: f64,
    /// Share of the new batch in the running statistics, as in PyTorch; Keras' momentum is one minus this.
    pub momentum: f64,
    /// What follows the normalization.
    pub activation: Activation,
}

impl Default for BatchNormConfig {
    fn default() -> BatchNormConfig {
        BatchNormConfig { eps: 1e-5, momentum: 0.1, activation: Activation::Relu }
    }
}

/// A batch normalization layer: `weight`, `bias`, `running_mean` and `running_var`, each (channels).
///
/// ```
/// use candle_core::{Device, Tensor};
/// use tgs_salt::nn::{BatchNorm, BatchNormConfig, Mode, Weights};
///
/// let weights = Weights::new(42, &Device::Cpu);
/// let norm = BatchNorm::new(1, BatchNormConfig::default(), weights.builder())?;
/// let xs = Tensor::new(&[[[[1f32], [3.0]]]], &Device::Cpu).unwrap();
/// let ys = norm.forward(&xs, Mode::Train)?.flatten_all().unwrap().to_vec1::<f32>().unwrap();
/// assert_eq!(ys[0], 0.0); // the lower one is -1 before the ReLU
/// assert!((ys[1] - 1.0).abs() < 1e-5);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BatchNorm {
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    config: BatchNormConfig,
}

impl BatchNorm {
    /// A layer for `channels` channels whose weights come from `vb`.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting out of range; [`Error::Tensor`] when `vb` holds a name with another shape.
    pub fn new(channels: usize, config: BatchNormConfig, vb: VarBuilder) -> Result<BatchNorm> {
        check(channels, &config)?;
        let get =
            |name, init| vb.get_with_hints(channels, name, init).map_err(Error::tensor("batch_norm weight"));
        Ok(BatchNorm {
            weight: get("weight", init::ONES)?,
            bias: get("bias", init::ZEROS)?,
            running_mean: get("running_mean", init::ZEROS)?,
            running_var: get("running_var", init::ONES)?,
            config,
        })
    }

    /// Normalizes `xs` (N, H, W, channels). In [`Mode::Train`] the running statistics are updated before this returns.
    ///
    /// # Errors
    /// [`Error::Shape`] when `xs` has other channels, or in training fewer than two values per channel.
    pub fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        self.check_input(xs, mode)?;
        self.normalize(xs, mode).map_err(Error::tensor("batch_norm"))
    }

    fn check_input(&self, xs: &Tensor, mode: Mode) -> Result<()> {
        let channels = self.weight.elem_count();
        match *xs.dims() {
            [.., last] if last == channels && (mode == Mode::Eval || xs.elem_count() > channels) => Ok(()),
            ref dims => Err(Error::Shape {
                what: "input of batch_norm".into(),
                expected: format!("(N, H, W, {channels}), in training with two values or more per channel"),
                got: format!("{dims:?}"),
                hint: "layers take channels last: see nn::to_channels_last".into(),
            }),
        }
    }

    fn normalize(&self, xs: &Tensor, mode: Mode) -> candle_core::Result<Tensor> {
        let xs = xs.contiguous()?;
        let statistics = match mode {
            Mode::Train => {
                let statistics = with_floats(&xs, |xs| batch_statistics(xs, self.weight.elem_count()))?;
                self.update_running(&statistics, xs.elem_count())?;
                statistics
            }
            Mode::Eval => self.running_statistics()?,
        };
        let inverse =
            statistics.variance.iter().map(|v| (1.0 / (v + self.config.eps).sqrt()) as f32).collect();
        let mean = statistics.mean.iter().map(|&mean| mean as f32).collect();
        let relu = self.config.activation == Activation::Relu;
        apply3(&xs, &self.weight, &self.bias, Normalization { mean, inverse, relu, mode })
    }

    fn running_statistics(&self) -> candle_core::Result<Statistics> {
        let widen = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect();
        Ok(Statistics {
            mean: with_floats(&self.running_mean, widen)?,
            variance: with_floats(&self.running_var, widen)?,
        })
    }

    fn update_running(&self, batch: &Statistics, count: usize) -> candle_core::Result<()> {
        let pixels = (count / self.weight.elem_count()) as f64;
        let running = self.running_statistics()?;
        let unbiased: Vec<f64> = batch.variance.iter().map(|v| v * pixels / (pixels - 1.0)).collect();
        let momentum = self.config.momentum;
        // In place, so that a detached layer over the same memory sees it.
        let step = |running: &Tensor, old: &[f64], new: &[f64]| {
            let moved = old.iter().zip(new).map(|(old, new)| (old + momentum * (new - old)) as f32);
            running.inplace_op1(&Overwrite(moved.collect()))
        };
        step(&self.running_mean, &running.mean, &batch.mean)?;
        step(&self.running_var, &running.variance, &unbiased)
    }
}

/// Sets the values of a tensor in place.
struct Overwrite(Vec<f32>);

impl InplaceOp1 for Overwrite {
    fn name(&self) -> &'static str {
        "overwrite"
    }

    fn cpu_fwd(&self, values: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        floats_mut(values, layout)?.copy_from_slice(&self.0);
        Ok(())
    }
}

fn check(channels: usize, config: &BatchNormConfig) -> Result<()> {
    super::conv::check_sizes(&[("channels", channels)])?;
    if !(config.eps > 0.0 && config.eps.is_finite()) {
        return Err(Error::Config { field: "eps", got: config.eps.to_string(), expected: "above 0".into() });
    }
    if !(0.0..=1.0).contains(&config.momentum) {
        let (got, expected) = (config.momentum.to_string(), "0 to 1".into());
        return Err(Error::Config { field: "momentum", got, expected });
    }
    Ok(())
}

/// The differentiable operation. In [`Mode::Eval`] mean and deviation are constants.
struct Normalization {
    mean: Vec<f32>,
    inverse: Vec<f32>,
    relu: bool,
    mode: Mode,
}

impl Normalization {
    fn affine<'a>(&'a self, weight: &[f32], bias: &'a [f32]) -> Affine<'a> {
        let scale = weight.iter().zip(&self.inverse).map(|(weight, inverse)| weight * inverse).collect();
        Affine { mean: &self.mean, scale, bias, relu: self.relu }
    }

    /// Gradients of `xs`, weight and bias.
    fn backward(&self, xs: &[f32], weight: &[f32], bias: &[f32], ys_grad: &[f32]) -> [Vec<f32>; 3] {
        let affine = self.affine(weight, bias);
        let (sums, products) = gradient_sums(&affine, xs, ys_grad);
        let pixels = (xs.len() / self.mean.len()) as f64;
        let constant = self.mode == Mode::Eval;
        let factors = affine.scale.iter().zip(&self.inverse).zip(sums.iter().zip(&products));
        let (slope, offset) = factors
            .map(|((scale, inverse), (sum, product))| {
                let (scale, inverse) = (f64::from(*scale), f64::from(*inverse));
                let per_pixel = if constant { 0.0 } else { -scale / pixels };
                ((per_pixel * inverse * inverse * product) as f32, (per_pixel * sum) as f32)
            })
            .unzip();
        let xs_grad = input_gradient(&affine, &Correction { slope, offset }, xs, ys_grad);
        let products = products.iter().zip(&self.inverse);
        let weight_grad = products.map(|(product, inverse)| (product * f64::from(*inverse)) as f32).collect();
        [xs_grad, weight_grad, sums.iter().map(|&sum| sum as f32).collect()]
    }
}

impl CustomOp3 for Normalization {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn cpu_fwd(
        &self,
        xs: &CpuStorage,
        xs_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (weight, bias) = (floats(weight, weight_layout)?, floats(bias, bias_layout)?);
        let ys = normalize(&self.affine(weight, bias), floats(xs, xs_layout)?);
        Ok((CpuStorage::F32(ys), xs_layout.shape().clone()))
    }

    fn bwd(
        &self,
        xs: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        ys_grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [xs_grad, weight_grad, bias_grad] = with_floats(&ys_grad.contiguous()?, |ys_grad| {
            with_floats(xs, |xs| {
                with_floats(weight, |weight| {
                    with_floats(bias, |bias| self.backward(xs, weight, bias, ys_grad))
                })
            })
        })????;
        let xs_grad = tensor_like(xs_grad, xs)?;
        Ok((Some(xs_grad), Some(tensor_like(weight_grad, weight)?), Some(tensor_like(bias_grad, bias)?)))
    }
}
