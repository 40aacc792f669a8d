//! Accumulation, parameters that stay, and checkpoints.

use crate::{bits, each, gradients, parameters, take, values};
use candle_core::Device;
use candle_core::backprop::GradStore;
use std::collections::BTreeMap;
use tgs_salt::nn::{
    BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, Optimizer, Parameter, Stepper, Weights,
    takes_weight_decay,
};

/// The largest difference of two sets of parameters.
fn apart(a: &[Parameter], b: &[Parameter]) -> f32 {
    let floats = |parameters: &[Parameter]| -> Vec<f32> {
        parameters.iter().flat_map(|parameter| parameter.value.to_vec1::<f32>().unwrap()).collect()
    };
    floats(a).iter().zip(floats(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn parts_of_a_batch_give_the_step_of_the_whole() {
    let images = [3.0, 5.0, 1.0];
    for optimizer in each() {
        for max_norm in [None, Some(30.0)] {
            let (whole, parts) = (parameters(), parameters());
            let stepper =
                |parameters: &Vec<Parameter>| Stepper::new(optimizer, parameters.clone()).clip_norm(max_norm);
            let (mut at_once, mut in_parts) = (stepper(&whole), stepper(&parts));
            for step in 0..3 {
                let seeds = [0, 1, 2].map(|part| 3 * step + part);
                let mut mean = GradStore::default();
                for parameter in &whole {
                    let part = |seed: usize| gradients(&whole, seed).get(&parameter.value).cloned();
                    let of = |i: usize| Some((part(seeds[i])? * (images[i] / 9.0)).unwrap());
                    let Some(sum) = of(0) else { continue };
                    let sum = ((sum + of(1).unwrap()).unwrap() + of(2).unwrap()).unwrap();
                    mean.insert(&parameter.value, sum);
                }
                at_once.step(&mean, 0.01).unwrap();
                for (seed, images) in seeds.into_iter().zip(images) {
                    in_parts.accumulate(&gradients(&parts, seed), images).unwrap();
                }
                in_parts.step_accumulated(0.01).unwrap();
            }
            assert_eq!(in_parts.steps(), 3);
            assert!(apart(&whole, &parts) < 3e-6, "{optimizer}, {max_norm:?}: {}", apart(&whole, &parts));
            assert!(apart(&whole, &parameters()) > 1e-3, "{optimizer} has moved nothing");
        }
    }
}

#[test]
fn what_was_accumulated_is_forgotten_and_nothing_is_no_step() {
    let parameters = parameters();
    let mut stepper = Stepper::new(Optimizer::sgd(), parameters.clone());
    assert!(stepper.step_accumulated(0.1).unwrap_err().to_string().contains("accumulate"));
    let weight = stepper.accumulate(&gradients(&parameters, 1), 0.0).unwrap_err().to_string();
    assert_eq!(weight, "weight of gradients = 0: expected a number above 0");
    stepper.accumulate(&gradients(&parameters, 1), 2.0).unwrap();
    stepper.step_accumulated(0.1).unwrap();
    assert!(stepper.step_accumulated(0.1).is_err());
    assert_eq!(stepper.steps(), 1);
    assert_eq!(format!("{stepper:?}"), "Stepper(sgd(momentum 0.9), 4 parameters, 1 steps)");
}

#[test]
fn parameters_without_a_gradient_stay() {
    for optimizer in each() {
        let parameters = parameters();
        let before = bits(&parameters);
        let mut stepper = Stepper::new(optimizer, parameters.clone()).clip_norm(Some(30.0));
        take(&mut stepper, &parameters, 0..2);
        stepper.accumulate(&gradients(&parameters, 5), 1.0).unwrap();
        stepper.step_accumulated(0.1).unwrap();
        let after = bits(&parameters);
        // It has weight decay.
        assert_eq!(before[3], after[3], "{optimizer}");
        assert!((0..3).all(|i| before[i] != after[i]), "{optimizer}");
    }
}

#[test]
fn a_stepper_goes_on_from_a_checkpoint_with_the_same_bits() {
    for optimizer in each() {
        let (whole, stopped) = (parameters(), parameters());
        take(&mut Stepper::new(optimizer, whole.clone()), &whole, 0..6);
        let mut first = Stepper::new(optimizer, stopped.clone());
        take(&mut first, &stopped, 0..3);
        let tensors = first.to_tensors().unwrap();
        assert!(tensors.keys().all(|name| Stepper::is_state(name)), "{:?}", tensors.keys());
        let mut second = Stepper::new(optimizer, stopped.clone());
        second.set_tensors(&tensors, first.steps()).unwrap();
        take(&mut second, &stopped, 3..6);
        assert_eq!(second.steps(), 6);
        assert!(bits(&whole) == bits(&stopped), "{optimizer}");
    }
}

#[test]
fn checkpoints_of_before_are_read_and_incomplete_ones_refused() {
    let parameters = parameters();
    let mut adam = Stepper::new(Optimizer::adam(), parameters.clone());
    take(&mut adam, &parameters, 0..2);
    let tensors = adam.to_tensors().unwrap();
    assert_eq!(tensors.keys().next().unwrap(), "optimizer.first.p0");
    let old: BTreeMap<_, _> =
        tensors.iter().map(|(name, tensor)| (name.replace("optimizer.", "adam."), tensor.clone())).collect();
    assert!(old.keys().all(|name| Stepper::is_state(name)) && !Stepper::is_state("encoder.adam.first"));
    let mut other = Stepper::new(Optimizer::adam(), parameters.clone());
    other.set_tensors(&old, 2).unwrap();
    for (name, tensor) in other.to_tensors().unwrap() {
        assert_eq!(tensor.to_vec1::<f32>().unwrap(), tensors[&name].to_vec1::<f32>().unwrap(), "{name}");
    }
    let mut incomplete = tensors.clone();
    incomplete.remove("optimizer.second.p2");
    let error = other.set_tensors(&incomplete, 9).unwrap_err().to_string();
    assert!(error.contains("optimizer.second.p2"), "{error}");
    incomplete.insert("optimizer.second.p2".into(), values(3, 1));
    let error = other.set_tensors(&incomplete, 9).unwrap_err().to_string();
    assert!(error.contains("expected [1], got [3]"), "{error}");
    assert_eq!(other.steps(), 2);
}

#[test]
fn biases_and_norms_take_no_weight_decay() {
    let weights = Weights::new(1, &Device::Cpu);
    let vb = weights.builder();
    Conv2d::new(2, 3, Conv2dConfig::default(), vb.pp("conv")).unwrap();
    BatchNorm::new(3, BatchNormConfig::default(), vb.pp("bn")).unwrap();
    let trainable = weights.trainable();
    let takes: Vec<&str> = trainable
        .iter()
        .filter(|(name, value)| takes_weight_decay(name, value))
        .map(|(name, _)| &**name)
        .collect();
    assert_eq!((takes, trainable.len()), (vec!["conv.weight"], 4));
}
