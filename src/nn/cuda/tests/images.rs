use super::super::geometry::Window;
use super::super::*;
use super::*;
use crate::nn::Activation;

/// (output place, input place, share) of each summand of a linear operation.
type Summands = Vec<(usize, usize, f64)>;

/// The operation and its adjoint.
fn apply(summands: &Summands, from: &[f64], len: usize) -> Vec<f64> {
    let mut out = vec![0.0; len];
    summands.iter().for_each(|&(to, at, share)| out[to] += share * from[at]);
    out
}

fn adjoint(summands: &Summands, from: &[f64], len: usize) -> Vec<f64> {
    let mut out = vec![0.0; len];
    summands.iter().for_each(|&(at, to, share)| out[to] += share * from[at]);
    out
}

fn count(dims: [usize; 4]) -> usize {
    dims.iter().product()
}

const WINDOW: Window = Window { kernel: [3, 2], stride: [2, 1], padding: [1, 1], dilation: [1, 1] };

/// The inputs of each output of a pooling.
fn windows(dims: [usize; 4], out: [usize; 4]) -> Vec<Vec<usize>> {
    let inputs = |[n, y, x, c]: [usize; 4]| {
        let taps = (0..WINDOW.taps()).map(|tap| (y * 2 + tap / 2, x + tap % 2));
        let inside = taps.filter(|&(y, x)| (1..=dims[1]).contains(&y) && (1..=dims[2]).contains(&x));
        inside.map(|(y, x)| at(dims, [n, y - 1, x - 1, c])).collect()
    };
    places(out).map(inputs).collect()
}

#[test]
fn pooling_agrees_with_plain_loops() {
    let Some(device) = device() else { return };
    for (dtype, channels) in TYPES.into_iter().flat_map(|dtype| [(dtype, 8), (dtype, 3)]) {
        let dims = [2, 7, 5, channels];
        let out = [2, 4, 6, channels];
        let (xs, grad) = (random(&dims, dtype, device), random(&out, dtype, device));
        let windows = windows(dims, out);
        let largest = |inputs: &Vec<usize>| {
            *inputs.iter().rev().max_by(|&&a, &&b| xs.host[a].total_cmp(&xs.host[b])).unwrap()
        };
        let maxima: Summands =
            windows.iter().enumerate().map(|(o, inputs)| (o, largest(inputs), 1.0)).collect();
        let ys = with([&xs], |[xs]| max_pool(xs, WINDOW));
        close("max pool", &ys, &apply(&maxima, &xs.host, count(out)), 0.0);
        let ys = upload(download(&ys), &out, dtype, device);
        let back = with([&xs, &ys, &grad], |[xs, ys, grad]| max_pool_backward(xs, ys, grad, WINDOW));
        close("max pool backward", &back, &adjoint(&maxima, &grad.host, count(dims)), 1e-5);
        for padded in [false, true] {
            let share = |inputs: &Vec<usize>| 1.0 / if padded { 6.0 } else { inputs.len() as f64 };
            let means: Summands = windows
                .iter()
                .enumerate()
                .flat_map(|(o, inputs)| inputs.iter().map(move |&i| (o, i, share(inputs))))
                .collect();
            let ys = with([&xs], |[xs]| average_pool(xs, WINDOW, padded));
            close("average pool", &ys, &apply(&means, &xs.host, count(out)), 1e-5);
            let back = with([&grad], |[grad]| average_pool_backward(grad, dims, WINDOW, padded));
            close("average pool backward", &back, &adjoint(&means, &grad.host, count(dims)), 1e-5);
        }
        let all: Summands = places(dims).map(|p| (p[0] * channels + p[3], at(dims, p), 1.0 / 35.0)).collect();
        let ys = with([&xs], |[xs]| global_average(xs));
        close("global average", &ys, &apply(&all, &xs.host, 2 * channels), 1e-5);
        let grad = random(&[2, channels], dtype, device);
        let back = with([&grad], |[grad]| global_average_backward(grad, dims));
        close("global average backward", &back, &adjoint(&all, &grad.host, count(dims)), 1e-5);
    }
}

/// Two inputs and the share of the second, along an axis.
fn between(at: usize, size: usize, out: usize, corners: bool) -> [(usize, f64); 2] {
    let source = match corners {
        true => at as f64 * (size as f64 - 1.0) / (out as f64 - 1.0),
        false => ((at as f64 + 0.5) * size as f64 / out as f64 - 0.5).max(0.0),
    };
    let low = (source + 1e-9) as usize;
    [(low, 1.0 - (source - low as f64)), ((low + 1).min(size - 1), source - low as f64)]
}

