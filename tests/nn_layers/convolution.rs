//! Convolution and transposed convolution against plain loops, on odd sizes, strides and paddings.

use crate::gradients::{check, random};
use candle_core::{Device, Var};
use tgs_salt::nn::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, Weights};

#[derive(Clone, Copy, Debug)]
struct Case {
    n: usize,
    height: usize,
    width: usize,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
}

const fn case(size: [usize; 3], channels: [usize; 2], window: [usize; 3]) -> Case {
    let ([n, height, width], [inputs, outputs], [kernel, stride, padding]) = (size, channels, window);
    Case { n, height, width, inputs, outputs, kernel, stride, padding }
}

/// Every branch of the kernels: full and partial panels of 16 channels, every block size of the weight gradient, rows that
/// share a tile, windows that leave the image on all sides, taps that meet nothing, strides with ragged remainders.
const CASES: [Case; 14] = [
    case([2, 5, 7], [3, 5], [3, 1, 1]),
    case([1, 6, 5], [1, 16], [3, 1, 1]),
    case([2, 4, 3], [16, 1], [3, 1, 1]),
    case([1, 3, 4], [8, 24], [3, 1, 1]),
    case([1, 4, 4], [17, 18], [3, 1, 1]),
    case([3, 7, 6], [2, 9], [3, 2, 1]),
    case([2, 8, 8], [5, 16], [3, 2, 1]),
    case([1, 9, 7], [4, 3], [3, 3, 0]),
    case([1, 5, 5], [7, 8], [1, 1, 0]),
    case([2, 5, 6], [3, 8], [1, 2, 0]),
    case([1, 9, 8], [2, 4], [5, 1, 2]),
    case([1, 11, 9], [1, 3], [7, 2, 3]),
    case([1, 6, 7], [3, 2], [2, 3, 0]),
    case([1, 2, 2], [3, 4], [3, 1, 4]),
];

/// For each window position and tap inside the image: (image, small pixel, large pixel, tap).
fn meetings(c: Case, large: (usize, usize), small: (usize, usize), mut meet: impl FnMut([usize; 4])) {
    for n in 0..c.n {
        for small_at in 0..small.0 * small.1 {
            for tap in 0..c.kernel * c.kernel {
                let y = (small_at / small.1 * c.stride + tap / c.kernel).checked_sub(c.padding);
                let x = (small_at % small.1 * c.stride + tap % c.kernel).checked_sub(c.padding);
                let (Some(y), Some(x)) = (y.filter(|&y| y < large.0), x.filter(|&x| x < large.1)) else {
                    continue;
                };
                meet([n, n * small.0 * small.1 + small_at, (n * large.0 + y) * large.1 + x, tap]);
            }
        }
    }
}

fn naive_conv(c: Case, xs: &[f64], weight: &[f64], bias: Option<&Vec<f64>>) -> Vec<f64> {
    let out = |size: usize| (size + 2 * c.padding - c.kernel) / c.stride + 1;
    let small = (out(c.height), out(c.width));
    let mut ys = vec![0.0; c.n * small.0 * small.1 * c.outputs];
    for (i, y) in ys.iter_mut().enumerate() {
        *y = bias.map_or(0.0, |bias| bias[i % c.outputs]);
    }
    meetings(c, (c.height, c.width), small, |[_, to, from, tap]| {
        for o in 0..c.outputs {
            for i in 0..c.inputs {
                let w = weight[(o * c.inputs + i) * c.kernel * c.kernel + tap];
                ys[to * c.outputs + o] += xs[from * c.inputs + i] * w;
            }
        }
    });
    ys
}

fn naive_transposed(c: Case, extra: usize, xs: &[f64], weight: &[f64], bias: Option<&Vec<f64>>) -> Vec<f64> {
    let out = |size: usize| (size - 1) * c.stride + c.kernel + extra - 2 * c.padding;
    let large = (out(c.height), out(c.width));
    let mut ys = vec![0.0; c.n * large.0 * large.1 * c.outputs];
    for (i, y) in ys.iter_mut().enumerate() {
        *y = bias.map_or(0.0, |bias| bias[i % c.outputs]);
    }
    meetings(c, large, (c.height, c.width), |[_, from, to, tap]| {
        for o in 0..c.outputs {
            for i in 0..c.inputs {
                let w = weight[(i * c.outputs + o) * c.kernel * c.kernel + tap];
                ys[to * c.outputs + o] += xs[from * c.inputs + i] * w;
            }
        }
    });
    ys
}

/// The input as a variable, then the weights in the order weight, bias; the bias made random.
fn variables(c: Case, weights: &Weights) -> Vec<Var> {
    let xs = Var::from_tensor(&random(&[c.n, c.height, c.width, c.inputs], 1)).unwrap();
    let mut vars: Vec<Var> = weights.vars().into_iter().rev().map(|(_, var)| var).collect();
    if let Some(bias) = vars.get(1) {
        bias.set(&random(&[c.outputs], 2)).unwrap();
    }
    vars.insert(0, xs);
    vars
}

