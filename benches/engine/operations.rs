//! Single operations with batch 8.
//!
//! A pass is `forward` (nothing recorded) or `both` (with the backward pass, from a gradient of ones, to inputs and weights).

use super::worker::{Pass, serve, sizes, values};
use anyhow::{Result, bail};
use tgs_salt::candle_core::backprop::GradStore;
use tgs_salt::candle_core::{Device, Tensor, Var};
use tgs_salt::losses::{bce, dice, lovasz_hinge};
use tgs_salt::nn::{
    Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvNorm, ConvTranspose2d,
    ConvTranspose2dConfig, Mode, Optimizer, Parameter, ScSe, Stepper, Weights, argsort_descending, backward,
    cumsum, dropout, max_pool2d, upsample_bilinear2d, upsample_concat, without_gradients,
};

const BATCH: usize = 8;

type Forward = Box<dyn FnMut() -> Result<Tensor>>;

/// An input that takes part in the backward pass: square images, channels last.
fn images(size: usize, channels: usize) -> Result<Tensor> {
    input(&[BATCH, size, size, channels])
}

fn input(shape: &[usize]) -> Result<Tensor> {
    Ok(Var::from_tensor(&values(shape)?)?.into_inner())
}

fn conv(inputs: usize, outputs: usize, config: Conv2dConfig, weights: &Weights) -> Result<Conv2d> {
    Ok(Conv2d::new(inputs, outputs, config.bias(false), weights.builder().pp("conv"))?)
}

fn convolution(kind: &str, shape: &str, weights: &Weights) -> Result<Forward> {
    Ok(match kind {
        "conv" => {
            let [inputs, outputs, kernel, stride, size] = sizes(shape)?;
            let layer = conv(inputs, outputs, Conv2dConfig::new(kernel).stride(stride), weights)?;
            let xs = images(size, inputs)?;
            Box::new(move || Ok(layer.forward(&xs)?))
        }
        "transposed" => {
            let [inputs, outputs, size] = sizes(shape)?;
            let config = ConvTranspose2dConfig::default();
            let layer = ConvTranspose2d::new(inputs, outputs, config, weights.builder())?;
            let xs = images(size, inputs)?;
            Box::new(move || Ok(layer.forward(&xs)?))
        }
        "depthwise" => {
            let [channels, size] = sizes(shape)?;
            let layer = conv(channels, channels, Conv2dConfig::new(3).groups(channels), weights)?;
            let xs = images(size, channels)?;
            Box::new(move || Ok(layer.forward(&xs)?))
        }
        _ => normalized(kind, shape, weights)?,
    })
}

fn normalized(kind: &str, shape: &str, weights: &Weights) -> Result<Forward> {
    let config = BatchNormConfig { activation: Activation::Relu, ..Default::default() };
    Ok(match kind {
        "conv_norm" => {
            let [inputs, outputs, size] = sizes(shape)?;
            let norm = BatchNorm::new(outputs, config, weights.builder().pp("norm"))?;
            let block = ConvNorm::new(conv(inputs, outputs, Conv2dConfig::new(3), weights)?, norm);
            let xs = images(size, inputs)?;
            Box::new(move || Ok(block.forward(&xs, Mode::Train)?))
        }
        "norm" => {
            let [channels, size] = sizes(shape)?;
            let norm = BatchNorm::new(channels, config, weights.builder())?;
            let (xs, residual) = (images(size, channels)?, images(size, channels)?);
            Box::new(move || Ok(norm.forward_residual(&xs, Some(&residual), Mode::Train)?))
        }
        _ => image(kind, shape, weights)?,
    })
}

fn image(kind: &str, shape: &str, weights: &Weights) -> Result<Forward> {
    Ok(match kind {
        "upsample_concat" => {
            let [channels, skip, size] = sizes(shape)?;
            let (xs, skip) = (images(size, channels)?, images(2 * size, skip)?);
            Box::new(move || Ok(upsample_concat(&xs, &skip)?))
        }
        "max_pool" | "bilinear" | "scse" | "dropout" => {
            let [channels, size] = sizes(shape)?;
            let xs = images(size, channels)?;
            let attention = ScSe::new(channels, 16, weights.builder())?;
            let mut seed = 0;
            match kind {
                "max_pool" => Box::new(move || Ok(max_pool2d(&xs, 3, 2, 1)?)),
                "bilinear" => Box::new(move || Ok(upsample_bilinear2d(&xs, 2 * size, 2 * size, false)?)),
                "scse" => Box::new(move || Ok(attention.forward(&xs)?)),
                _ => Box::new(move || {
                    seed += 1;
                    Ok(dropout(&xs, 0.5, seed)?)
                }),
            }
        }
        _ => row(kind, shape)?,
    })
}

fn row(kind: &str, shape: &str) -> Result<Forward> {
    let [columns] = sizes(shape)?;
    if let "dice" | "lovasz" = kind {
        let xs = input(&[2 * BATCH, 1, 1, columns])?;
        let target = values(xs.dims())?.gt(0f32)?.to_dtype(xs.dtype())?;
        let loss = if kind == "dice" { dice } else { lovasz_hinge };
        return Ok(Box::new(move || Ok(loss(&xs, &target)?)));
    }
    let xs = input(&[BATCH, columns])?;
    let target = values(&[BATCH, columns])?.gt(0f32)?.to_dtype(xs.dtype())?;
    Ok(match kind {
        "argsort" => Box::new(move || Ok(argsort_descending(&xs)?)),
        "cumsum" => Box::new(move || Ok(cumsum(&xs)?)),
        "bce" => Box::new(move || Ok(bce(&xs, &target)?)),
        other => bail!("no operation {other}"),
    })
}

/// A step over all parameters of the ResNet34 U-Net, given their gradients.
fn adam() -> Result<Pass> {
    let parameters = super::model("resnet34")?.trainable();
    let mut gradients = GradStore::default();
    for (_, parameter) in &parameters {
        gradients.insert(parameter, values(parameter.dims())?);
    }
    let parameters = parameters.into_iter().map(Parameter::from).collect();
    let mut adam = Stepper::new(Optimizer::adam(), parameters);
    Ok(Box::new(move || Ok(adam.step(&gradients, 1e-3)?)))
}

/// Answers for one operation.
pub fn operation(kind: &str, shape: &str, pass: &str) -> Result<()> {
    let forward = || convolution(kind, shape, &Weights::new(42, &Device::Cpu));
    match (kind, pass) {
        ("adam", "forward") => serve(adam),
        (_, "forward") => without_gradients(|| {
            serve(|| {
                let mut forward = forward()?;
                Ok(Box::new(move || forward().map(drop)))
            })
        }),
        (_, "both") => serve(|| {
            let mut forward = forward()?;
            Ok(Box::new(move || Ok(backward(forward()?).map(drop)?)))
        }),
        (_, other) => bail!("no pass {other}"),
    }
}