#[test]
fn bilinear_upsampling_agrees_with_plain_loops() {
    let Some(device) = device() else { return };
    for (dtype, channels) in TYPES.into_iter().flat_map(|dtype| [(dtype, 8), (dtype, 3)]) {
        let (dims, size) = ([2, 4, 3, channels], [7, 9]);
        let out = [2, 7, 9, channels];
        let xs = random(&dims, dtype, device);
        let grad = random(&out, dtype, device);
        for corners in [false, true] {
            let summands: Summands = places(out)
                .flat_map(|p @ [n, y, x, c]| {
                    let rows = between(y, 4, 7, corners);
                    rows.into_iter().flat_map(move |(row, b)| {
                        let columns = between(x, 3, 9, corners);
                        columns.map(|(column, a)| (at(out, p), at(dims, [n, row, column, c]), a * b))
                    })
                })
                .collect();
            let ys = with([&xs], |[xs]| bilinear(xs, size, corners));
            close("bilinear", &ys, &apply(&summands, &xs.host, count(out)), 1e-5);
            let back = with([&grad], |[grad]| bilinear_backward(grad, dims, corners));
            close("bilinear backward", &back, &adjoint(&summands, &grad.host, count(dims)), 1e-5);
        }
    }
}

#[test]
fn nearest_upsampling_agrees_with_plain_loops() {
    let Some(device) = device() else { return };
    for (dtype, channels) in TYPES.into_iter().flat_map(|dtype| [(dtype, 8), (dtype, 3)]) {
        // Output 41 of 82 shows input 0 of 2: in single precision, as on the CPU, not exactly.
        let (dims, size) = ([2, 2, 3, channels], [82, 9]);
        let source = |at: usize, from: usize, to: usize| (at as f32 * (from as f32 / to as f32)) as usize;
        assert_eq!((source(41, 2, 82), source(42, 2, 82)), (0, 1));
        let out = [2, 82, 9, channels];
        let xs = random(&dims, dtype, device);
        let beside = [2, 82, 9, 4];
        let skip = random(&beside, dtype, device);
        let joined = [2, 82, 9, channels + 4];
        let shown = |[n, y, x, c]: [usize; 4]| at(dims, [n, source(y, 2, 82), source(x, 3, 9), c]);
        let nearest: Summands = places(out).map(|p| (at(joined, p), shown(p), 1.0)).collect();
        let mut want = apply(&nearest, &xs.host, count(joined));
        places(beside).for_each(|p @ [n, y, x, c]| {
            want[at(joined, [n, y, x, c + channels])] = skip.host[at(beside, p)];
        });
        let ys = with([&xs, &skip], |[xs, skip]| nearest_concat(xs, Some(skip), size));
        close("nearest", &ys, &want, 0.0);
        let grad = random(&joined, dtype, device);
        let back = with([&grad], |[grad]| nearest_backward(grad, dims));
        close("nearest backward", &back, &adjoint(&nearest, &grad.host, count(dims)), 1e-5);
        let alone = with([&xs], |[xs]| nearest_concat(xs, None, size));
        let want: Vec<f64> = places(out).map(|p| xs.host[shown(p)]).collect();
        close("nearest alone", &alone, &want, 0.0);
    }
}

#[test]
fn layouts_agree_with_plain_loops() {
    let Some(device) = device() else { return };
    for (dtype, channels) in TYPES.into_iter().flat_map(|dtype| [(dtype, 8), (dtype, 3)]) {
        let dims = [2, 5, 9, channels];
        let (xs, other) = (random(&dims, dtype, device), random(&[2, 5, 9, 4], dtype, device));
        let first = with([&xs], |[xs]| transpose(xs, dims[0], dims[1] * dims[2], dims[3]));
        let want: Vec<f64> =
            places([2, channels, 5, 9]).map(|[n, c, y, x]| xs.host[at(dims, [n, y, x, c])]).collect();
        close("channels first", &first, &want, 0.0);
        let first = upload(want, &[2, channels, 5, 9], dtype, device);
        close(
            "channels last",
            &with([&first], |[first]| transpose(first, dims[0], dims[3], dims[1] * dims[2])),
            &xs.host,
            0.0,
        );
        let joined = with([&xs, &other], |[xs, other]| concat_channels(&[other, xs]));
        let all = [2, 5, 9, 4 + channels];
        let want: Vec<f64> = places(all)
            .map(|[n, y, x, c]| match c.checked_sub(4) {
                None => other.host[at([2, 5, 9, 4], [n, y, x, c])],
                Some(c) => xs.host[at(dims, [n, y, x, c])],
            })
            .collect();
        close("joined", &joined, &want, 0.0);
        let joined = upload(want, &all, dtype, device);
        close("sliced", &with([&joined], |[joined]| slice_channels(joined, 4, channels)), &xs.host, 0.0);
        let framed = with([&xs], |[xs]| frame(xs, [8, 7], [2, -1]));
        let inside = |y: usize, x: usize| (2..7).contains(&y) && x + 1 < 9;
        let want: Vec<f64> = places([2, 8, 7, channels])
            .map(|[n, y, x, c]| if inside(y, x) { xs.host[at(dims, [n, y - 2, x + 1, c])] } else { 0.0 })
            .collect();
        close("framed", &framed, &want, 0.0);
    }
}

