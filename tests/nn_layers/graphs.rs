//! The backward pass over graphs, folded layers, sorting, bf16, and the kinds of vectors.

use crate::gradients::{assert_close, check, doubles, floats, random};
use candle_core::{DType, Device, Tensor, Var};
use std::process::Command;
use tgs_salt::losses::bce;
use tgs_salt::nn::{
    Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvNorm, ConvTranspose2d,
    ConvTranspose2dConfig, Mode, Optimizer, ScSe, Stepper, Weights, argsort_descending, avg_pool2d, backward,
    cumsum, dropout, max_pool2d, upsample_bilinear2d, upsample_concat, without_gradients,
};

fn conv_norm(channels: [usize; 2], config: Conv2dConfig, weights: &Weights, name: &str) -> ConvNorm {
    let vb = weights.builder().pp(name);
    let conv = Conv2d::new(channels[0], channels[1], config, vb.pp("conv")).unwrap();
    let norm = BatchNorm::new(channels[1], BatchNormConfig::default(), vb.pp("bn")).unwrap();
    ConvNorm::new(conv, norm)
}

/// Makes biases and running statistics other than they start.
fn shake(weights: &Weights) {
    for (i, (name, var)) in weights.vars().into_iter().enumerate() {
        let noise = random(var.dims(), 50 + i as u64);
        let positive = name.ends_with("running_var") || name.ends_with("bn.weight");
        let values = if positive { ((noise + 1.5).unwrap()).contiguous().unwrap() } else { noise };
        var.set(&values).unwrap();
    }
}

/// Logits of a network with every layer, in which tensors are used twice and three times.
fn network(weights: &Weights, xs: &Tensor) -> Tensor {
    let vb = weights.builder();
    let stem = conv_norm([3, 16], Conv2dConfig::new(3).stride(2).bias(false), weights, "stem")
        .forward(xs, Mode::Train)
        .unwrap();
    let deep = max_pool2d(&stem, 3, 2, 1).unwrap();
    let wide = conv_norm([16, 16], Conv2dConfig::new(3).groups(16).dilation(2).padding(2), weights, "wide");
    let deep = wide.forward_residual(&deep, Some(&deep), Mode::Train).unwrap();
    let deep = ScSe::new(16, 4, vb.pp("attention")).unwrap().forward(&deep).unwrap();
    let deep = dropout(&Activation::Elu.forward(&deep).unwrap(), 0.2, 9).unwrap();
    let up = ConvTranspose2d::new(16, 8, ConvTranspose2dConfig::default(), vb.pp("up")).unwrap();
    let joined = upsample_concat(&up.forward(&deep).unwrap(), &stem).unwrap();
    let grouped = Conv2d::new(24, 6, Conv2dConfig::new(3).groups(3), vb.pp("grouped")).unwrap();
    let ys = Activation::LeakyRelu(0.1).forward(&grouped.forward(&joined).unwrap()).unwrap();
    let ys = upsample_bilinear2d(&avg_pool2d(&ys, 2, 1, 0).unwrap(), 12, 12, false).unwrap();
    let head = Conv2d::new(6, 1, Conv2dConfig::new(1), vb.pp("head")).unwrap();
    Activation::Sigmoid.forward(&head.forward(&ys).unwrap()).unwrap()
}

fn input() -> Tensor {
    random(&[3, 12, 12, 3], 1)
}

fn target() -> Tensor {
    random(&[3, 12, 12, 1], 2).gt(0.0).unwrap().to_dtype(DType::F32).unwrap()
}

#[test]
fn our_backward_pass_gives_candles_gradients() {
    let weights = Weights::new(42, &Device::Cpu);
    let xs = Var::from_tensor(&input()).unwrap();
    let loss = bce(&network(&weights, &xs), &target()).unwrap();
    let theirs = loss.backward().unwrap();
    let ours = backward(loss).unwrap();
    let vars = weights.trainable().into_iter().chain([("input".into(), xs)]);
    for (name, var) in vars {
        let (ours, theirs) = (ours.get(&var).unwrap(), theirs.get(&var).unwrap());
        assert_close(&name, &floats(ours), &doubles(theirs), 1e-6);
        assert!(floats(ours).iter().any(|&g| g != 0.0), "{name} has a zero gradient");
    }
}

#[test]
fn operations_of_candles_may_be_mixed_in() {
    let xs = Var::from_tensor(&random(&[1, 4, 4, 2], 1)).unwrap();
    let pooled = max_pool2d(&xs, 2, 2, 0).unwrap();
    let loss = (pooled.sqr().unwrap().sum_all().unwrap() + xs.sum_all().unwrap()).unwrap();
    let theirs = loss.backward().unwrap();
    assert_eq!(floats(backward(loss).unwrap().get(&xs).unwrap()), floats(theirs.get(&xs).unwrap()));
}

