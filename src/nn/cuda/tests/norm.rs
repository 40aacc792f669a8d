use super::super::{Norm, batch_statistics, running_statistics};
use super::*;
use crate::nn::Activation;

const EPS: f64 = 1e-5;
const MOMENTUM: f64 = 0.1;

fn activated(kind: Activation, z: f64) -> (f64, f64) {
    let sigmoid = 1.0 / (1.0 + (-z).exp());
    match kind {
        Activation::None => (z, 1.0),
        Activation::Relu => (z.max(0.0), f64::from(z > 0.0)),
        Activation::LeakyRelu(slope) if z <= 0.0 => (z * f64::from(slope), f64::from(slope)),
        Activation::Elu if z <= 0.0 => (z.exp() - 1.0, z.exp()),
        Activation::LeakyRelu(_) | Activation::Elu => (z, 1.0),
        Activation::Sigmoid => (sigmoid, sigmoid * (1.0 - sigmoid)),
    }
}

/// Mean and variance of each channel.
fn moments(xs: &[f64], channels: usize) -> (Vec<f64>, Vec<f64>) {
    let pixels = (xs.len() / channels) as f64;
    let column = |k: usize| xs.iter().skip(k).step_by(channels);
    let mean: Vec<f64> = (0..channels).map(|k| column(k).sum::<f64>() / pixels).collect();
    let variance =
        (0..channels).map(|k| column(k).map(|x| (x - mean[k]).powi(2)).sum::<f64>() / pixels).collect();
    (mean, variance)
}

/// Running statistics that started at 0.25 and 2 have moved towards the batch's.
fn check_running([running_mean, running_var]: [&Values; 2], mean: &[f64], variance: &[f64], pixels: f64) {
    let near = |running: &Values, moved: Vec<f64>| {
        let now: Vec<f32> = running.tensor.to_vec1().unwrap();
        assert!(now.iter().zip(&moved).all(|(now, moved)| (f64::from(*now) - moved).abs() < 1e-5));
    };
    let unbiased = |v: &f64| v * pixels / (pixels - 1.0);
    near(running_var, variance.iter().map(|v| 2.0 + MOMENTUM * (unbiased(v) - 2.0)).collect());
    near(running_mean, mean.iter().map(|mean| 0.25 + MOMENTUM * (mean - 0.25)).collect());
}

/// What plain loops give.
struct Expected {
    ys: Vec<f64>,
    xs_grad: Vec<f64>,
    weight_grad: Vec<f64>,
    bias_grad: Vec<f64>,
    residual_grad: Vec<f64>,
}

fn expected(
    [xs, other, weight, bias, grad]: [&Values; 5],
    (mean, inverse): (&[f64], &[f64]),
    kind: Activation,
    (residual, train): (bool, bool),
) -> Expected {
    let c = mean.len();
    let normal = |i: usize| (xs.host[i] - mean[i % c]) * inverse[i % c];
    let (mut ys, mut behind) = (vec![], vec![]);
    let (mut sum, mut product) = (vec![0.0; c], vec![0.0; c]);
    for i in 0..xs.host.len() {
        let k = i % c;
        let z = normal(i) * weight.host[k] + bias.host[k] + if residual { other.host[i] } else { 0.0 };
        let (value, slope) = activated(kind, z);
        ys.push(value);
        behind.push(grad.host[i] * slope);
        sum[k] += behind[i];
        product[k] += behind[i] * normal(i);
    }
    let n = (xs.host.len() / c) as f64;
    let through = |i: usize| if train { sum[i % c] / n + normal(i) * product[i % c] / n } else { 0.0 };
    let xs_grad = (0..behind.len()).map(|i| weight.host[i % c] * inverse[i % c] * (behind[i] - through(i)));
    Expected { ys, xs_grad: xs_grad.collect(), weight_grad: product, bias_grad: sum, residual_grad: behind }
}

fn check(dims: [usize; 4], kind: Activation, residual: bool, train: bool, dtype: DType, device: &Device) {
    let c = dims[3];
    let (xs, grad) = (random(&dims, dtype, device), random(&dims, dtype, device));
    let other = random(&dims, dtype, device);
    let (weight, bias) = (random(&[c], DType::F32, device), random(&[c], DType::F32, device));
    let running_mean = upload(vec![0.25; c], &[c], DType::F32, device);
    let running_var = upload(vec![2.0; c], &[c], DType::F32, device);
    let pixels = xs.host.len() / c;
    let (mean, variance) = match train {
        true => moments(&xs.host, c),
        false => (vec![0.25; c], vec![2.0; c]),
    };
    let statistics = with([&xs, &running_mean, &running_var], |[xs, mean, var]| match train {
        true => batch_statistics(xs, mean, var, EPS as f32, MOMENTUM as f32),
        false => running_statistics(mean, var, EPS as f32),
    });
    let inverse: Vec<f64> = variance.iter().map(|v| 1.0 / (v + EPS).sqrt()).collect();
    close("statistics", &statistics, &[mean.clone(), inverse.clone()].concat(), 1e-5);
    if train {
        check_running([&running_mean, &running_var], &mean, &variance, pixels as f64);
    }
    let layout = candle_core::Layout::contiguous(2 * c);
    let statistics = CudaInput { storage: &statistics, layout: &layout };
    let (ys, grads) = with([&xs, &other, &weight, &bias, &grad], |[xs, other, weight, bias, grad]| {
        let norm =
            Norm { xs, residual: residual.then_some(other), statistics, weight, bias, activation: kind };
        Ok((norm.forward()?, norm.backward(grad, !train)?))
    });
    let want = expected([&xs, &other, &weight, &bias, &grad], (&mean, &inverse), kind, (residual, train));
    close("normalized", &ys, &want.ys, 1e-4);
    close("input gradient", &grads.xs, &want.xs_grad, 1e-4);
    close("weight gradient", &grads.weight, &want.weight_grad, 3e-4);
    close("bias gradient", &grads.bias, &want.bias_grad, 3e-4);
    assert_eq!(grads.residual.is_some(), residual);
    if let Some(gradient) = grads.residual {
        close("residual gradient", &gradient, &want.residual_grad, 1e-4);
    }
}

#[test]
fn batch_norm_agrees_with_plain_loops() {
    let Some(device) = device() else { return };
    let kinds = [
        Activation::None,
        Activation::Relu,
        Activation::LeakyRelu(0.1),
        Activation::Elu,
        Activation::Sigmoid,
    ];
    for dtype in TYPES {
        for (i, kind) in kinds.into_iter().enumerate() {
            check([2, 9, 7, 8], kind, i % 2 == 0, true, dtype, device);
            check([3, 20, 11, 5], kind, i % 2 == 1, true, dtype, device);
            check([1, 4, 5, 12], kind, true, false, dtype, device);
        }
        check([1, 30, 21, 132], Activation::Relu, true, true, dtype, device);
    }
}
