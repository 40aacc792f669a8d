//! What holds for every encoder with every decoder, and for each option.

mod contract;
mod freezing;
mod loading;
mod options;
mod standardised;

use tgs_salt::candle_core::Var;
use tgs_salt::models::Outputs;
use tgs_salt::nn::backward;
use tgs_salt::prelude::*;

/// Values in -1 … 1 without a pattern, the same each time.
pub fn image(dims: (usize, usize, usize, usize)) -> Tensor {
    let count = dims.0 * dims.1 * dims.2 * dims.3;
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let values: Vec<f32> = (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
        })
        .collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

pub fn values(xs: &Tensor) -> Vec<f32> {
    xs.flatten_all().unwrap().to_vec1().unwrap()
}

/// The mean of the losses of all heads against a target without a pattern.
pub fn loss(outputs: &Outputs) -> Tensor {
    let target = |logits: &Tensor| {
        let dims = logits.dims();
        let count = logits.elem_count();
        let values: Vec<f32> = (0..count).map(|i| f32::from((i * 7919 % 13 < 5) as u8)).collect();
        Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
    };
    let bce = |logits: &Tensor| (1.0, tgs_salt::losses::bce(logits, &target(logits)).unwrap());
    let heads = std::iter::once(&outputs.logits).chain(&outputs.side).chain(&outputs.presence);
    tgs_salt::losses::weighted_sum(&heads.map(bce).collect::<Vec<_>>()).unwrap()
}

/// The sum of the absolute values of each parameter's gradient in a training step; none where there is no gradient.
pub fn gradients(model: &Model, xs: &Tensor) -> Vec<(String, Option<f32>)> {
    let parameters: Vec<(String, Var)> = model.vars();
    let gradients = backward(loss(&model.forward_train(xs).unwrap())).unwrap();
    let size = |var: &Var| {
        gradients.get(var).map(|gradient| gradient.abs().unwrap().sum_all().unwrap().to_scalar().unwrap())
    };
    parameters.into_iter().map(|(name, var)| (name, size(&var))).collect()
}

/// A model's trainable parameters all have a gradient that is not zero, and nothing else has one.
pub fn assert_all_learn(model: &Model, xs: &Tensor) {
    let trainable: Vec<String> = model.trainable().into_iter().map(|(name, _)| name).collect();
    for (name, size) in gradients(model, xs) {
        match trainable.contains(&name) {
            true => {
                assert!(size.is_some_and(|size| size > 0.0 && size.is_finite()), "{model:?} {name}: {size:?}")
            }
            false => assert!(size.is_none(), "{model:?} {name} is not trained, but has a gradient"),
        }
    }
}

/// A small model of an encoder: few channels on the way up.
pub fn small(network: Architecture) -> Architecture {
    match network.encoder {
        Encoder::Plain => network.depth(3).base_filters(8),
        _ => network.decoder_channels(&[32, 32, 16, 16, 16]),
    }
}

/// Both decoders.
pub fn both(encoder: Encoder) -> [Architecture; 2] {
    [small(Unet::new(encoder)), small(UnetPlusPlus::new(encoder))]
}