#[test]
fn convolution_equals_a_plain_loop_with_its_gradients() {
    for (i, c) in CASES.into_iter().enumerate() {
        let weights = Weights::new(3, &Device::Cpu);
        let config = Conv2dConfig::new(c.kernel).stride(c.stride).padding(c.padding).bias(i % 2 == 0);
        let conv = Conv2d::new(c.inputs, c.outputs, config, weights.builder()).unwrap();
        let vars = variables(c, &weights);
        let op = || conv.forward(&vars[0]).unwrap();
        check(&format!("{c:?}"), &vars, op, |v| naive_conv(c, &v[0], &v[1], v.get(2)));
    }
}

#[test]
fn transposed_convolution_equals_a_plain_loop_with_its_gradients() {
    let cases = CASES.into_iter().filter(|c| 2 * c.padding < c.kernel + c.stride);
    for (i, c) in cases.enumerate() {
        let output_padding = i % c.stride;
        let Case { kernel, stride, padding, .. } = c;
        let weights = Weights::new(3, &Device::Cpu);
        let config = ConvTranspose2dConfig {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 2],
            output_padding: [output_padding; 2],
            bias: i % 2 == 0,
            ..ConvTranspose2dConfig::default()
        };
        let conv = ConvTranspose2d::new(c.inputs, c.outputs, config, weights.builder()).unwrap();
        let vars = variables(c, &weights);
        let op = || conv.forward(&vars[0]).unwrap();
        let reference = |v: &[Vec<f64>]| naive_transposed(c, output_padding, &v[0], &v[1], v.get(2));
        check(&format!("transposed {c:?}"), &vars, op, reference);
    }
}

#[test]
fn an_image_wider_than_the_pointer_tables_is_right() {
    let c = case([1, 2, 421], [2, 3], [3, 1, 1]);
    let weights = Weights::new(3, &Device::Cpu);
    let config = Conv2dConfig::new(3).bias(false);
    let conv = Conv2d::new(2, 3, config, weights.builder()).unwrap();
    let vars = variables(c, &weights);
    check("wide", &vars, || conv.forward(&vars[0]).unwrap(), |v| naive_conv(c, &v[0], &v[1], None));
}

#[test]
fn an_input_used_twice_gets_both_gradients() {
    let c = case([1, 4, 4], [2, 2], [3, 1, 1]);
    let weights = Weights::new(3, &Device::Cpu);
    let config = Conv2dConfig::new(3).bias(false);
    let conv = Conv2d::new(2, 2, config, weights.builder()).unwrap();
    let vars = variables(c, &weights);
    let op = || {
        let once = conv.forward(&vars[0]).unwrap();
        let twice = conv.forward(&once).unwrap();
        ((twice + &once).unwrap() + vars[0].as_tensor() * 3.0).unwrap()
    };
    check("used twice", &vars, op, |v| {
        let once = naive_conv(c, &v[0], &v[1], None);
        let twice = naive_conv(c, &once, &v[1], None);
        twice.iter().zip(&once).zip(&v[0]).map(|((t, o), x)| t + o + 3.0 * x).collect()
    });
}

#[test]
fn an_empty_batch_gives_an_empty_result() {
    let weights = Weights::new(3, &Device::Cpu);
    let conv = Conv2d::new(2, 3, Conv2dConfig::default(), weights.builder()).unwrap();
    assert_eq!(conv.forward(&random(&[0, 4, 4, 2], 1)).unwrap().dims(), [0, 4, 4, 3]);
}

#[test]
fn wrong_shapes_and_settings_say_what_to_do() {
    let builder = || Weights::new(3, &Device::Cpu).builder();
    let conv = Conv2d::new(2, 3, Conv2dConfig::default(), builder()).unwrap();
    let error = conv.forward(&random(&[1, 2, 4, 4], 1)).unwrap_err().to_string();
    assert!(error.contains("(N, H, W, 2)") && error.contains("[1, 2, 4, 4]"), "{error}");
    let config = Conv2dConfig::new(5).padding(0);
    let conv = Conv2d::new(2, 3, config, builder()).unwrap();
    assert!(conv.forward(&random(&[1, 4, 9, 2], 1)).is_err());
    let zero = Conv2d::new(2, 0, Conv2dConfig::default(), builder()).unwrap_err().to_string();
    assert_eq!(zero, "out_channels = 0: expected 1 or more");
    let config = ConvTranspose2dConfig { output_padding: [2, 0], ..ConvTranspose2dConfig::default() };
    let error = ConvTranspose2d::new(2, 3, config, builder()).unwrap_err().to_string();
    assert_eq!(error, "output_padding = [2, 0]: expected less than the stride, [2, 2]");
}
