//! Steps of training that are recorded give the bits of steps that are not.

use super::device;
use super::layers::{floats, forward};
use crate::Result;
use crate::nn::{
    Mode, Optimizer, Parameter, Replay, Stepper, Weights, backward, global_avg_pool2d, sigmoid, upload,
    without_gradients,
};
use candle_core::{DType, Device, Tensor};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

/// Images of a step.
fn batch(step: usize, images: usize, device: &Device) -> Tensor {
    let wave = |i: usize| ((i * (37 + step) % 101) as f32 - 50.0) / 50.0;
    Tensor::from_vec((0..images * 3 * 144).map(wave).collect::<Vec<_>>(), (images, 3, 12, 12), device)
        .unwrap()
}

/// The mean probability of each image.
fn loss(weights: &Weights, xs: &Tensor, drop: f64) -> Result<Tensor> {
    global_avg_pool2d(&sigmoid(&forward(weights, xs, Mode::Train, drop)?)?)
}

/// Losses and weights after steps on batches of these sizes, and how often a step was not replayed.
fn train(sizes: &[usize], drop: f64, replayed: bool, device: &Device) -> (Vec<Vec<f32>>, usize) {
    let weights = Weights::new(42, device);
    let mut adam: Option<Stepper> = None;
    let mut replay = Replay::default();
    let calls = Cell::new(0);
    let mut losses = vec![];
    for (step, &images) in sizes.iter().enumerate() {
        let xs = batch(step, images, device);
        // The first time layers make their weights, which the optimizer wants to know.
        if adam.is_none() {
            without_gradients(|| forward(&weights, &xs, Mode::Eval, drop)).unwrap();
        }
        let adam = adam.get_or_insert_with(|| {
            let parameters = weights.trainable().into_iter().map(Parameter::from).collect();
            // Gradients' norms, which are longer, stay on the device.
            Stepper::new(Optimizer::adam(), parameters).clip_norm(Some(1e-3))
        });
        adam.prepare(0.01 / (step + 1) as f64).unwrap();
        let work = |inputs: &[&Tensor]| {
            calls.set(calls.get() + 1);
            let loss = loss(&weights, inputs[0], drop)?;
            let value = loss.detach();
            adam.descend(&backward(loss)?)?;
            Ok(value)
        };
        // SAFETY: weights and optimizer live to the end of this function.
        let value = match replayed {
            true => unsafe { replay.run(&[&xs], work) },
            false => work(&[&xs]),
        };
        losses.push(value.unwrap());
    }
    let mut all: Vec<Vec<f32>> = losses.iter().map(floats).collect();
    all.extend(weights.vars().iter().map(|(_, var)| floats(var)));
    (all, calls.get())
}

#[test]
fn replayed_steps_give_the_bits_of_queued_ones() {
    let Some(device) = device() else { return };
    // The second of three in a row is recorded; the ones are too few for that.
    let sizes = [2, 2, 2, 1, 2, 2, 1, 2];
    let (queued, calls) = train(&sizes, 0.0, false, device);
    assert_eq!(calls, sizes.len());
    let (replayed, calls) = train(&sizes, 0.0, true, device);
    assert_eq!(calls, 5, "one to begin with, one before the recording, the recording, two smaller batches");
    assert!(queued == replayed, "not the same bits");
    let (on_cpu, _) = train(&sizes, 0.0, false, &Device::Cpu);
    for (here, there) in on_cpu.iter().zip(&replayed).take(sizes.len()) {
        assert!((here[0] - there[0]).abs() < 1e-4, "loss {} is {} on the CPU", there[0], here[0]);
    }
}

#[test]
fn what_cannot_be_recorded_is_queued() {
    let Some(device) = device() else { return };
    let (queued, _) = train(&[2; 4], 0.25, false, device);
    let (replayed, calls) = train(&[2; 4], 0.25, true, device);
    assert_eq!(calls, 5, "the four steps, and one recording that failed");
    assert!(queued == replayed, "not the same bits");
}

#[test]
fn batches_are_copied_while_steps_are_recorded() {
    let Some(device) = device() else { return };
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let copies = scope.spawn(|| {
            let mut copies = vec![];
            while !done.load(Ordering::Relaxed) {
                copies.push(upload(vec![3.0; 99], 99, (device, DType::F32)).unwrap());
                std::thread::sleep(std::time::Duration::from_micros(100));
            }
            copies
        });
        let (queued, _) = train(&[2; 3], 0.0, false, device);
        let (replayed, _) = train(&[2; 3], 0.0, true, device);
        done.store(true, Ordering::Relaxed);
        assert!(copies.join().unwrap().iter().all(|copy| floats(copy) == [3.0; 99]));
        assert!(queued == replayed, "not the same bits");
    });
}
