//! Every operation beside PyTorch on random odd sizes, which `generate.py` draws and computes on the spot.
//!
//! Deviations are `‖ours − theirs‖ / ‖theirs‖`, values and gradients alike. The table goes to `target/pytorch_ops.md`.

mod cases;
mod layers;
#[path = "../python/mod.rs"]
mod python;

use cases::cases;
use python::python;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What an operation may be off by.
const TOLERANCE: f64 = 1e-5;
/// Of the random sizes; another one gives other sizes.
const SEED: &str = "7";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Worst deviations of an operation's cases.
#[derive(Default)]
struct Row {
    cases: usize,
    value: f64,
    gradient: f64,
}

fn table(rows: &BTreeMap<String, Row>) -> String {
    let mut text = String::from(
        "| operation | cases | worst value deviation | worst gradient deviation |\n|---|---|---|---|\n",
    );
    for (operation, row) in rows {
        let line = format!("| {operation} | {} | {:.1e} | {:.1e} |\n", row.cases, row.value, row.gradient);
        text.push_str(&line);
    }
    text
}

#[test]
fn operations_equal_pytorch() {
    let Some(python) = python("torch, safetensors") else {
        assert!(
            std::env::var("CI").is_err(),
            "no Python with PyTorch, which CI has to have: bash tests/reference.sh"
        );
        println!("no Python with PyTorch: skipped. `bash tests/reference.sh` sets one up");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cases.safetensors");
    let script = root().join("tests/pytorch_ops/generate.py");
    let run = Command::new(python).arg(script).arg(SEED).arg(&file).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for case in cases(&file) {
        let (value, gradient) = layers::deviations(&case);
        let row = rows.entry(case.operation.clone()).or_default();
        row.cases += 1;
        row.value = row.value.max(value);
        row.gradient = row.gradient.max(gradient);
    }
    let table = table(&rows);
    println!("{table}");
    std::fs::create_dir_all(root().join("target")).unwrap();
    std::fs::write(root().join("target/pytorch_ops.md"), &table).unwrap();
    assert!(rows.len() > 30, "only {} operations", rows.len());
    for (operation, row) in &rows {
        assert!(row.value <= TOLERANCE && row.gradient <= TOLERANCE, "{operation} is off:\n{table}");
    }
}
