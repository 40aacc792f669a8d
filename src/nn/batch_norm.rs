//! Batch normalization with an optional ReLU, as one operation.
//!
//! `ys = relu((xs - mean) / sqrt(variance + eps) * weight + bias)` per channel (Ioffe and Szegedy 2015, arXiv:1502.03167).
//! In training, mean and variance are those of the batch, and the running ones move towards them; for prediction they are
//! the running ones. Fused, the ReLU costs no pass over memory and keeps no tensor of its own.

use super::cpu::{floats, floats_mut, tensor_like, with_floats};
use super::init;
use super::mode::Mode;
use super::reduce::{CHUNK, add_in_order, add_pixels};
use crate::{Error, Result};
use candle_core::{CpuStorage, CustomOp3, InplaceOp1, Layout, Shape, Tensor};
use candle_nn::VarBuilder;
use rayon::prelude::*;

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
        xs.apply_op3(&self.weight, &self.bias, Normalization { mean, inverse, relu, mode })
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

/// Mean and biased variance of each channel.
struct Statistics {
    mean: Vec<f64>,
    variance: Vec<f64>,
}

/// Statistics of a batch: mean and squared deviations of each chunk, merged (Chan, Golub and LeVeque 1983). Differences
/// from a chunk's own mean lose no digits where the mean is large beside the deviation.
fn batch_statistics(xs: &[f32], channels: usize) -> Statistics {
    let partial: Vec<(usize, Vec<f32>, Vec<f32>)> = xs
        .par_chunks(CHUNK * channels)
        .map(|chunk| {
            let pixels = chunk.len() / channels;
            let mut mean = vec![0.0; channels];
            add_pixels(chunk, &mut mean);
            mean.iter_mut().for_each(|mean| *mean /= pixels as f32);
            let mut squares = vec![0.0; channels];
            for pixel in chunk.chunks_exact(channels) {
                for ((square, mean), x) in squares.iter_mut().zip(&mean).zip(pixel) {
                    *square += (x - mean) * (x - mean);
                }
            }
            (pixels, mean, squares)
        })
        .collect();
    let (mut mean, mut squares, mut count) = (vec![0.0; channels], vec![0.0; channels], 0.0);
    for (pixels, chunk_mean, chunk_squares) in &partial {
        let pixels = *pixels as f64;
        let total = count + pixels;
        let chunk = chunk_mean.iter().zip(chunk_squares);
        for ((mean, square), (chunk_mean, chunk_square)) in mean.iter_mut().zip(&mut squares).zip(chunk) {
            let delta = f64::from(*chunk_mean) - *mean;
            *square += f64::from(*chunk_square) + delta * delta * count * pixels / total;
            *mean += delta * pixels / total;
        }
        count = total;
    }
    Statistics { mean, variance: squares.into_iter().map(|square| square / count).collect() }
}

/// The differentiable operation. In [`Mode::Eval`] mean and deviation are constants.
struct Normalization {
    mean: Vec<f32>,
    inverse: Vec<f32>,
    relu: bool,
    mode: Mode,
}

impl Normalization {
    fn forward(&self, xs: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
        let channels = weight.len();
        let scale: Vec<f32> = weight.iter().zip(&self.inverse).map(|(w, inverse)| w * inverse).collect();
        let floor = if self.relu { 0.0 } else { f32::NEG_INFINITY };
        let mut ys = vec![0.0; xs.len()];
        let chunks = ys.par_chunks_mut(CHUNK * channels).zip(xs.par_chunks(CHUNK * channels));
        chunks.for_each(|(ys, xs)| {
            for (ys, xs) in ys.chunks_exact_mut(channels).zip(xs.chunks_exact(channels)) {
                let constants = self.mean.iter().zip(&scale).zip(bias);
                for ((y, x), ((mean, scale), bias)) in ys.iter_mut().zip(xs).zip(constants) {
                    let value = (x - mean) * scale + bias;
                    *y = if value < floor { floor } else { value };
                }
            }
        });
        ys
    }

