//! Maximum pooling against a plain loop.

use crate::gradients::{check, floats, random};
use candle_core::{Device, Tensor, Var};
use tgs_salt::nn::max_pool2d;

fn naive(shape: [usize; 4], kernel: usize, stride: usize, padding: usize, xs: &[f64]) -> Vec<f64> {
    let [n, height, width, channels] = shape;
    let out = |size: usize| (size + 2 * padding - kernel) / stride + 1;
    let mut ys = Vec::new();
    for at in 0..n * out(height) * out(width) * channels {
        let (pixel, c) = (at / channels, at % channels);
        let (image, row, column) =
            (pixel / (out(height) * out(width)), pixel / out(width) % out(height), pixel % out(width));
        let mut largest = f64::NEG_INFINITY;
        for tap in 0..kernel * kernel {
            let y = (row * stride + tap / kernel).checked_sub(padding).filter(|&y| y < height);
            let x = (column * stride + tap % kernel).checked_sub(padding).filter(|&x| x < width);
            if let (Some(y), Some(x)) = (y, x) {
                largest = largest.max(xs[((image * height + y) * width + x) * channels + c]);
            }
        }
        ys.push(largest);
    }
    ys
}

#[test]
fn equals_a_plain_loop_with_its_gradient() {
    for (shape, kernel, stride, padding) in [
        ([2, 6, 8, 3], 2, 2, 0),
        ([2, 5, 7, 3], 2, 2, 0),
        ([1, 7, 6, 2], 3, 2, 1),
        ([1, 5, 5, 4], 3, 1, 1),
        ([1, 7, 9, 1], 2, 3, 0),
    ] {
        let xs = Var::from_tensor(&random(&shape, 1)).unwrap();
        let op = || max_pool2d(&xs, kernel, stride, padding).unwrap();
        let what = format!("{shape:?} {kernel} {stride} {padding}");
        check(&what, std::slice::from_ref(&xs), op, |v| naive(shape, kernel, stride, padding, &v[0]));
    }
}

#[test]
fn the_first_of_equal_values_gets_the_gradient() {
    let xs =
        Var::from_tensor(&Tensor::new(&[[[[0f32], [0.0]], [[0.0], [0.0]]]], &Device::Cpu).unwrap()).unwrap();
    let grads = max_pool2d(&xs, 2, 2, 0).unwrap().sum_all().unwrap().backward().unwrap();
    assert_eq!(floats(grads.get(&xs).unwrap()), [1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn not_a_number_is_not_hidden() {
    let xs = Tensor::new(&[[[[1f32], [f32::NAN]], [[3.0], [2.0]]]], &Device::Cpu).unwrap();
    assert!(floats(&max_pool2d(&xs, 2, 2, 0).unwrap())[0].is_nan());
}

#[test]
fn an_image_smaller_than_the_window_is_refused() {
    let error = max_pool2d(&random(&[1, 1, 4, 2], 1), 2, 2, 0).unwrap_err().to_string();
    assert!(error.contains("[1, 1, 4, 2]"), "{error}");
}