#[test]
fn what_needs_no_gradient_gets_none() {
    let weights = Weights::new(3, &Device::Cpu);
    let conv = Conv2d::new(2, 3, Conv2dConfig::default(), weights.builder()).unwrap();
    let xs = random(&[1, 4, 4, 2], 1);
    let loss = bce(&conv.forward(&xs).unwrap(), &random(&[1, 4, 4, 3], 2).abs().unwrap()).unwrap();
    let grads = backward(loss).unwrap();
    assert_eq!(grads.get_ids().count(), 2, "only weight and bias have gradients");
    assert!(grads.get(&xs).is_none());
}

#[test]
fn batch_norm_with_residual_and_any_activation_equals_its_definition() {
    for activation in
        [Activation::None, Activation::Relu, Activation::LeakyRelu(0.2), Activation::Elu, Activation::Sigmoid]
    {
        let weights = Weights::new(3, &Device::Cpu);
        let config = BatchNormConfig { activation, ..BatchNormConfig::default() };
        let norm = BatchNorm::new(3, config, weights.builder()).unwrap();
        shake(&weights);
        let trainable: Vec<Var> = weights.trainable().into_iter().map(|(_, var)| var).collect();
        let image = |seed: u64| Var::from_tensor(&random(&[2, 2, 3, 3], seed)).unwrap();
        let vars = [image(1), image(2), trainable[0].clone(), trainable[1].clone()];
        let op = || norm.forward_residual(&vars[0], Some(&vars[1]), Mode::Train).unwrap();
        check(&format!("{activation:?}"), &vars, op, |v| {
            let channel = |c: usize| v[0].iter().skip(c).step_by(3);
            let mean = |c: usize| channel(c).sum::<f64>() / 12.0;
            let one = |i: usize| {
                let c = i % 3;
                let variance = channel(c).map(|x| (x - mean(c)).powi(2)).sum::<f64>() / 12.0;
                let x = (v[0][i] - mean(c)) / (variance + 1e-5).sqrt() * v[3][c] + v[2][c] + v[1][i];
                match activation {
                    Activation::None => x,
                    Activation::Relu => x.max(0.0),
                    Activation::LeakyRelu(slope) => x.max(0.0) + f64::from(slope) * x.min(0.0),
                    Activation::Elu => x.max(0.0) + x.min(0.0).exp_m1(),
                    Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
                }
            };
            (0..36).map(one).collect()
        });
    }
}

/// Windows, and the channels that they go from and to.
fn folded_cases() -> [([usize; 2], Conv2dConfig); 6] {
    let three = Conv2dConfig::new(3);
    [
        ([16, 24], three.bias(false)),
        ([3, 17], three.stride(2)),
        ([17, 5], Conv2dConfig::new(1)),
        ([12, 12], three.groups(12)),
        ([8, 12], three.groups(2)),
        ([32, 40], three),
    ]
}

#[test]
fn a_folded_layer_equals_the_two_that_it_is_made_of() {
    for (channels, config) in folded_cases() {
        let weights = Weights::new(3, &Device::Cpu);
        let layer = conv_norm(channels, config, &weights, "layer");
        shake(&weights);
        let xs = random(&[2, 9, 8, channels[0]], 1);
        let plain = layer.forward(&xs, Mode::Eval).unwrap();
        let residual = random(plain.dims(), 2);
        let both = |residual: Option<&Tensor>| {
            let forward = || layer.forward_residual(&xs, residual, Mode::Eval).unwrap();
            (without_gradients(forward), forward())
        };
        for (folded, recorded) in [both(None), both(Some(&residual))] {
            assert_close(&format!("{channels:?} {config:?}"), &floats(&folded), &doubles(&recorded), 1e-5);
        }
    }
}

#[test]
fn a_folded_layer_sees_weights_and_statistics_that_change() {
    let weights = Weights::new(3, &Device::Cpu);
    let layer = conv_norm([4, 6], Conv2dConfig::new(3), &weights, "layer");
    let xs = random(&[2, 5, 5, 4], 1);
    let (_, var) = weights.trainable().into_iter().find(|(name, _)| name == "layer.conv.weight").unwrap();
    let mut optimizer = Stepper::new(Optimizer::adam(), vec![("w".into(), var.clone()).into()]);
    let mut grads = candle_core::backprop::GradStore::default();
    grads.insert(&var, random(var.dims(), 3));
    without_gradients(|| {
        let first = floats(&layer.forward(&xs, Mode::Eval).unwrap());
        layer.forward(&xs, Mode::Train).unwrap();
        let second = floats(&layer.forward(&xs, Mode::Eval).unwrap());
        assert_ne!(first, second, "the running statistics have moved");
        optimizer.step(&grads, 0.1).unwrap();
        assert_ne!(second, floats(&layer.forward(&xs, Mode::Eval).unwrap()), "the weight has moved");
    });
}

