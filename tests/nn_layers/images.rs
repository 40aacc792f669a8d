//! Average pooling, upsampling, dropout, scSE and activations against plain loops.

use crate::gradients::{check, floats, random};
use candle_core::{Device, Tensor, Var};
use tgs_salt::nn::{
    Activation, ScSe, Weights, avg_pool2d, dropout, dropout2d, global_avg_pool2d, upsample_bilinear2d,
    upsample_concat, upsample_nearest2d,
};

fn var(shape: &[usize], seed: u64) -> Var {
    Var::from_tensor(&random(shape, seed)).unwrap()
}

/// For each pixel and channel of an image (1, H, W, C) what `value` gives for (row, column, channel).
fn image([h, w, c]: [usize; 3], value: impl Fn(usize, usize, usize) -> f64) -> Vec<f64> {
    (0..h * w * c).map(|i| value(i / c / w, i / c % w, i % c)).collect()
}

#[test]
fn average_pooling_equals_a_plain_loop_with_its_gradient() {
    for ([h, w, c], kernel, stride, padding) in
        [([6, 8, 3], 2, 2, 0), ([5, 7, 2], 3, 1, 1), ([7, 9, 1], 3, 2, 1)]
    {
        let xs = var(&[1, h, w, c], 1);
        let out = |size: usize| (size + 2 * padding - kernel) / stride + 1;
        let reference = |v: &[Vec<f64>]| {
            image([out(h), out(w), c], |y, x, k| {
                let inside = |at: usize, tap: usize, size: usize| {
                    (at * stride + tap).checked_sub(padding).filter(|&place| place < size)
                };
                let taps = (0..kernel * kernel).filter_map(|tap| {
                    let (y, x) = (inside(y, tap / kernel, h)?, inside(x, tap % kernel, w)?);
                    Some(v[0][(y * w + x) * c + k])
                });
                taps.sum::<f64>() / (kernel * kernel) as f64
            })
        };
        let op = || avg_pool2d(&xs, kernel, stride, padding).unwrap();
        check("avg_pool2d", std::slice::from_ref(&xs), op, reference);
    }
    let xs = var(&[2, 3, 5, 4], 1);
    let mean = |v: &[Vec<f64>]| {
        (0..8).map(|i| (0..15).map(|p| v[0][i / 4 * 60 + p * 4 + i % 4]).sum::<f64>() / 15.0).collect()
    };
    check("global", std::slice::from_ref(&xs), || global_avg_pool2d(&xs).unwrap(), mean);
}

#[test]
fn nearest_upsampling_takes_the_pixel_above_and_left() {
    for (from, to) in [([3, 4], [6, 8]), ([3, 5], [7, 8]), ([5, 7], [3, 4]), ([1, 2], [5, 2])] {
        let (a, b) = (var(&[1, from[0], from[1], 3], 1), var(&[1, to[0], to[1], 2], 2));
        let pixel = |v: &[Vec<f64>], y: usize, x: usize, k: usize| {
            v[0][(y * from[0] / to[0] * from[1] + x * from[1] / to[1]) * 3 + k]
        };
        check(
            "nearest",
            std::slice::from_ref(&a),
            || upsample_nearest2d(&a, to[0], to[1]).unwrap(),
            |v| image([to[0], to[1], 3], |y, x, k| pixel(v, y, x, k)),
        );
        check(
            "nearest and skip",
            &[a.clone(), b.clone()],
            || upsample_concat(&a, &b).unwrap(),
            |v| {
                image([to[0], to[1], 5], |y, x, k| match k {
                    0..3 => pixel(v, y, x, k),
                    _ => v[1][(y * to[1] + x) * 2 + k - 3],
                })
            },
        );
    }
}

#[test]
fn bilinear_upsampling_equals_its_definition_with_its_gradient() {
    for (from, to, align) in [
        ([3, 4], [6, 8], false),
        ([3, 4], [6, 8], true),
        ([5, 3], [3, 7], false),
        ([5, 3], [3, 7], true),
        ([1, 2], [3, 1], true),
    ] {
        let xs = var(&[1, from[0], from[1], 2], 1);
        let place = |axis: usize, at: usize| {
            let (from, to) = (from[axis] as f64, to[axis] as f64);
            match align {
                true if to > 1.0 => at as f64 * (from - 1.0) / (to - 1.0),
                true => 0.0,
                false => ((at as f64 + 0.5) * from / to - 0.5).max(0.0),
            }
        };
        // The hat function of each source pixel; beyond the last one its value goes on.
        let weight = |axis: usize, at: usize, source: usize| {
            let place = place(axis, at).min(from[axis] as f64 - 1.0);
            (1.0 - (place - source as f64).abs()).max(0.0)
        };
        let reference = |v: &[Vec<f64>]| {
            image([to[0], to[1], 2], |y, x, k| {
                let pixels = (0..from[0] * from[1]).map(|p| (p / from[1], p % from[1]));
                pixels.map(|(r, c)| weight(0, y, r) * weight(1, x, c) * v[0][(r * from[1] + c) * 2 + k]).sum()
            })
        };
        let op = || upsample_bilinear2d(&xs, to[0], to[1], align).unwrap();
        check(&format!("bilinear {from:?} {to:?} {align}"), std::slice::from_ref(&xs), op, reference);
    }
}

