//! Convolutions with windows of every kind against one plain loop: rectangles, dilation, groups, depthwise.

use crate::gradients::{check, random};
use candle_core::{Device, Var};
use tgs_salt::nn::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, Weights};

/// Batch, height, width and channels of the input, and output channels.
type Sizes = ([usize; 4], usize);

/// Calls `meet` with (large pixel, small pixel, tap) for each window position and tap inside the image.
fn meetings(
    c: Conv2dConfig,
    batch: usize,
    [large, small]: [[usize; 2]; 2],
    mut meet: impl FnMut(usize, usize, usize),
) {
    let place = |axis: usize, at: usize, tap: usize| {
        let place = at * c.stride[axis] + tap * c.dilation[axis];
        place.checked_sub(c.padding[axis]).filter(|&place| place < large[axis])
    };
    for n in 0..batch {
        for at in 0..small[0] * small[1] {
            for tap in 0..c.kernel[0] * c.kernel[1] {
                let y = place(0, at / small[1], tap / c.kernel[1]);
                let x = place(1, at % small[1], tap % c.kernel[1]);
                if let (Some(y), Some(x)) = (y, x) {
                    meet((n * large[0] + y) * large[1] + x, n * small[0] * small[1] + at, tap);
                }
            }
        }
    }
}

fn small(c: Conv2dConfig, axis: usize, size: usize) -> usize {
    (size + 2 * c.padding[axis] - c.dilation[axis] * (c.kernel[axis] - 1) - 1) / c.stride[axis] + 1
}

fn naive(c: Conv2dConfig, ([n, h, w, inputs], outputs): Sizes, v: &[Vec<f64>]) -> Vec<f64> {
    let sizes = [[h, w], [small(c, 0, h), small(c, 1, w)]];
    let (per_in, per_out, taps) = (inputs / c.groups, outputs / c.groups, c.kernel[0] * c.kernel[1]);
    let pixels = n * sizes[1][0] * sizes[1][1];
    let mut ys: Vec<f64> =
        (0..pixels * outputs).map(|i| v.get(2).map_or(0.0, |bias| bias[i % outputs])).collect();
    meetings(c, n, sizes, |large, small, tap| {
        for o in 0..outputs {
            for i in 0..per_in {
                let x = v[0][large * inputs + o / per_out * per_in + i];
                ys[small * outputs + o] += x * v[1][(o * per_in + i) * taps + tap];
            }
        }
    });
    ys
}

/// The same loop the other way: `v[0]` are the small pixels.
fn naive_transposed(
    c: Conv2dConfig,
    ([n, h, w, inputs], outputs): Sizes,
    large: [usize; 2],
    v: &[Vec<f64>],
) -> Vec<f64> {
    let (per_in, per_out, taps) = (inputs / c.groups, outputs / c.groups, c.kernel[0] * c.kernel[1]);
    let mut ys: Vec<f64> = (0..n * large[0] * large[1] * outputs).map(|i| v[2][i % outputs]).collect();
    meetings(c, n, [large, [h, w]], |large, small, tap| {
        for i in 0..inputs {
            for o in 0..per_out {
                let x = v[0][small * inputs + i];
                ys[large * outputs + i / per_in * per_out + o] += x * v[1][(i * per_out + o) * taps + tap];
            }
        }
    });
    ys
}

/// The input as a variable, then weight and bias, the bias made random.
fn variables((input, outputs): Sizes, weights: &Weights) -> Vec<Var> {
    let mut vars: Vec<Var> = weights.vars().into_iter().rev().map(|(_, var)| var).collect();
    if let Some(bias) = vars.get(1) {
        bias.set(&random(&[outputs], 2)).unwrap();
    }
    vars.insert(0, Var::from_tensor(&random(&input, 1)).unwrap());
    vars
}

fn cases() -> Vec<(Sizes, Conv2dConfig)> {
    let one = Conv2dConfig::default();
    let row = Conv2dConfig { kernel: [1, 7], padding: [0, 3], ..one };
    let column = Conv2dConfig { kernel: [5, 1], stride: [2, 1], padding: [2, 0], ..one };
    let uneven = Conv2dConfig { kernel: [2, 3], stride: [1, 2], padding: [1, 0], dilation: [2, 1], ..one };
    vec![
        (([2, 4, 9, 3], 5), row),
        (([1, 7, 3, 4], 6), column.bias(false)),
        (([1, 6, 8, 2], 3), uneven),
        (([1, 9, 8, 5], 4), one.dilation(2).padding(2)),
        (([1, 5, 5, 4], 6), one.groups(2)),
        (([1, 3, 4, 6], 99), one.groups(3).bias(false)),
        (([1, 3, 3, 33], 3), one.groups(3)),
        (([2, 5, 6, 3], 3), one.groups(3)),
        (([1, 3, 4, 70], 70), one.groups(70).stride(2)),
        (([1, 7, 6, 5], 5), one.groups(5).dilation(2).padding(2).bias(false)),
        (([1, 2, 2, 15], 17), Conv2dConfig::new(1)),
        (([1, 2, 2, 31], 33), Conv2dConfig::new(1)),
        (([1, 2, 2, 47], 32), Conv2dConfig::new(1).bias(false)),
        (([20, 4, 4, 2], 2), one),
        (([1, 17, 16, 2], 3), one.bias(false)),
    ]
}

#[test]
fn convolution_with_any_window_equals_a_plain_loop_with_its_gradients() {
    for (sizes, config) in cases() {
        let weights = Weights::new(3, &Device::Cpu);
        let conv = Conv2d::new(sizes.0[3], sizes.1, config, weights.builder()).unwrap();
        let vars = variables(sizes, &weights);
        check(
            &format!("{sizes:?} {config:?}"),
            &vars,
            || conv.forward(&vars[0]).unwrap(),
            |v| naive(config, sizes, v),
        );
    }
}

#[test]
fn transposed_convolution_with_any_window_equals_a_plain_loop_with_its_gradients() {
    for (sizes, c) in cases().into_iter().filter(|(_, c)| c.bias) {
        let weights = Weights::new(3, &Device::Cpu);
        let Conv2dConfig { kernel, stride, padding, dilation, groups, bias, init } = c;
        let output_padding = stride.map(|stride| stride - 1);
        let config =
            ConvTranspose2dConfig { kernel, stride, padding, output_padding, dilation, groups, bias, init };
        let up = ConvTranspose2d::new(sizes.0[3], sizes.1, config, weights.builder()).unwrap();
        let vars = variables(sizes, &weights);
        let large = [0, 1].map(|axis| {
            (sizes.0[axis + 1] - 1) * stride[axis]
                + dilation[axis] * (kernel[axis] - 1)
                + 1
                + output_padding[axis]
                - 2 * padding[axis]
        });
        check(
            &format!("transposed {sizes:?} {config:?}"),
            &vars,
            || up.forward(&vars[0]).unwrap(),
            |v| naive_transposed(c, sizes, large, v),
        );
    }
}

#[test]
fn groups_that_do_not_divide_the_channels_are_refused() {
    let builder = Weights::new(3, &Device::Cpu).builder();
    let error = Conv2d::new(4, 6, Conv2dConfig::default().groups(3), builder).unwrap_err().to_string();
    assert!(error.contains("groups = 3") && error.contains("[4, 6]"), "{error}");
}
