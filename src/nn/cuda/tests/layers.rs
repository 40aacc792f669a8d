//! A network with every layer on the device, beside the same on the CPU: logits, gradients, running statistics, steps of Adam.

use super::device;
use crate::nn::autograd::{sorted, walk};
use crate::nn::*;
use candle_core::{DType, Device, Tensor, Var};
use std::collections::BTreeMap;

pub(super) fn forward(weights: &Weights, xs: &Tensor, mode: Mode, drop: f64) -> crate::Result<Tensor> {
    let vb = weights.builder();
    let block = |name: &str, channels: [usize; 2], config: Conv2dConfig, activation| {
        let norm = BatchNormConfig { activation, ..BatchNormConfig::default() };
        crate::Result::Ok(ConvNorm::new(
            Conv2d::new(channels[0], channels[1], config, vb.pp(name).pp("conv"))?,
            BatchNorm::new(channels[1], norm, vb.pp(name).pp("bn"))?,
        ))
    };
    let xs = to_channels_last(xs)?;
    let stem = block("stem", [3, 16], Conv2dConfig::new(3).stride(2).bias(false), Activation::Relu)?;
    let stem = stem.forward(&xs, mode)?;
    let deep = max_pool2d(&stem, 3, 2, 1)?;
    let wide =
        block("wide", [16, 16], Conv2dConfig::new(3).groups(16).bias(false), Activation::LeakyRelu(0.1))?;
    let deep = wide.forward_residual(&deep, Some(&deep), mode)?;
    let deep = ScSe::new(16, 4, vb.pp("attention"))?.forward(&deep)?;
    let deep = dropout(&Activation::Elu.forward(&deep)?, drop, 9)?;
    let up = ConvTranspose2d::new(16, 8, ConvTranspose2dConfig::default(), vb.pp("up"))?;
    let joined = upsample_concat(&up.forward(&deep)?, &stem)?;
    let grouped = Conv2d::new(24, 6, Conv2dConfig::new(3).groups(3), vb.pp("grouped"))?;
    let ys = avg_pool2d(&grouped.forward(&joined)?, 3, 1, 1)?;
    let ys = pad_to(&upsample_bilinear2d(&ys, 12, 11, false)?, 12, 14)?;
    let head = Conv2d::new(6, 1, Conv2dConfig::new(1), vb.pp("head"))?;
    crop_to(&head.forward(&ys)?, 12, 12)
}

pub(super) fn floats(xs: &Tensor) -> Vec<f32> {
    xs.to_device(&Device::Cpu)
        .unwrap()
        .to_dtype(DType::F32)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap()
}

/// All that two steps of training give, by name.
fn train(device: &Device) -> BTreeMap<String, Vec<f32>> {
    let weights = Weights::new(42, device);
    let wave = |len: usize, step: usize| {
        (0..len).map(|i| ((i * step % 101) as f32 - 50.0) / 50.0).collect::<Vec<_>>()
    };
    let xs = Tensor::from_vec(wave(2 * 3 * 144, 37), (2, 3, 12, 12), device).unwrap();
    let xs = Var::from_tensor(&xs).unwrap();
    let mut all = BTreeMap::new();
    let mut adam = None;
    for step in 0..2 {
        let logits = forward(&weights, &xs, Mode::Train, 0.25).unwrap();
        all.insert(format!("{step} logits"), floats(&logits));
        // Of our own operations alone: the emulated driver has none of candle's kernels.
        let loss = global_avg_pool2d(&Activation::Sigmoid.forward(&logits).unwrap()).unwrap();
        let start = Tensor::from_vec(vec![1f32; 2], loss.shape(), device).unwrap();
        let grads = walk(sorted(&loss).unwrap(), loss, start).unwrap();
        for (name, var) in weights.trainable().into_iter().chain([("input".into(), xs.clone())]) {
            all.insert(format!("{step} gradient of {name}"), floats(grads.get(&var).unwrap()));
        }
        let adam = adam.get_or_insert_with(|| {
            let parameters = weights.trainable().into_iter().map(Parameter::from).collect();
            Stepper::new(Optimizer::adam(), parameters)
        });
        adam.step(&grads, 1e-2).unwrap();
        for (name, tensor) in adam.to_tensors().unwrap() {
            all.insert(format!("{step} {name}"), floats(&tensor));
        }
    }
    for (name, var) in weights.vars() {
        all.insert(name, floats(&var));
    }
    all.insert(
        "prediction".into(),
        floats(&without_gradients(|| forward(&weights, &xs, Mode::Eval, 0.25)).unwrap()),
    );
    all
}

#[test]
fn training_on_the_device_gives_what_the_cpu_gives() {
    let Some(device) = device() else { return };
    let (here, there) = (train(&Device::Cpu), train(device));
    assert_eq!(here.len(), there.len());
    let mut wrong = vec![];
    for (name, here) in &here {
        let norm = |xs: &mut dyn Iterator<Item = f32>| xs.map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        let apart = norm(&mut here.iter().zip(&there[name]).map(|(a, b)| a - b));
        let size = norm(&mut here.iter().copied());
        // A step of Adam divides by the gradient's size: what is nothing but rounding becomes a step of full length.
        if apart > 2e-4 * size.max(1e-3) {
            wrong.push(format!("{name}: {apart:.1e} apart, size {size:.1e}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The gradients of all weights, with images of this type.
fn gradients(dtype: DType, device: &Device) -> BTreeMap<String, Vec<f32>> {
    let weights = Weights::new(42, device);
    let xs: Vec<f32> = (0..4 * 3 * 144).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect();
    let xs = Tensor::from_vec(xs, (4, 3, 12, 12), &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
    let logits = forward(&weights, &xs.to_device(device).unwrap(), Mode::Train, 0.0).unwrap();
    assert_eq!(logits.dtype(), dtype);
    let grads = backward(global_avg_pool2d(&sigmoid(&logits).unwrap()).unwrap()).unwrap();
    let all = weights.trainable().into_iter().map(|(name, var)| {
        let grad = grads.get(&var).unwrap();
        assert_eq!((grad.dtype(), grad.dims()), (DType::F32, var.dims()), "{name}");
        (name, floats(grad))
    });
    all.collect()
}

/// Activations and their gradients are bf16 then; weights and theirs stay f32.
#[test]
fn networks_train_in_bf16() {
    let Some(device) = device() else { return };
    let (single, half) = (gradients(DType::F32, device), gradients(DType::BF16, device));
    let square = |values: &mut dyn Iterator<Item = f32>| values.map(|x| f64::from(x).powi(2)).sum::<f64>();
    let size = square(&mut single.values().flatten().copied());
    let apart = square(&mut single.values().flatten().zip(half.values().flatten()).map(|(a, b)| a - b));
    assert!(apart < 0.01 * size, "{:.1e} apart, size {:.1e}", apart.sqrt(), size.sqrt());
}
