use super::layers::floats;
use super::{TYPES, device, random};
use crate::nn::{
    Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvActivation, ConvNorm, Mode, Weights,
    without_gradients,
};
use candle_core::{DType, Device, Tensor};

/// A block whose weights and running statistics are all random.
fn block(channels: [usize; 2], config: Conv2dConfig, weights: &Weights) -> ConvNorm {
    let norm = BatchNormConfig { activation: Activation::LeakyRelu(0.1), ..BatchNormConfig::default() };
    let vb = weights.builder();
    let conv = Conv2d::new(channels[0], channels[1], config, vb.pp("conv")).unwrap();
    let norm = BatchNorm::new(channels[1], norm, vb.pp("norm")).unwrap();
    let value = |(name, old): (String, candle_core::Var)| {
        let mut values = random(old.dims(), DType::F32, old.device()).host;
        if name.ends_with("running_var") {
            values.iter_mut().for_each(|value| *value = *value * *value + 0.1);
        }
        let values: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
        (name, Tensor::from_vec(values, old.dims(), &Device::Cpu).unwrap())
    };
    weights.set_tensors(&weights.vars().into_iter().map(value).collect()).unwrap();
    ConvNorm::new(conv, norm)
}

fn assert_near(folded: &Tensor, apart: &Tensor, what: &str) {
    assert_eq!((folded.dtype(), folded.dims()), (apart.dtype(), apart.dims()));
    let tolerance = if folded.dtype() == DType::BF16 { 0.05 } else { 1e-4 };
    for (a, b) in floats(folded).iter().zip(floats(apart)) {
        let near = (a - b).abs() <= tolerance * (1.0 + b.abs());
        assert!(near, "{a} is not {b} ({what}, {:?})", folded.dtype());
    }
}

#[test]
fn folded_layers_give_what_two_layers_give() {
    let Some(device) = device() else { return };
    let three = Conv2dConfig::new(3);
    let shapes = [
        ([8, 12], three.bias(false)),
        ([6, 6], three.groups(6)),
        ([4, 8], Conv2dConfig::new(1).stride(2)),
        ([6, 9], three.groups(3)),
    ];
    for (dtype, (channels, config)) in TYPES.into_iter().flat_map(|dtype| shapes.map(|shape| (dtype, shape)))
    {
        let block = block(channels, config, &Weights::new(1, device));
        let xs = random(&[2, 7, 5, channels[0]], dtype, device).tensor;
        let apart = block.forward(&xs, Mode::Eval).unwrap();
        let residual = random(apart.dims(), dtype, device).tensor;
        let beside = block.forward_residual(&xs, Some(&residual), Mode::Eval).unwrap();
        // The second call of each takes what the first has folded.
        let folded = without_gradients(|| {
            let alone = [(); 2].map(|()| block.forward(&xs, Mode::Eval).unwrap());
            let beside = block.forward_residual(&xs, Some(&residual), Mode::Eval).unwrap();
            [alone[0].clone(), alone[1].clone(), beside]
        });
        for (folded, apart) in folded.iter().zip([&apart, &apart, &beside]) {
            assert_near(folded, apart, &format!("{config:?}"));
        }
    }
}

#[test]
fn an_activation_goes_with_its_convolution() {
    let Some(device) = device() else { return };
    for dtype in TYPES {
        let conv = Conv2d::new(4, 6, Conv2dConfig::new(3), Weights::new(1, device).builder()).unwrap();
        let layer = ConvActivation::new(conv, Activation::Elu);
        let xs = random(&[2, 7, 5, 4], dtype, device).tensor;
        let apart = layer.forward(&xs, Mode::Eval).unwrap();
        let folded = without_gradients(|| layer.forward(&xs, Mode::Eval)).unwrap();
        assert_near(&folded, &apart, "with ELU");
    }
}