#[test]
fn pointwise_operations_agree_with_plain_loops() {
    let Some(device) = device() else { return };
    for (dtype, channels) in TYPES.into_iter().flat_map(|dtype| [(dtype, 8), (dtype, 3)]) {
        let dims = [2, 5, 4, channels];
        let (xs, other) = (random(&dims, dtype, device), random(&dims, dtype, device));
        let zip = |f: fn(f64, f64) -> f64| -> Vec<f64> {
            xs.host.iter().zip(&other.host).map(|(a, b)| f(*a, *b)).collect()
        };
        close("add", &with([&xs, &other], |[a, b]| add(a, b)), &zip(|a, b| a + b), 1e-6);
        let ys = with([&xs], |[xs]| activation(xs, Activation::LeakyRelu(0.5)));
        close("activation", &ys, &zip(|a, _| if a > 0.0 { a } else { a / 2.0 }), 1e-6);
        let back = with([&xs, &other], |[xs, grad]| activation_backward(xs, grad, Activation::Relu));
        close("activation backward", &back, &zip(|a, b| if a > 0.0 { b } else { 0.0 }), 1e-6);
        let (per_channel, per_pixel) =
            (random(&[2, channels], dtype, device), random(&[2, 5, 4], dtype, device));
        let channel = |i: usize| i / (20 * channels) * channels + i % channels;
        let product = |of: &[f64], gate: &dyn Fn(usize) -> f64| -> Vec<f64> {
            of.iter().enumerate().map(|(i, x)| x * gate(i)).collect()
        };
        let ys = with([&xs, &per_channel], |[xs, gate]| gate_channels(xs, gate));
        close("gate of channels", &ys, &product(&xs.host, &|i| per_channel.host[channel(i)]), 1e-6);
        let (dx, dgate) =
            with([&xs, &per_channel, &other], |[xs, gate, grad]| gate_channels_backward(xs, gate, grad));
        close("its input gradient", &dx, &product(&other.host, &|i| per_channel.host[channel(i)]), 1e-6);
        let both = zip(|a, b| a * b);
        let mut want = vec![0.0; 2 * channels];
        both.iter().enumerate().for_each(|(i, value)| want[channel(i)] += value);
        close("its gate gradient", &dgate, &want, 1e-5);
        let ys = with([&xs, &per_pixel], |[xs, gate]| gate_pixels(xs, gate));
        close("gate of pixels", &ys, &product(&xs.host, &|i| per_pixel.host[i / channels]), 1e-6);
        let (dx, dgate) =
            with([&xs, &per_pixel, &other], |[xs, gate, grad]| gate_pixels_backward(xs, gate, grad));
        close("its input gradient", &dx, &product(&other.host, &|i| per_pixel.host[i / channels]), 1e-6);
        let want: Vec<f64> = both.chunks(channels).map(|pixel| pixel.iter().sum()).collect();
        close("its gate gradient", &dgate, &want, 1e-5);
    }
}

/// The first numbers of SplitMix64 from a state.
fn split_mix(seed: u64) -> impl Iterator<Item = u64> {
    (1..).map(move |i: u64| {
        let z = seed.wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

#[test]
fn dropout_follows_its_generator() {
    let Some(device) = device() else { return };
    for (dtype, spatial) in TYPES.into_iter().flat_map(|dtype| [(dtype, false), (dtype, true)]) {
        let dims = [3, 4, 5, 8];
        let xs = random(&dims, dtype, device);
        let keep: Vec<bool> =
            split_mix(7).take(480).map(|z| (z >> 32) as f64 >= 0.25 * 2f64.powi(32)).collect();
        let kept = |i: usize| if spatial { keep[i / 160 * 8 + i % 8] } else { keep[i] };
        let want: Vec<f64> =
            xs.host.iter().enumerate().map(|(i, x)| if kept(i) { x / 0.75 } else { 0.0 }).collect();
        let settings = Dropout { seed: 7, probability: 0.25, spatial };
        close("dropout", &with([&xs], |[xs]| dropout(xs, settings)), &want, 1e-6);
    }
}
