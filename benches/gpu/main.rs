//! Steps of training and predictions on a GPU, at 128 x 128: medians of milliseconds, images per second, and the time below
//! which no program gets on that GPU. `gpu.sh` builds it as one file, `gpu_torch.py` is PyTorch's side.
//!
//! `gpu [--rounds N] [--only WORDS]`; a line is measured when it has each of the words, such as `train bf16`.

mod floor;

use anyhow::{Context, Result, bail};
use floor::Floor;
use std::time::Instant;
use tgs_salt::candle_core::{DType, Device, Tensor};
use tgs_salt::losses::bce;
use tgs_salt::nn::{Optimizer, Parameter, Replay, Stepper, backward, without_gradients};
use tgs_salt::{Encoder, Model, Precision, Unet};

const SIZE: usize = 128;
const WARM_UP: usize = 10;
/// Passes of a round, which is measured as a whole: waiting for the device after each pass would be measured too.
const PASSES: u32 = 10;

/// One line of the table.
struct Case<'a> {
    task: &'a str,
    model: &'a str,
    dtype: DType,
    batch: usize,
}

impl std::fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let (task, model, dtype) = (self.task, self.model, self.dtype.as_str());
        write!(f, "{task:<13} {model:<8} {dtype:<4} {:>3}", self.batch)
    }
}

/// Numbers between -1 and 1, those of the other side.
fn values(shape: [usize; 4], device: &Device) -> Result<Tensor> {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| (i * 7919 % 20_011) as f32 / 10_000.0 - 1.0).collect();
    Ok(Tensor::from_vec(values, shape.to_vec(), device)?)
}

/// The median milliseconds of a pass.
fn measure(rounds: usize, device: &Device, mut pass: impl FnMut() -> Result<()>) -> Result<f64> {
    for _ in 0..WARM_UP {
        pass()?;
    }
    device.synchronize()?;
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = Instant::now();
        for _ in 0..PASSES {
            pass()?;
        }
        device.synchronize()?;
        times.push(start.elapsed().as_secs_f64() * 1e3 / f64::from(PASSES));
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// The ResNet34 U-Net for three channels, or the plain one for one.
fn model(name: &str, device: &Device) -> Result<Model> {
    let encoder: Encoder = name.parse()?;
    let channels = if encoder == Encoder::Plain { 1 } else { 3 };
    Ok(Unet::new(encoder).in_channels(channels).build(device)?)
}

fn predict(case: &Case, rounds: usize, device: &Device) -> Result<f64> {
    let mut model = model(case.model, device)?;
    model.set_precision(if case.dtype == DType::BF16 { Precision::Bf16 } else { Precision::F32 });
    let xs = values([case.batch, model.config().in_channels, SIZE, SIZE], device)?;
    // Around all passes: weights are folded once, as in a loop over many batches.
    without_gradients(|| measure(rounds, device, || Ok(model.forward(&xs).map(drop)?)))
}

/// Weights, their gradients and what Adam remembers are f32; activations are of the case's type, as the images are.
fn train(case: &Case, rounds: usize, device: &Device) -> Result<f64> {
    let model = model(case.model, device)?;
    let xs = values([case.batch, model.config().in_channels, SIZE, SIZE], device)?.to_dtype(case.dtype)?;
    let target = values([case.batch, 1, SIZE, SIZE], &Device::Cpu)?.gt(0f32)?;
    let target = target.to_dtype(DType::F32)?.to_device(device)?;
    let parameters = model.trainable().into_iter().map(Parameter::from).collect();
    let mut adam = Stepper::new(Optimizer::adam(), parameters);
    let mut replay = Replay::default();
    measure(rounds, device, || {
        adam.prepare(1e-3)?;
        let step = |inputs: &[&Tensor]| {
            let loss = bce(&model.forward_train(inputs[0])?.logits, inputs[1])?;
            let value = loss.detach();
            adam.descend(&backward(loss)?)?;
            Ok(value)
        };
        // SAFETY: the weights and the optimizer outlive `replay`'s last use.
        let loss = match case.task {
            "train queued" => step(&[&xs, &target]),
            _ => unsafe { replay.run(&[&xs, &target], step) },
        };
        loss?;
        Ok(())
    })
}

/// The device and its name.
fn gpu() -> Result<(Device, String)> {
    let device = tgs_salt::device()?;
    let Device::Cuda(cuda) = &device else { bail!("no GPU here") };
    let name = cuda.cuda_stream().context().name().context("the GPU's name")?;
    Ok((device, name))
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| arguments.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1].clone());
    let rounds = value("--rounds").map_or(Ok(15), |rounds| rounds.parse())?;
    let only = value("--only").unwrap_or_default();
    let (device, name) = gpu()?;
    println!("{name}; median of {rounds} rounds of {PASSES} passes, {SIZE} x {SIZE}");
    println!("task          model    type   N  ms         images/s  floor ms: by products, by memory");
    for task in ["train", "train queued", "predict"] {
        for model in ["resnet34", "plain"] {
            for (dtype, batch) in
                [DType::BF16, DType::F32].into_iter().flat_map(|d| [8, 32, 64].map(|n| (d, n)))
            {
                let case = Case { task, model, dtype, batch };
                let line = case.to_string();
                if !only.split_whitespace().all(|word| line.split_whitespace().any(|part| part == word)) {
                    continue;
                }
                let ms = match task {
                    "predict" => predict(&case, rounds, &device),
                    _ => train(&case, rounds, &device),
                }?;
                let floor = Floor::new(&name, model, task != "predict", dtype, batch, SIZE);
                println!("{line}  {ms:<9.3}  {:<8.0}  {floor}", batch as f64 / ms * 1e3);
            }
        }
    }
    Ok(())
}
