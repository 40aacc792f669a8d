//! Names, seeds and values of weights.

use crate::gradients::{floats, random};
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use tgs_salt::Error;
use tgs_salt::nn::{BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, Weights};

fn model(seed: u64, reversed: bool) -> Weights {
    let weights = Weights::new(seed, &Device::Cpu);
    let vb = weights.builder();
    let conv = || Conv2d::new(2, 4, Conv2dConfig::default(), vb.pp("conv")).map(drop);
    let norm = || BatchNorm::new(4, BatchNormConfig::default(), vb.pp("norm")).map(drop);
    if reversed {
        norm().and_then(|()| conv()).unwrap();
    } else {
        conv().and_then(|()| norm()).unwrap();
    }
    weights
}

fn values(weights: &Weights) -> Vec<(String, Vec<f32>)> {
    weights.vars().into_iter().map(|(name, var)| (name, floats(&var))).collect()
}

#[test]
fn values_depend_on_seed_and_name_only() {
    assert_eq!(values(&model(1, false)), values(&model(1, true)));
    assert_ne!(values(&model(1, false)), values(&model(2, false)));
    let weights = Weights::new(1, &Device::Cpu);
    for name in ["a", "b"] {
        Conv2d::new(2, 4, Conv2dConfig::default(), weights.builder().pp(name)).unwrap();
    }
    let tensors = weights.to_tensors().unwrap();
    assert_ne!(floats(&tensors["a.weight"]), floats(&tensors["b.weight"]));
}

// So that a change of the generator does not go unseen: checkpoints do not need it, published figures do.
#[test]
fn the_first_values_of_a_seed_are_fixed() {
    let first = &floats(&model(42, false).to_tensors().unwrap()["conv.weight"])[..3];
    assert_eq!(first, FIRST);
}

#[test]
fn running_statistics_are_no_parameters() {
    let weights = model(1, false);
    let names =
        |vars: Vec<(String, candle_core::Var)>| vars.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let all =
        ["conv.bias", "conv.weight", "norm.bias", "norm.running_mean", "norm.running_var", "norm.weight"];
    assert_eq!(names(weights.vars()), all);
    assert_eq!(names(weights.trainable()), ["conv.bias", "conv.weight", "norm.bias", "norm.weight"]);
    assert_eq!(weights.parameter_count(), 4 * 2 * 9 + 4 + 4 + 4);
    assert_eq!(format!("{weights:?}"), "Weights(6 tensors, 84 parameters, seed 1)");
}

#[test]
fn a_copy_of_all_values_can_be_set_again() {
    let weights = model(1, false);
    let (before, copy) = (values(&weights), weights.to_tensors().unwrap());
    for (_, var) in weights.vars() {
        var.set(&var.zeros_like().unwrap()).unwrap();
    }
    assert_ne!(values(&weights), before);
    weights.set_tensors(&copy).unwrap();
    assert_eq!(values(&weights), before);
}

#[test]
fn wrong_tensors_change_nothing() {
    let weights = model(1, false);
    let before = values(&weights);
    let other = |change: &dyn Fn(&mut BTreeMap<String, Tensor>)| {
        let mut tensors = model(2, false).to_tensors().unwrap();
        change(&mut tensors);
        weights.set_tensors(&tensors).unwrap_err()
    };
    let shape = other(&|tensors| drop(tensors.insert("norm.weight".into(), random(&[5], 1))));
    assert!(shape.to_string().contains("norm.weight") && shape.to_string().contains("[5]"), "{shape}");
    let names = other(&|tensors| {
        tensors.remove("conv.bias");
        tensors.insert("extra".into(), random(&[5], 1));
    });
    let Error::Weights { missing, unexpected, .. } = names else { panic!("{names}") };
    assert_eq!((missing, unexpected), (vec!["conv.bias".to_owned()], vec!["extra".to_owned()]));
    assert_eq!(values(&weights), before);
}

#[test]
fn a_name_has_one_shape() {
    let weights = model(1, false);
    let error =
        Conv2d::new(3, 4, Conv2dConfig::default(), weights.builder().pp("conv")).unwrap_err().to_string();
    assert!(error.contains("conv.weight"), "{error}");
}

const FIRST: [f32; 3] = [-0.237_575_02, -0.018_315_99, 0.158_950_92];
