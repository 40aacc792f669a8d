//! Our side of `compare.sh`: prediction or a training step of a whole network, or one operation.
//!
//! `engine TASK MODEL BATCH SIZE DTYPE`, where TASK is `train` or `predict`, MODEL `resnet34` or `plain`, DTYPE `f32` or `bf16`;
//! `engine KIND SIZES PASS`, where KIND is one of `operations.rs`, PASS `forward` or `both`.

mod network;
mod operations;
#[path = "../worker/mod.rs"]
mod worker;

use anyhow::{Result, bail};
use network::Network;
use tgs_salt::candle_core::{DType, Device};
use tgs_salt::losses::bce;
use tgs_salt::nn::{Mode, Optimizer, UpdateRule, Weights, backward, without_gradients};
use worker::{Pass, arguments, serve, values};

fn predict(model: &str, batch: usize, size: usize, dtype: DType) -> Result<Pass> {
    let network = Network::new(model, &Weights::new(42, &Device::Cpu))?;
    let xs = values(&[batch, network.in_channels(), size, size])?;
    Ok(Box::new(move || network.forward(&xs, Mode::Eval, dtype).map(drop)))
}

fn train(model: &str, batch: usize, size: usize, dtype: DType) -> Result<Pass> {
    let weights = Weights::new(42, &Device::Cpu);
    let network = Network::new(model, &weights)?;
    let xs = values(&[batch, network.in_channels(), size, size])?;
    let target = values(&[batch, size, size, 1])?.gt(0f32)?.to_dtype(xs.dtype())?;
    let mut adam = Optimizer::new(UpdateRule::adam(), weights.trainable());
    Ok(Box::new(move || {
        let loss = bce(&network.forward(&xs, Mode::Train, dtype)?, &target)?;
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
            without_gradients(|| serve(|| predict(model, batch.parse()?, size.parse()?, dtype.parse()?)))
        }
        ["train", model, batch, size, dtype] => {
            serve(|| train(model, batch.parse()?, size.parse()?, dtype.parse()?))
        }
        [kind, shape, pass] => operations::operation(kind, shape, pass),
        _ => bail!("engine TASK MODEL BATCH SIZE DTYPE, or engine KIND SIZES PASS"),
    }
}