    /// Sums over pixels, per channel, of the gradient behind the ReLU and of its product with `xs - mean`.
    fn gradient_sums(&self, xs: &[f32], ys: &[f32], ys_grad: &[f32]) -> (Vec<f64>, Vec<f64>) {
        let channels = self.mean.len();
        let (sums, products): (Vec<_>, Vec<_>) = ys_grad
            .par_chunks(CHUNK * channels)
            .zip(ys.par_chunks(CHUNK * channels).zip(xs.par_chunks(CHUNK * channels)))
            .map(|(grad, (ys, xs))| {
                let (mut sums, mut products) = (vec![0.0; channels], vec![0.0; channels]);
                let pixels = grad.chunks_exact(channels).zip(ys.chunks_exact(channels));
                for ((grad, ys), xs) in pixels.zip(xs.chunks_exact(channels)) {
                    let values = grad.iter().zip(ys).zip(xs.iter().zip(&self.mean));
                    let totals = sums.iter_mut().zip(&mut products);
                    for ((sum, product), ((grad, y), (x, mean))) in totals.zip(values) {
                        let grad = self.behind_relu(*grad, *y);
                        *sum += grad;
                        *product += grad * (x - mean);
                    }
                }
                (sums, products)
            })
            .unzip();
        (add_in_order(&sums, channels), add_in_order(&products, channels))
    }

    #[inline(always)]
    fn behind_relu(&self, grad: f32, y: f32) -> f32 {
        if self.relu && y <= 0.0 { 0.0 } else { grad }
    }

    /// The gradient of `xs`: per channel `grad * a + (xs - mean) * b + c`.
    fn input_gradient(&self, xs: &[f32], ys: &[f32], ys_grad: &[f32], factors: &[[f32; 3]]) -> Vec<f32> {
        let channels = self.mean.len();
        let mut xs_grad = vec![0.0; xs.len()];
        xs_grad
            .par_chunks_mut(CHUNK * channels)
            .zip(xs.par_chunks(CHUNK * channels))
            .zip(ys.par_chunks(CHUNK * channels).zip(ys_grad.par_chunks(CHUNK * channels)))
            .for_each(|((xs_grad, xs), (ys, ys_grad))| {
                let outer = xs_grad.chunks_exact_mut(channels).zip(xs.chunks_exact(channels));
                let inner = ys.chunks_exact(channels).zip(ys_grad.chunks_exact(channels));
                for ((xs_grad, xs), (ys, ys_grad)) in outer.zip(inner) {
                    let values = xs.iter().zip(ys.iter().zip(ys_grad));
                    let constants = self.mean.iter().zip(factors);
                    for ((slot, (x, (y, grad))), (mean, [a, b, c])) in
                        xs_grad.iter_mut().zip(values).zip(constants)
                    {
                        *slot = self.behind_relu(*grad, *y) * a + (x - mean) * b + c;
                    }
                }
            });
        xs_grad
    }

    /// Gradients of `xs`, weight and bias.
    fn backward(&self, xs: &[f32], weight: &[f32], ys: &[f32], ys_grad: &[f32]) -> [Vec<f32>; 3] {
        let (sums, products) = self.gradient_sums(xs, ys, ys_grad);
        let pixels = (xs.len() / self.mean.len()) as f64;
        let factors: Vec<[f32; 3]> = (0..self.mean.len())
            .map(|c| {
                let inverse = f64::from(self.inverse[c]);
                let scale = f64::from(weight[c]) * inverse;
                match self.mode {
                    Mode::Eval => [scale as f32, 0.0, 0.0],
                    Mode::Train => [
                        scale as f32,
                        (-scale * inverse * inverse * products[c] / pixels) as f32,
                        (-scale * sums[c] / pixels) as f32,
                    ],
                }
            })
            .collect();
        let xs_grad = self.input_gradient(xs, ys, ys_grad, &factors);
        let weight_grad =
            products.iter().zip(&self.inverse).map(|(p, inverse)| (p * f64::from(*inverse)) as f32).collect();
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
        Ok((CpuStorage::F32(self.forward(floats(xs, xs_layout)?, weight, bias)), xs_layout.shape().clone()))
    }

    fn bwd(
        &self,
        xs: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        ys: &Tensor,
        ys_grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [xs_grad, weight_grad, bias_grad] = with_floats(&ys_grad.contiguous()?, |ys_grad| {
            with_floats(xs, |xs| {
                with_floats(weight, |weight| with_floats(ys, |ys| self.backward(xs, weight, ys, ys_grad)))
            })
        })????;
        let xs_grad = tensor_like(xs_grad, xs)?;
        Ok((Some(xs_grad), Some(tensor_like(weight_grad, weight)?), Some(tensor_like(bias_grad, bias)?)))
    }
}
