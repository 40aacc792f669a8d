use super::super::graph::{Graph, copy};
use super::super::*;
use super::*;

/// The input that a locked tensor is.
fn input<'a>(
    (storage, layout): &'a (impl std::ops::Deref<Target = Storage>, &'a candle_core::Layout),
) -> CudaInput<'a> {
    match &**storage {
        Storage::Cuda(storage) => CudaInput { storage, layout },
        _ => panic!("not on the device"),
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
