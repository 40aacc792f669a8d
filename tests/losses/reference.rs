//! Values and gradients of `generate.py`: of a few small cases always, of more and larger ones where there is a Python that has
//! PyTorch and segmentation_models.pytorch. Their table goes to `target/pytorch_losses.md`.

use crate::gradients::doubles;
use crate::python::python;
use candle_core::{Device, Tensor, Var};
use safetensors::SafeTensors;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;
use tgs_salt::losses::Loss;
use tgs_salt::nn::backward;

/// What a loss or its gradient may be off by, of its size.
const TOLERANCE: f64 = 1e-5;
/// What is smaller counts as this: losses and gradients of saturated logits, where PyTorch takes 1 for the probability.
const NOTHING: f64 = 1e-9;
const SEED: &str = "7";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What `generate.py` says of a case.
#[derive(serde::Deserialize)]
struct Case {
    name: String,
    operation: String,
    kind: String,
    parameters: Parameters,
}

#[derive(serde::Deserialize)]
struct Parameters {
    loss: Loss,
}

type Tensors = HashMap<String, Tensor>;

fn cases(file: &Path) -> (Vec<Case>, Tensors) {
    let bytes = std::fs::read(file).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let cases = serde_json::from_str(&header.metadata().as_ref().unwrap()["cases"]).unwrap();
    (cases, candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap())
}

/// `‖ours − theirs‖ / ‖theirs‖`.
fn deviation(ours: &Tensor, theirs: &Tensor) -> f64 {
    let (ours, theirs) = (doubles(ours), doubles(theirs));
    assert_eq!(ours.len(), theirs.len());
    let norm = |xs: &mut dyn Iterator<Item = f64>| xs.map(|x| x * x).sum::<f64>().sqrt();
    let apart = norm(&mut ours.iter().zip(&theirs).map(|(a, b)| a - b));
    apart / norm(&mut theirs.iter().copied()).max(NOTHING)
}

/// Of the value, and of the gradient.
fn deviations(case: &Case, tensors: &Tensors) -> [f64; 2] {
    let get = |what: &str| &tensors[&format!("{}/{what}", case.name)];
    let loss = &case.parameters.loss;
    let xs = Var::from_tensor(get("in.0")).unwrap();
    let value = loss.compute(&xs, get("in.1")).unwrap();
    let apart = deviation(&value, get("ys"));
    let grads = backward(value).unwrap();
    let result = [apart, deviation(grads.get(&xs).unwrap(), get("grad.in.0"))];
    // What is not a number is never the largest.
    assert!(result.iter().all(|x| x.is_finite()), "{loss}, {}: {result:?}", case.kind);
    result
}

/// Compares all cases; the table of the worst of each loss.
fn compare(file: &Path) -> String {
    let mut rows: BTreeMap<String, (usize, [f64; 2])> = BTreeMap::new();
    let mut wrong = String::new();
    let (cases, tensors) = cases(file);
    for case in cases {
        let apart = deviations(&case, &tensors);
        let row = rows.entry(case.operation.clone()).or_default();
        row.0 += 1;
        row.1 = [0, 1].map(|i| row.1[i].max(apart[i]));
        if apart.iter().any(|&apart| apart > TOLERANCE) {
            wrong += &format!("{}, {}: {apart:?}\n", case.operation, case.kind);
        }
    }
    let mut table = String::from(
        "| loss | cases | worst value deviation | worst gradient deviation |\n|---|---|---|---|\n",
    );
    for (loss, (cases, [value, gradient])) in &rows {
        table += &format!("| {loss} | {cases} | {value:.1e} | {gradient:.1e} |\n");
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{wrong}{table}");
    assert!(rows.len() >= 12, "only {} losses", rows.len());
    table
}

#[test]
fn the_committed_cases_are_equal() {
    compare(&root().join("tests/fixtures/losses/expected.safetensors"));
}

#[test]
fn losses_equal_pytorch() {
    let Some(python) = python("torch, safetensors, segmentation_models_pytorch") else {
        println!(
            "no Python with segmentation_models.pytorch: skipped. `bash tests/reference.sh --models` sets one up"
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cases.safetensors");
    let script = root().join("tests/losses/generate.py");
    let run = Command::new(python).arg(script).arg(SEED).arg(&file).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let table = compare(&file);
    std::fs::create_dir_all(root().join("target")).unwrap();
    std::fs::write(root().join("target/pytorch_losses.md"), table).unwrap();
}
