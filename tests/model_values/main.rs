//! Every network against a few numbers of PyTorch's, for machines without it: `tests/fixtures/models/expected.json`.
//!
//! Weights and images are a formula's, so that none are stored. `tests/pytorch_models` compares all numbers, where there is
//! PyTorch.

mod formula;
#[path = "../model_cases/mod.rs"]
mod model_cases;

use candle_core::{Device, Tensor};
use formula::{labels, uniform, weight};
use model_cases::{architecture, floats, loss, name, norm, size};
use serde_json::Value;
use std::collections::BTreeMap;
use tgs_salt::{Model, nn};

/// Relative.
const LOGITS: f64 = 1e-4;
const LOSS: f64 = 1e-4;
const STATISTICS: f64 = 1e-5;
/// The norm of all gradients, and that of one weight's. Rounding may bring a value to the other side of a kink, which changes
/// gradients by up to a hundredth, and those of a few numbers by more.
const GRADIENTS: f64 = 1e-2;
const GRADIENT: f64 = 5e-2;
/// A weight's gradient is compared over this part of that of all where it is smaller.
const FLOOR: f64 = 1e-4;

fn number(case: &Value, key: &str) -> f64 {
    case[key].as_f64().unwrap_or_else(|| panic!("no number {key} in {case}"))
}

fn norm_of(xs: &Tensor) -> f64 {
    norm(floats(xs).into_iter().map(f64::from))
}

/// Collects what is further off than it may be.
struct Check<'a> {
    case: &'a Value,
    off: Vec<String>,
}

impl Check<'_> {
    fn within(&mut self, what: &str, [ours, theirs]: [f64; 2], allowed: f64) {
        if (ours - theirs).abs() > allowed || ours.is_nan() {
            let apart = (ours - theirs).abs() / theirs.abs();
            self.off.push(format!("{}: {what} is {ours} instead of {theirs}, {apart:.1e}", name(self.case)));
        }
    }

    fn eval(&mut self, model: &Model, xs: &Tensor) {
        let logits = floats(&model.forward(xs).unwrap());
        let theirs = self.case["logits"].as_array().unwrap();
        let all = number(self.case, "logits_norm");
        let typical = all / (logits.len() as f64).sqrt();
        for (ours, theirs) in logits.iter().step_by(logits.len() / 7).zip(theirs) {
            self.within("a logit", [f64::from(*ours), theirs.as_f64().unwrap()], LOGITS * typical);
        }
        let ours = norm(logits.into_iter().map(f64::from));
        self.within("logits", [ours, all], LOGITS * all);
    }

    fn train(&mut self, model: &Model, xs: &Tensor, seed: u64) {
        let outputs = model.forward_train(xs).unwrap();
        let shape = outputs.logits.dims().to_vec();
        let target = labels("target", &shape, seed);
        let loss = loss(&outputs, &target, &labels("presence_target", &shape[..2], seed));
        let ours = f64::from(loss.to_scalar::<f32>().unwrap());
        self.within("loss", [ours, number(self.case, "loss")], LOSS * number(self.case, "loss"));
        let gradients = nn::backward(loss).unwrap();
        let norms = model.trainable().into_iter().map(|(name, var)| {
            let gradient = gradients.get(&var).unwrap_or_else(|| panic!("{name} has no gradient"));
            (name, norm_of(gradient))
        });
        let norms: BTreeMap<String, f64> = norms.collect();
        let all = number(self.case, "gradients_norm");
        self.within("gradients", [norm(norms.values().copied()), all], GRADIENTS * all);
        self.each("gradients", &norms, |theirs| GRADIENT * theirs.max(FLOOR * all));
        let vars = model.vars().into_iter().map(|(name, var)| (name, norm_of(&var))).collect();
        self.each("statistics", &vars, |theirs| STATISTICS * theirs);
    }

    fn each(&mut self, what: &str, ours: &BTreeMap<String, f64>, allowed: impl Fn(f64) -> f64) {
        for (name, theirs) in self.case[what].as_object().unwrap() {
            let (theirs, ours) = (theirs.as_f64().unwrap(), ours.get(name));
            let ours = *ours.unwrap_or_else(|| panic!("no {name} in {}", model_cases::name(self.case)));
            self.within(name, [ours, theirs], allowed(theirs));
        }
    }
}

/// What is off in a case.
fn compare(case: &Value, seed: u64) -> Vec<String> {
    let model = architecture(case).build(&Device::Cpu).unwrap();
    assert_eq!(model.parameter_count(), size(case, "parameters"), "{}: parameters", name(case));
    for (name, var) in model.vars() {
        var.set(&weight(&name, var.dims(), seed)).unwrap();
    }
    let [height, width] = [0, 1].map(|at| case["size"][at].as_u64().unwrap() as usize);
    let shape = [size(case, "batch"), size(case, "in_channels"), height, width];
    let xs = uniform("input", &shape, seed, [-1.75, 1.75]);
    let mut check = Check { case, off: vec![] };
    check.eval(&model, &xs);
    check.train(&model, &xs, seed);
    check.off
}

#[test]
fn networks_give_pytorchs_numbers() {
    let expected: Value = serde_json::from_str(include_str!("../fixtures/models/expected.json")).unwrap();
    let cases = expected["cases"].as_array().unwrap();
    let seed = size(&expected, "seed") as u64;
    let off: Vec<String> = cases.iter().flat_map(|case| compare(case, seed)).collect();
    assert!(cases.len() > 20, "only {} cases", cases.len());
    assert!(off.is_empty(), "{}", off.join("\n"));
}