#[test]
fn activations_equal_their_definitions_with_their_gradients() {
    let xs = var(&[2, 3, 5, 7], 1);
    for (activation, f) in [
        (Activation::None, (|x| x) as fn(f64) -> f64),
        (Activation::Relu, |x| x.max(0.0)),
        (Activation::LeakyRelu(0.1), |x| if x > 0.0 { x } else { 0.1 * x }),
        (Activation::Elu, |x| if x > 0.0 { x } else { x.exp_m1() }),
        (Activation::Sigmoid, |x| 1.0 / (1.0 + (-x).exp())),
    ] {
        let op = || activation.forward(&(xs.as_tensor() * 1.0).unwrap()).unwrap();
        check(&format!("{activation:?}"), std::slice::from_ref(&xs), op, |v| {
            v[0].iter().map(|&x| f(x)).collect()
        });
    }
}

#[test]
fn dropout_drops_its_share_and_its_gradient_the_same_values() {
    let xs = Var::ones((4, 16, 16, 8), candle_core::DType::F32, &Device::Cpu).unwrap();
    let ys = dropout(&xs, 0.3, 7).unwrap();
    let kept = floats(&ys).iter().filter(|&&y| y > 0.0).count() as f64 / 8192.0;
    // Three standard deviations of the share of 8,192 values.
    assert!((kept - 0.7).abs() < 3.0 * (0.21f64 / 8192.0).sqrt(), "{kept}");
    let grads = ys.sum_all().unwrap().backward().unwrap();
    assert_eq!(floats(grads.get(&xs).unwrap()), floats(&ys));
    assert_eq!(floats(&dropout(&xs, 0.3, 7).unwrap()), floats(&ys));
    assert_ne!(floats(&dropout(&xs, 0.3, 8).unwrap()), floats(&ys));
    assert_eq!(floats(&dropout(&xs, 0.0, 7).unwrap()), floats(&xs));
    assert!(dropout(&xs, 1.0, 7).is_err() && dropout(&xs, -0.1, 7).is_err());
    let spatial = floats(&dropout2d(&xs, 0.5, 7).unwrap());
    for (image, first) in spatial.chunks(2048).map(|image| (image, &image[..8])) {
        assert!(image.chunks(8).all(|pixel| pixel == first), "a channel is dropped in some pixels only");
    }
    let fates: Vec<bool> =
        spatial.chunks(2048).flat_map(|image| image[..8].iter().map(|&y| y > 0.0)).collect();
    assert!(fates.contains(&true) && fates.contains(&false));
}

#[test]
fn scse_equals_its_definition_with_its_gradients() {
    let weights = Weights::new(5, &Device::Cpu);
    let attention = ScSe::new(4, 2, weights.builder()).unwrap();
    let mut vars: Vec<Var> = weights.vars().into_iter().map(|(_, var)| var).collect();
    for (i, var) in vars.iter().enumerate() {
        var.set(&random(var.dims(), 20 + i as u64)).unwrap();
    }
    vars.insert(0, var(&[2, 2, 3, 4], 1));
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    // In the order of names: cSE.1.bias, cSE.1.weight, cSE.3.bias, cSE.3.weight, sSE.0.bias, sSE.0.weight.
    let reference = |v: &[Vec<f64>]| {
        let mut ys = vec![];
        for image in v[0].chunks(24) {
            let mean: Vec<f64> = (0..4).map(|c| image[c..].iter().step_by(4).sum::<f64>() / 6.0).collect();
            let dense = |bias: &[f64], weight: &[f64], xs: &[f64]| -> Vec<f64> {
                let row = |o: usize| xs.iter().zip(&weight[o * xs.len()..]).map(|(x, w)| x * w).sum::<f64>();
                (0..bias.len()).map(|o| bias[o] + row(o)).collect()
            };
            let squeezed: Vec<f64> = dense(&v[1], &v[2], &mean).iter().map(|x| x.max(0.0)).collect();
            let channel = dense(&v[3], &v[4], &squeezed);
            for pixel in image.chunks(4) {
                let gate = sigmoid(dense(&v[5], &v[6], pixel)[0]);
                ys.extend(pixel.iter().zip(&channel).map(|(x, c)| x * (sigmoid(*c) + gate)));
            }
        }
        ys
    };
    check("scSE", &vars, || attention.forward(&vars[0]).unwrap(), reference);
    assert!(ScSe::new(4, 8, weights.builder()).is_err());
}

#[test]
fn a_half_image_stays_half() {
    let xs: Tensor = random(&[1, 4, 4, 6], 1).to_dtype(candle_core::DType::BF16).unwrap();
    let ys = tgs_salt::nn::without_gradients(|| avg_pool2d(&xs, 2, 2, 0)).unwrap();
    assert_eq!(ys.dtype(), candle_core::DType::BF16);
}
