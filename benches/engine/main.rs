//! Our side of `compare.sh`: prediction or a training step of a whole network, or one operation.
//!
//! `engine TASK MODEL BATCH SIZE DTYPE`, where TASK is `train` or `predict`, MODEL an encoder's name (with `++` its UNet++), DTYPE `f32` or `bf16`;
//! `engine KIND SIZES PASS`, where KIND is one of `operations.rs`, PASS `forward` or `both`.

mod operations;
#[path = "../worker/mod.rs"]
mod worker;

use anyhow::{Result, bail};
use tgs_salt::candle_core::Device;
use tgs_salt::losses::bce;
use tgs_salt::nn::{Optimizer, Parameter, Stepper, backward, without_gradients};
use tgs_salt::{Encoder, Model, Precision, Unet, UnetPlusPlus};
use worker::{Pass, arguments, serve, values};

/// The U-Net of an encoder, or its UNet++ when the name ends in `++`: for three channels, over the plain encoder for one.
fn model(name: &str) -> Result<Model> {
    let encoder: Encoder = name.trim_end_matches('+').parse()?;
    let channels = if encoder == Encoder::Plain { 1 } else { 3 };
    let network = if name.ends_with('+') { UnetPlusPlus::new(encoder) } else { Unet::new(encoder) };
    Ok(network.in_channels(channels).build(&Device::Cpu)?)
}

fn predict(name: &str, batch: usize, size: usize, dtype: &str) -> Result<Pass> {
    let mut model = model(name)?;
    model.set_precision(if dtype == "bf16" { Precision::Bf16 } else { Precision::F32 });
    let xs = values(&[batch, model.config().in_channels, size, size])?;
    Ok(Box::new(move || Ok(model.forward(&xs).map(drop)?)))
}

fn train(name: &str, batch: usize, size: usize) -> Result<Pass> {
    let model = model(name)?;
    let xs = values(&[batch, model.config().in_channels, size, size])?;
    let target = values(&[batch, 1, size, size])?.gt(0f32)?.to_dtype(xs.dtype())?;
    let parameters = model.trainable().into_iter().map(Parameter::from).collect();
    let mut adam = Stepper::new(Optimizer::adam(), parameters);
    Ok(Box::new(move || {
        let loss = bce(&model.forward_train(&xs)?.logits, &target)?;
        adam.step(&backward(loss)?, 1e-3)?;
        Ok(())
    }))
}

fn main() -> Result<()> {
    let arguments = arguments();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        // Weights are made ready for the kernels once, as in a loop over many batches.
        ["predict", model, batch, size, dtype] => {
            without_gradients(|| serve(|| predict(model, batch.parse()?, size.parse()?, dtype)))
        }
        ["train", model, batch, size, "f32"] => serve(|| train(model, batch.parse()?, size.parse()?)),
        [kind, shape, pass] => operations::operation(kind, shape, pass),
        _ => bail!("engine TASK MODEL BATCH SIZE DTYPE, or engine KIND SIZES PASS"),
    }
}
