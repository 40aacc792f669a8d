//! Batch normalization with an optional residual and activation, as one operation.
//!
//! `ys = activation((xs - mean) / sqrt(variance + eps) * weight + bias + residual)` per channel (Ioffe and Szegedy 2015,
//! arXiv:1502.03167). In training, mean and variance are those of the batch, and the running ones move towards them; for
//! prediction they are the running ones. Fused, residual and activation cost no pass over memory and keep no tensor of their own.

use super::autograd::{Mode, apply, weights_changed};
use super::cpu::activation::Activation;
use super::cpu::normalize::{Statistics, batch_statistics};
use super::cpu::{Floats, floats_mut};
#[cfg(feature = "cuda")]
use super::cuda;
use super::init;
use super::normalization::{Normalization, Pair};
use crate::{Error, Result};
use candle_core::{CpuStorage, InplaceOp1, Layout, Tensor};
use candle_nn::VarBuilder;
use std::cell::Cell;

thread_local! {
    /// Stands in for every layer's momentum while it is set.
    static MOMENTUM: Cell<Option<f64>> = const { Cell::new(None) };
}

/// Runs a forward pass in which running statistics become the mean over this and the `batches` passes before: from 0 on, those
/// of a whole dataset (PyTorch's momentum `None`).
pub(crate) fn cumulative_batch_norm<R>(batches: usize, forward: impl FnOnce() -> R) -> R {
    let before = MOMENTUM.replace(Some(1.0 / (batches + 1) as f64));
    let result = forward();
    MOMENTUM.set(before);
    result
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

    /// Normalizes `xs` (N, H, W, channels). In [`Mode::Train`] the running statistics are updated before this returns; a
    /// frozen layer (one without a gradient) uses them as they are.
    ///
    /// # Errors
    /// [`Error::Shape`] when `xs` has other channels, or in training fewer than two values per channel.
    pub fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        self.forward_residual(xs, None, mode)
    }

    /// As [`BatchNorm::forward`], with a residual that is added before the activation.
    ///
    /// # Errors
    /// As [`BatchNorm::forward`], and [`Error::Shape`] when the residual has another shape than `xs`.
    pub fn forward_residual(&self, xs: &Tensor, residual: Option<&Tensor>, mode: Mode) -> Result<Tensor> {
        let mode = if self.weight.is_variable() { mode } else { Mode::Eval };
        self.check_input(xs, mode)?;
        if let Some(residual) = residual.filter(|residual| residual.dims() != xs.dims()) {
            return Err(Error::Shape {
                what: "residual of batch_norm".into(),
                expected: format!("{:?}, as the input", xs.dims()),
                got: format!("{:?}", residual.dims()),
                hint: "a convolution of kernel 1 brings it to other channels or strides".into(),
            });
        }
        self.normalize(xs, residual, mode).map_err(Error::tensor("batch_norm"))
    }

    fn check_input(&self, xs: &Tensor, mode: Mode) -> Result<()> {
        let channels = self.weight.elem_count();
        let error = |expected: String, hint: &str| Error::Shape {
            what: "input of batch_norm".into(),
            expected,
            got: format!("{:?}", xs.dims()),
            hint: hint.into(),
        };
        if xs.dims().last() != Some(&channels) {
            let hint = "layers take channels last: see nn::to_channels_last";
            return Err(error(format!("(N, H, W, {channels})"), hint));
        }
        if mode == Mode::Train && xs.elem_count() <= channels {
            let hint =
                "the last batch of an epoch has one image: set another batch_size, or a larger input_size";
            return Err(error("two values or more per channel in training".into(), hint));
        }
        Ok(())
    }

    fn normalize(&self, xs: &Tensor, residual: Option<&Tensor>, mode: Mode) -> candle_core::Result<Tensor> {
        let xs = xs.contiguous()?;
        #[cfg(feature = "cuda")]
        if xs.device().is_cuda() {
            return self.normalize_on_gpu(&xs, residual, mode);
        }
        let statistics = match mode {
            Mode::Train => {
                let statistics = batch_statistics(&Floats::of(&xs)?, self.weight.elem_count());
                self.update_running(&statistics, xs.elem_count())?;
                statistics
            }
            Mode::Eval => self.running_statistics()?,
        };
        let inverse = self.inverse_deviation(&statistics.variance).map(|inverse| inverse as f32).collect();
        let mean = statistics.mean.iter().map(|&mean| mean as f32).collect();
        let affine = apply(Pair, &[&self.weight, &self.bias])?;
        let operation = Normalization {
            mean,
            inverse,
            activation: self.config.activation,
            mode,
            #[cfg(feature = "cuda")]
            statistics: None,
        };
        match residual {
            Some(residual) => apply(operation, &[&xs, &affine, residual]),
            None => apply(operation, &[&xs, &affine]),
        }
    }

    #[cfg(feature = "cuda")]
    fn normalize_on_gpu(
        &self,
        xs: &Tensor,
        residual: Option<&Tensor>,
        mode: Mode,
    ) -> candle_core::Result<Tensor> {
        let (BatchNormConfig { eps, activation, .. }, momentum) = (self.config, self.momentum());
        let statistics =
            cuda::with_inputs(&[xs, &self.running_mean, &self.running_var], |inputs| match mode {
                Mode::Train => {
                    weights_changed();
                    cuda::batch_statistics(inputs[0], inputs[1], inputs[2], eps as f32, momentum as f32)
                }
                Mode::Eval => cuda::running_statistics(inputs[1], inputs[2], eps as f32),
            })?;
        let statistics = Some(cuda::tensor(statistics, (2, self.weight.elem_count())));
        let operation = Normalization { mean: vec![], inverse: vec![], activation, mode, statistics };
        let affine = apply(Pair, &[&self.weight, &self.bias])?;
        match residual {
            Some(residual) => apply(operation, &[xs, &affine, residual]),
            None => apply(operation, &[xs, &affine]),
        }
    }

    fn momentum(&self) -> f64 {
        MOMENTUM.get().unwrap_or(self.config.momentum)
    }

    fn inverse_deviation(&self, variance: &[f64]) -> impl Iterator<Item = f64> {
        variance.iter().map(|v| 1.0 / (v + self.config.eps).sqrt())
    }

    /// For prediction: per channel what multiplies the input, and what is added to it.
    pub(super) fn scale_and_shift(&self) -> candle_core::Result<(Vec<f64>, Vec<f64>)> {
        let statistics = self.running_statistics()?;
        let (weight, bias) = (Floats::of(&self.weight)?, Floats::of(&self.bias)?);
        let inverse = self.inverse_deviation(&statistics.variance);
        let scale: Vec<f64> =
            weight.iter().zip(inverse).map(|(w, inverse)| f64::from(*w) * inverse).collect();
        let shift = bias.iter().zip(scale.iter().zip(&statistics.mean));
        let shift = shift.map(|(bias, (scale, mean))| f64::from(*bias) - mean * scale).collect();
        Ok((scale, shift))
    }

    /// On a GPU, for prediction: weight, bias, running mean and variance, and what is added to the variance.
    #[cfg(feature = "cuda")]
    pub(super) fn constants(&self) -> ([&Tensor; 4], f32) {
        ([&self.weight, &self.bias, &self.running_mean, &self.running_var], self.config.eps as f32)
    }

    pub(super) fn activation(&self) -> Activation {
        self.config.activation
    }

    fn running_statistics(&self) -> candle_core::Result<Statistics> {
        let widen = |values: &Tensor| -> candle_core::Result<Vec<f64>> {
            Ok(Floats::of(values)?.iter().map(|&v| f64::from(v)).collect())
        };
        Ok(Statistics { mean: widen(&self.running_mean)?, variance: widen(&self.running_var)? })
    }

    fn update_running(&self, batch: &Statistics, count: usize) -> candle_core::Result<()> {
        weights_changed();
        let pixels = (count / self.weight.elem_count()) as f64;
        let running = self.running_statistics()?;
        let unbiased: Vec<f64> = batch.variance.iter().map(|v| v * pixels / (pixels - 1.0)).collect();
        let momentum = self.momentum();
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
