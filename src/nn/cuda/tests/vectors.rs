use super::super::graph::{Graph, copy};
use super::super::optimizer::{NUMBERS, OptimizerTensor, Rule, optimizer_step, set_step};
use super::super::*;
use super::*;

const RATE: f64 = 0.1;
const DECAY: f64 = 0.01;

/// The input that a locked tensor is.
fn input<'a>(
    (storage, layout): &'a (impl std::ops::Deref<Target = Storage>, &'a candle_core::Layout),
) -> CudaInput<'a> {
    match &**storage {
        Storage::Cuda(storage) => CudaInput { storage, layout },
        _ => panic!("not on the device"),
    }
}

/// One step for parameter, gradient and two states.
fn step(rule: Rule, [mut p, mut g, mut first, mut second]: [f64; 4]) -> [f64; 3] {
    match rule {
        Rule::Adam { beta1, beta2, eps, step, decoupled } => {
            if decoupled {
                p *= 1.0 - RATE * DECAY;
            } else {
                g += DECAY * p;
            }
            first = beta1 * first + (1.0 - beta1) * g;
            second = beta2 * second + (1.0 - beta2) * g * g;
            let [mean, square] =
                [(first, beta1), (second, beta2)].map(|(m, b)| m / (1.0 - b.powi(step as i32)));
            p -= RATE * mean / (square.sqrt() + eps);
        }
        Rule::Sgd { momentum, nesterov } => {
            g += DECAY * p;
            if momentum != 0.0 {
                first = momentum * first + g;
                g = if nesterov { g + momentum * first } else { first };
            }
            p -= RATE * g;
        }
    }
    [p, first, second]
}

/// The same on the device.
fn take_step(tensors: &[OptimizerTensor], rule: Rule, device: &Device) {
    let numbers = upload(vec![0.0; NUMBERS], &[NUMBERS], DType::F32, device);
    with([&numbers], |[numbers]| {
        set_step(numbers, rule, RATE, DECAY)?;
        optimizer_step(tensors, rule, numbers)
    });
}

#[test]
fn optimizers_agree_with_plain_loops() {
    let Some(device) = device() else { return };
    let adam = |step, decoupled| Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-8, step, decoupled };
    let sgd = |momentum, nesterov| Rule::Sgd { momentum, nesterov };
    for rule in [adam(3, false), adam(1, true), sgd(0.0, false), sgd(0.9, false), sgd(0.9, true)] {
        // 90 parameters need two launches, the last one of several blocks.
        let lengths = (0..90).map(|i| if i == 89 { 9000 } else { i + 1 });
        let all: Vec<[Values; 4]> = lengths
            .map(|len| {
                let state = |value| upload(vec![value; len], &[len], DType::F32, device);
                [
                    random(&[len], DType::F32, device),
                    random(&[len], DType::F32, device),
                    state(0.5),
                    state(0.25),
                ]
            })
            .collect();
        let guards: Vec<_> =
            all.iter().map(|four| four.each_ref().map(|v| v.tensor.storage_and_layout())).collect();
        let tensors: Vec<_> = guards
            .iter()
            .map(|[parameter, gradient, first, second]| OptimizerTensor {
                parameter: input(parameter),
                gradient: input(gradient),
                first: Some(input(first)),
                second: Some(input(second)),
            })
            .collect();
        take_step(&tensors, rule, device);
        for four in &all {
            let now = [0, 2, 3].map(|k| four[k].tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap());
            for i in 0..now[0].len() {
                let want = step(rule, four.each_ref().map(|values| values.host[i]));
                let near = (0..3).all(|k| (f64::from(now[k][i]) - want[k]).abs() < 1e-5);
                assert!(near, "{rule:?}: {:?} is not {want:?}", now.each_ref().map(|now| now[i]));
            }
        }
    }
}

#[test]
fn rows_are_sorted_and_summed() {
    let Some(device) = device() else { return };
    for [rows, columns] in [[3, 1], [2, 2048], [2, 5001], [1, 16384]] {
        let xs = random(&[rows, columns], DType::F32, device);
        let rounded = xs.host.iter().map(|x| (x * 50.0).round()).collect();
        let xs = upload(rounded, &[rows, columns], DType::F32, device);
        let (values, indices) = with([&xs], |[xs]| argsort_descending(xs));
        let (mut sorted, mut places, mut sums) = (vec![], vec![], vec![]);
        for row in xs.host.chunks(columns) {
            let mut order: Vec<usize> = (0..columns).collect();
            order.sort_by(|&a, &b| row[b].partial_cmp(&row[a]).unwrap().then(a.cmp(&b)));
            sorted.extend(order.iter().map(|&i| row[i]));
            places.extend(order.iter().map(|&i| i as f64));
            sums.extend(row.iter().scan(0.0, |sum, value| {
                *sum += value;
                Some(*sum)
            }));
        }
        close("sorted", &values, &sorted, 0.0);
        close("places", &indices, &places, 0.0);
        close("running sums", &with([&xs], |[xs]| running_sums(xs)), &sums, 0.0);
    }
}

#[test]
fn a_recorded_graph_replays_on_new_values() {
    let Some(device) = device() else { return };
    let Device::Cuda(cuda) = device else { return };
    let dims = [2, 3, 4, 8];
    let (xs, ys) = (random(&dims, DType::F32, device), upload(vec![0.0; 192], &dims, DType::F32, device));
    let work = || {
        let (xs, ys) = (xs.tensor.storage_and_layout(), ys.tensor.storage_and_layout());
        let doubled = add(input(&xs), input(&xs))?;
        let layout = candle_core::Layout::contiguous(192);
        copy(CudaInput { storage: &doubled, layout: &layout }, input(&ys))
    };
    work().unwrap(); // compiles the kernels
    // SAFETY: both tensors live to the end of this function.
    let graph = unsafe { Graph::record(cuda, work) }.unwrap();
    let new = random(&dims, DType::F32, device);
    with([&new, &xs], |[new, xs]| copy(new, xs));
    graph.replay().unwrap();
    let now: Vec<f32> = ys.tensor.flatten_all().unwrap().to_vec1().unwrap();
    assert!(now.iter().zip(&new.host).all(|(now, x)| f64::from(*now) == 2.0 * x));
    // What is kept cannot be recorded.
    let mut kept = vec![];
    let keep = || with([&xs], |[xs]| Ok(add(xs, xs))).map(|sum| kept.push(sum));
    // SAFETY: as above; it is never replayed.
    assert!(unsafe { Graph::record(cuda, keep) }.is_err());
    std::mem::forget(kept); // the emulated driver has freed a part with the graph
}

#[test]
fn what_kernels_cannot_take_is_an_error() {
    let Some(device) = device() else { return };
    let xs = random(&[2, 3, 4, 8], DType::F32, device);
    let other = random(&[2, 3, 4, 4], DType::F32, device);
    let half = random(&[2, 3, 4, 8], DType::BF16, device);
    let refused = |a: &Values, b: &Values| with([a, b], |[a, b]| Ok(add(a, b).is_err()));
    assert!(refused(&xs, &other) && refused(&xs, &half));
    let turned = Values { tensor: xs.tensor.transpose(1, 2).unwrap(), host: vec![] };
    assert!(refused(&turned, &xs));
    let one = random(&[1, 1, 1, 8], DType::F32, device);
    let channel = random(&[8], DType::F32, device);
    assert!(with([&one, &channel], |[xs, c]| Ok(batch_statistics(xs, c, c, 1e-5, 0.1).is_err())));
}