#[test]
fn bf16_layers_are_close_to_f32() {
    for (channels, config) in folded_cases() {
        let weights = Weights::new(3, &Device::Cpu);
        let layer = conv_norm(channels, config, &weights, "layer");
        shake(&weights);
        let xs = random(&[2, 8, 8, channels[0]], 1);
        let half = |xs: &Tensor| xs.to_dtype(DType::BF16).unwrap();
        without_gradients(|| {
            let single = layer.forward(&xs, Mode::Eval).unwrap();
            let ys = layer.forward_residual(&half(&xs), Some(&half(&single)), Mode::Eval).unwrap();
            assert_eq!(ys.dtype(), DType::BF16);
            let expected = layer.forward_residual(&xs, Some(&single), Mode::Eval).unwrap();
            let apart = (ys.to_dtype(DType::F32).unwrap() - &expected).unwrap();
            let norm = |xs: &Tensor| doubles(xs).iter().map(|x| x * x).sum::<f64>().sqrt();
            let ratio = norm(&apart) / norm(&expected);
            assert!(ratio < 0.01, "{channels:?} {config:?}: {ratio}");
        });
    }
}

#[test]
fn sorting_and_running_sums_hold_on_long_rows() {
    let xs = ((random(&[3, 20_000], 1) * 50.0).unwrap().round().unwrap() / 50.0).unwrap();
    let order = argsort_descending(&xs).unwrap().to_vec2::<u32>().unwrap();
    for (row, order) in xs.to_vec2::<f32>().unwrap().iter().zip(order) {
        let mut expected: Vec<u32> = (0..20_000).collect();
        expected.sort_by(|&a, &b| row[b as usize].total_cmp(&row[a as usize]));
        assert_eq!(order, expected);
    }
    let special =
        Tensor::new(&[0f32, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY], &Device::Cpu).unwrap();
    assert_eq!(argsort_descending(&special).unwrap().to_vec1::<u32>().unwrap(), [2, 3, 0, 1, 4]);
    let xs = Var::from_tensor(&random(&[2, 9], 1)).unwrap();
    let running = |v: &[Vec<f64>]| (0..18).map(|i| v[0][i / 9 * 9..=i].iter().sum()).collect();
    check("cumsum", std::slice::from_ref(&xs), || cumsum(&xs).unwrap(), running);
    let long = random(&[1, 16_384], 1);
    let mut sum = 0.0;
    let expected: Vec<f64> = doubles(&long)
        .iter()
        .map(|x| {
            sum += x;
            sum
        })
        .collect();
    assert_close("long cumsum", &floats(&cumsum(&long).unwrap()), &expected, 1e-6);
}

/// All bits of a forward and a backward pass, folded into one number.
fn fingerprint() -> u64 {
    let weights = Weights::new(42, &Device::Cpu);
    let ys = network(&weights, &input());
    let grads = backward(bce(&ys, &target()).unwrap()).unwrap();
    let mut tensors = vec![ys];
    tensors.extend(weights.trainable().iter().map(|(_, var)| grads.get(var).unwrap().clone()));
    tensors.extend(weights.vars().iter().map(|(_, var)| var.as_tensor().clone()));
    let bits = tensors.iter().flat_map(floats).map(f32::to_bits);
    bits.fold(0xcbf2_9ce4_8422_2325, |hash, bits| {
        (hash ^ u64::from(bits)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[test]
fn every_kind_of_vector_gives_the_same_bits() {
    if std::env::var_os("FINGERPRINT").is_some() {
        println!("fingerprint {}", fingerprint());
        return;
    }
    let run = |simd: &str| {
        let name = "graphs::every_kind_of_vector_gives_the_same_bits";
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([name, "--exact", "--nocapture"]).env("FINGERPRINT", "1").env("TGS_SALT_SIMD", simd);
        let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let line =
            text.lines().find_map(|line| line.split_once("fingerprint ")).map(|(_, print)| print.to_owned());
        line.unwrap_or_else(|| panic!("{text}"))
    };
    let portable = run("portable");
    assert_eq!(run("avx2"), portable, "AVX2");
    assert_eq!(run("avx512"), portable, "AVX-512");
    assert_eq!(run("amx"), portable, "AMX, which f32 has no use for");
}
