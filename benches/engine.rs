//! One side of `compare.sh`: does one pass each time a line arrives, and answers with its time.
//!
//! `engine TASK MODEL BATCH SIZE DTYPE`, where TASK is `train` or `predict`, MODEL `resnet34` or `plain`, DTYPE `f32` or `bf16`. Each line of standard input
//! asks for one pass; the answer is its wall and CPU time in nanoseconds.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, Write};
use std::time::Instant;
use tgs_salt::candle_core::{DType, Device, Tensor};
use tgs_salt::losses::bce;
use tgs_salt::models::decoders::{TransposedDecoder, UpsamplingDecoder};
use tgs_salt::models::encoders::{PlainEncoder, ResNet34};
use tgs_salt::nn::{
    Conv2d, Conv2dConfig, Mode, Optimizer, UpdateRule, Weights, backward, to_channels_last, without_gradients,
};
use tgs_salt::{Encoder, Unet};

enum Network {
    Plain(PlainEncoder, TransposedDecoder, Conv2d),
    ResNet34(ResNet34, UpsamplingDecoder, Conv2d),
}

impl Network {
    fn new(model: &str, weights: &Weights) -> Result<Network> {
        let vb = weights.builder();
        let (encoder, decoder, head) = (vb.pp("encoder"), vb.pp("decoder"), vb.pp("head"));
        Ok(match model {
            "resnet34" => Network::ResNet34(
                ResNet34::new(3, encoder)?,
                UpsamplingDecoder::new(&[64, 64, 128, 256, 512], &[256, 128, 64, 32, 16], decoder)?,
                Conv2d::new(16, 1, Conv2dConfig::new(3), head)?,
            ),
            "plain" => {
                let config = Unet::new(Encoder::Plain);
                Network::Plain(
                    PlainEncoder::new(&config, encoder)?,
                    TransposedDecoder::new(&config, decoder)?,
                    Conv2d::new(16, 1, Conv2dConfig::new(1), head)?,
                )
            }
            other => bail!("no model {other}"),
        })
    }

    fn in_channels(&self) -> usize {
        if matches!(self, Network::Plain(..)) { 1 } else { 3 }
    }

    fn forward(&self, xs: &Tensor, mode: Mode, dtype: DType) -> Result<Tensor> {
        let xs = to_channels_last(xs)?.to_dtype(dtype)?;
        let (ys, head) = match self {
            Network::Plain(encoder, decoder, head) => {
                (decoder.forward(encoder.forward(&xs, mode)?, mode)?, head)
            }
            Network::ResNet34(encoder, decoder, head) => {
                (decoder.forward(encoder.forward(&xs, mode)?, mode)?, head)
            }
        };
        Ok(head.forward(&ys)?.to_dtype(DType::F32)?)
    }
}

/// Nanoseconds that the threads of this process have run, as Linux counts them.
fn cpu_time() -> Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        sum += text.split(' ').next().context("schedstat")?.parse::<u64>()?;
    }
    Ok(sum)
}

fn images(batch: usize, channels: usize, size: usize) -> Result<Tensor> {
    let values =
        (0..batch * channels * size * size).map(|i| (i * 7919 % 2003) as f32 / 1000.0 - 1.0).collect();
    Ok(Tensor::from_vec(values, (batch, channels, size, size), &Device::Cpu)?)
}

fn serve(mut pass: impl FnMut() -> Result<()>) -> Result<()> {
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        line?;
        let (wall, cpu) = (Instant::now(), cpu_time()?);
        pass()?;
        println!("{} {}", wall.elapsed().as_nanos(), cpu_time()? - cpu);
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [task, model, batch, size, dtype] = args.as_slice() else {
        bail!("engine TASK MODEL BATCH SIZE DTYPE")
    };
    let dtype = if dtype == "bf16" { DType::BF16 } else { DType::F32 };
    let (batch, size) = (batch.parse()?, size.parse()?);
    let weights = Weights::new(42, &Device::Cpu);
    let network = Network::new(model, &weights)?;
    let xs = images(batch, network.in_channels(), size)?;
    match task.as_str() {
        "predict" => without_gradients(|| serve(|| network.forward(&xs, Mode::Eval, dtype).map(drop))),
        "train" => {
            let target =
                images(batch, 1, size)?.reshape((batch, size, size, 1))?.gt(0f32)?.to_dtype(xs.dtype())?;
            let mut adam = Optimizer::new(UpdateRule::adam(), weights.trainable());
            serve(|| {
                let loss = bce(&network.forward(&xs, Mode::Train, dtype)?, &target)?;
                adam.step(&backward(loss)?, 1e-3)?;
                Ok(())
            })
        }
        other => bail!("no task {other}"),
    }
}
