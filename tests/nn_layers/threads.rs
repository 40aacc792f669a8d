//! The number of threads changes no bit of any result.

use crate::gradients::{floats, random};
use candle_core::{Device, Tensor, Var};
use tgs_salt::nn::{
    BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, Mode, Weights,
    concat, max_pool2d, to_channels_first, to_channels_last,
};

/// A small network with every layer: its output, all gradients and the running statistics.
fn everything() -> Vec<Vec<f32>> {
    let weights = Weights::new(42, &Device::Cpu);
    let vb = weights.builder();
    let config = Conv2dConfig { bias: true, ..Conv2dConfig::default() };
    let first = Conv2d::new(3, 20, config, vb.pp("first")).unwrap();
    let norm = BatchNorm::new(20, BatchNormConfig::default(), vb.pp("norm")).unwrap();
    let second = Conv2d::new(20, 24, config, vb.pp("second")).unwrap();
    let up = ConvTranspose2d::new(24, 16, ConvTranspose2dConfig::default(), vb.pp("up")).unwrap();
    let head = Conv2d::new(36, 1, config, vb.pp("head")).unwrap();
    let xs = Var::from_tensor(&random(&[3, 3, 34, 30], 1)).unwrap();
    let large = norm.forward(&first.forward(&to_channels_last(&xs).unwrap()).unwrap(), Mode::Train).unwrap();
    let small = second.forward(&max_pool2d(&large, 2, 2, 0).unwrap()).unwrap();
    let joined = concat(&up.forward(&small).unwrap(), &large).unwrap();
    let ys = to_channels_first(&head.forward(&joined).unwrap()).unwrap();
    let grads = ys.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    let mut results: Vec<&Tensor> = vec![&ys, grads.get(&xs).unwrap()];
    let trainable = weights.trainable();
    results.extend(trainable.iter().map(|(_, var)| grads.get(var).unwrap()));
    let statistics = weights.vars();
    results.extend(statistics.iter().map(|(_, var)| var.as_tensor()));
    results.into_iter().map(floats).collect()
}

#[test]
fn results_are_the_same_bits_with_1_2_and_5_threads() {
    let run = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(everything)
    };
    let one = run(1);
    assert!(one.iter().all(|values| values.iter().all(|v| v.is_finite())));
    for threads in [2, 5] {
        let same = run(threads)
            .iter()
            .zip(&one)
            .all(|(a, b)| a.iter().map(|v| v.to_bits()).eq(b.iter().map(|v| v.to_bits())));
        assert!(same, "{threads} threads give other bits than one");
    }
}
