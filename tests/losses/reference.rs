//! Values and gradients of `generate.py`: of a few small cases always, of more and larger ones where there is a Python that has
//! PyTorch and segmentation_models.pytorch. Their table goes to `target/pytorch_losses.md`.

use crate::cases::{Case, cases};
use candle_core::{Tensor, Var};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
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

/// `‖ours − theirs‖ / ‖theirs‖`.
fn deviation(case: &Case, what: &str, ours: &Tensor) -> f64 {
    let doubles = |xs: &Tensor| -> Vec<f64> {
        let floats: Vec<f32> = xs.flatten_all().unwrap().to_vec1().unwrap();
        floats.into_iter().map(f64::from).collect()
    };
    let (ours, theirs) = (doubles(ours), doubles(case.get(what).unwrap()));
    assert_eq!(ours.len(), theirs.len());
    let norm = |xs: &mut dyn Iterator<Item = f64>| xs.map(|x| x * x).sum::<f64>().sqrt();
    let apart = norm(&mut ours.iter().zip(&theirs).map(|(a, b)| a - b));
    apart / norm(&mut theirs.iter().copied()).max(NOTHING)
}

/// Of the value, and of the gradient.
fn deviations(case: &Case) -> [f64; 2] {
    let loss: Loss = serde_json::from_value(case.parameters["loss"].clone()).unwrap();
    let inputs = case.inputs();
    let xs = Var::from_tensor(inputs[0]).unwrap();
    let value = loss.compute(&xs, inputs[1]).unwrap();
    let apart = deviation(case, "ys", &value);
    let grads = backward(value).unwrap();
    let result = [apart, deviation(case, "grad.in.0", grads.get(&xs).unwrap())];
    // What is not a number is never the largest.
    assert!(result.iter().all(|x| x.is_finite()), "{loss}, {}: {result:?}", case.kind);
    result
}

/// Compares all cases; the table of the worst of each loss.
fn compare(file: &Path) -> String {
    let mut rows: BTreeMap<String, (usize, [f64; 2])> = BTreeMap::new();
    let mut wrong = String::new();
    for case in cases(file) {
        let apart = deviations(&case);
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

/// A Python that has what `generate.py` imports.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("TGS_SALT_TORCH_PYTHON").map(PathBuf::from);
    let candidates = named.into_iter().chain([root().join(".venv-reference/bin/python"), "python3".into()]);
    let works = |python: &PathBuf| {
        let imports = "import torch, safetensors, segmentation_models_pytorch";
        Command::new(python).args(["-c", imports]).output().is_ok_and(|run| run.status.success())
    };
    candidates.into_iter().find(works)
}

#[test]
fn losses_equal_pytorch() {
    let Some(python) = python() else {
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
