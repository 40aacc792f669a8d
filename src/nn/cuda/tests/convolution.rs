use super::super::geometry::{Geometry, Plane, Window};
use super::super::{channel_sums, into_large, into_small, weight_gradient};
use super::*;

fn geometry(large: [usize; 4], small: usize, groups: usize, window: Window) -> Geometry {
    let [batch, height, width, channels] = large;
    let (rows, columns) = (window.small(0, height).unwrap(), window.small(1, width).unwrap());
    Geometry {
        batch,
        large: Plane { height, width, channels },
        small: Plane { height: rows, width: columns, channels: small },
        window,
        groups,
    }
}

fn window(kernel: [usize; 2], stride: usize, padding: usize, dilation: usize) -> Window {
    Window { kernel, stride: [stride; 2], padding: [padding; 2], dilation: [dilation; 2] }
}

/// Calls `f` with the places of large plane, weight and small plane in each product.
fn products(g: &Geometry, mut f: impl FnMut(usize, usize, usize)) {
    let large = [g.batch, g.large.height, g.large.width, g.large.channels];
    let small = [g.batch, g.small.height, g.small.width, g.small.channels];
    let Window { kernel, stride, padding, dilation } = g.window;
    for [n, y, x, s] in places(small) {
        for tap in 0..g.window.taps() {
            let row = (y * stride[0] + tap / kernel[1] * dilation[0]).wrapping_sub(padding[0]);
            let column = (x * stride[1] + tap % kernel[1] * dilation[1]).wrapping_sub(padding[1]);
            if row >= g.large.height || column >= g.large.width {
                continue;
            }
            for l in 0..g.large_channels() {
                let channel = s / g.small_channels() * g.large_channels() + l;
                let weight = (s * g.large_channels() + l) * g.window.taps() + tap;
                f(at(large, [n, row, column, channel]), weight, at(small, [n, y, x, s]));
            }
        }
    }
}

fn check(g: &Geometry, dtype: DType, device: &Device) {
    let large = random(&[g.batch, g.large.height, g.large.width, g.large.channels], dtype, device);
    let small = random(&[g.batch, g.small.height, g.small.width, g.small.channels], dtype, device);
    let [ky, kx] = g.window.kernel;
    let weight = random(&[g.small.channels, g.large_channels(), ky, kx], DType::F32, device);
    let bias = random(&[g.small.channels], DType::F32, device);
    let (mut y, mut x) = (vec![0.0; small.host.len()], vec![0.0; large.host.len()]);
    let mut w = vec![0.0; weight.host.len()];
    products(g, |i, j, k| {
        y[k] += large.host[i] * weight.host[j];
        x[i] += small.host[k] * weight.host[j];
        w[j] += small.host[k] * large.host[i];
    });
    // Weights in bf16 differ by 2^-9 of each product.
    let tolerance = if dtype == DType::BF16 { 0.02 } else { 1e-4 };
    let plain = with([&large, &weight], |[large, weight]| into_small(g, large, weight, None));
    close("into small", &plain, &y, tolerance);
    let adjoint = with([&small, &weight], |[small, weight]| into_large(g, small, weight, None));
    close("into large", &adjoint, &x, tolerance);
    let gradient = with([&large, &small], |[large, small]| weight_gradient(g, large, small));
    assert_eq!(gradient.dtype(), DType::F32);
    close("weight gradient", &gradient, &w, tolerance);
    let biased =
        with([&large, &weight, &bias], |[large, weight, bias]| into_small(g, large, weight, Some(bias)));
    y.iter_mut().enumerate().for_each(|(i, y)| *y += bias.host[i % bias.host.len()]);
    close("with bias", &biased, &y, tolerance);
    let sums = with([&small], |[small]| channel_sums(small));
    let mut want = vec![0.0; g.small.channels];
    small.host.iter().enumerate().for_each(|(i, value)| want[i % g.small.channels] += value);
    close("bias gradient", &sums, &want, 1e-4);
}

#[test]
fn convolutions_agree_with_plain_loops() {
    let Some(device) = device() else { return };
    for dtype in TYPES {
        check(&geometry([2, 9, 7, 8], 12, 1, window([3, 3], 1, 1, 1)), dtype, device);
        check(&geometry([1, 11, 8, 1], 4, 1, window([7, 5], 2, 3, 1)), dtype, device);
        check(&geometry([2, 6, 5, 16], 1, 1, window([1, 1], 1, 0, 1)), dtype, device);
        check(&geometry([2, 8, 9, 6], 9, 3, window([3, 2], 2, 1, 2)), dtype, device);
        check(&geometry([3, 9, 9, 5], 5, 5, window([3, 3], 1, 1, 1)), dtype, device);
        check(&geometry([1, 7, 8, 4], 8, 4, window([5, 3], 2, 2, 1)), dtype, device);
        // Reused, with a workspace that has grown since.
        check(&geometry([2, 9, 7, 8], 12, 1, window([3, 3], 1, 1, 1)), dtype, device);
    }
}

#[test]
fn sums_over_many_pixels_are_whole() {
    let Some(device) = device() else { return };
    for dtype in TYPES {
        // Several chunks, and channels beyond one tile.
        for dims in [[2, 70, 33, 3], [1, 50, 9, 260], [3, 1, 1, 4]] {
            let xs = random(&dims, dtype, device);
            let mut want = vec![0.0; dims[3]];
            xs.host.iter().enumerate().for_each(|(i, value)| want[i % dims[3]] += value);
            close("sums", &with([&xs], |[xs]| channel_sums(xs)), &want, 1e-4);
        }
    }
}
