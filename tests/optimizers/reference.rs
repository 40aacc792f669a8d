//! 20 steps of `generate.py`: of small committed cases always, of larger ones where there is a Python that has PyTorch. Their table
//! goes to `target/pytorch_optimizers.md`.

use crate::python::python;
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use safetensors::SafeTensors;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;
use tgs_salt::nn::{Optimizer, Parameter, Stepper};

/// What the parameters may be off by, of their size.
const TOLERANCE: f64 = 1e-5;
const SEED: &str = "7";
const STEPS: usize = 20;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What `generate.py` says of a case.
#[derive(serde::Deserialize)]
struct Case {
    name: String,
    label: String,
    variant: String,
    optimizer: Optimizer,
    rate: f64,
    max_norm: f64,
    groups: Vec<[f64; 2]>,
}

struct Cases {
    cases: Vec<Case>,
    shapes: Vec<Vec<usize>>,
    tensors: HashMap<String, Tensor>,
}

impl Cases {
    fn read(file: &Path) -> Cases {
        let bytes = std::fs::read(file).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = header.metadata().clone().unwrap();
        Cases {
            cases: serde_json::from_str(&metadata["cases"]).unwrap(),
            shapes: serde_json::from_str(&metadata["shapes"]).unwrap(),
            tensors: candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap(),
        }
    }

    /// One tensor after another, apart.
    fn split(&self, values: &Tensor) -> Vec<Tensor> {
        let mut start = 0;
        let one = |shape: &Vec<usize>| {
            let len = shape.iter().product();
            start += len;
            values.narrow(0, start - len, len).unwrap().reshape(shape.as_slice()).unwrap()
        };
        self.shapes.iter().map(one).collect()
    }

    /// The worst deviation `‖ours − theirs‖ / ‖theirs‖` after the steps that were written down.
    fn deviation(&self, case: &Case) -> f64 {
        let parameter = |(i, value): (usize, &Tensor)| Parameter {
            name: i.to_string(),
            value: Var::from_tensor(value).unwrap(),
            learning_rate: case.groups[i][0],
            weight_decay: case.groups[i][1],
        };
        let starts = self.split(&self.tensors["start"]);
        let parameters: Vec<Parameter> = starts.iter().enumerate().map(parameter).collect();
        let max_norm = (case.max_norm > 0.0).then_some(case.max_norm);
        let mut stepper = Stepper::new(case.optimizer, parameters.clone()).clip_norm(max_norm);
        let mut worst = 0.0f64;
        for step in 0..STEPS {
            let gradients = self.split(&self.tensors["gradients"].get(step).unwrap());
            let mut store = GradStore::default();
            // The last one has none.
            for (parameter, gradient) in parameters.iter().zip(gradients).take(parameters.len() - 1) {
                store.insert(&parameter.value, gradient);
            }
            stepper.step(&store, case.rate * (1.0 - step as f64 / STEPS as f64)).unwrap();
            if let Some(at) = [1, 2, STEPS].iter().position(|after| *after == step + 1) {
                let ours = parameters.iter().map(|parameter| parameter.value.flatten_all().unwrap());
                let ours = Tensor::cat(&ours.collect::<Vec<_>>(), 0).unwrap();
                let apart = relative(&ours, &self.tensors[&case.name].get(at).unwrap());
                assert!(apart.is_finite(), "{}, {}: not finite", case.label, case.variant);
                worst = worst.max(apart);
            }
        }
        worst
    }
}

fn relative(ours: &Tensor, theirs: &Tensor) -> f64 {
    let doubles = |xs: &Tensor| xs.to_vec1::<f32>().unwrap().into_iter().map(f64::from).collect::<Vec<_>>();
    let (ours, theirs) = (doubles(ours), doubles(theirs));
    assert_eq!(ours.len(), theirs.len());
    let norm = |xs: &mut dyn Iterator<Item = f64>| xs.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut ours.iter().zip(&theirs).map(|(a, b)| a - b)) / norm(&mut theirs.iter().copied())
}

/// Compares all cases; the table of the worst of each optimizer.
fn compare(file: &Path) -> String {
    let all = Cases::read(file);
    let mut rows: BTreeMap<&str, f64> = BTreeMap::new();
    let mut wrong = String::new();
    for case in &all.cases {
        let apart = all.deviation(case);
        let row = rows.entry(&case.label).or_default();
        *row = row.max(apart);
        if apart > TOLERANCE {
            wrong += &format!("{}, {}: {apart:.1e}\n", case.label, case.variant);
        }
    }
    let mut table = String::from("| optimizer | worst deviation |\n|---|---|\n");
    for (label, apart) in &rows {
        table += &format!("| {label} | {apart:.1e} |\n");
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{wrong}{table}");
    assert!(rows.len() >= 14 && all.cases.len() >= 5 * 14, "only {} cases", all.cases.len());
    table
}

#[test]
fn the_committed_steps_are_equal() {
    compare(&root().join("tests/fixtures/optimizers/expected.safetensors"));
}

#[test]
fn optimizers_equal_pytorch() {
    let Some(python) = python("torch, safetensors") else {
        println!("no Python with PyTorch: skipped. `bash tests/reference.sh` sets one up");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cases.safetensors");
    let script = root().join("tests/optimizers/generate.py");
    let run = Command::new(python).arg(script).arg(SEED).arg(&file).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let table = compare(&file);
    std::fs::create_dir_all(root().join("target")).unwrap();
    std::fs::write(root().join("target/pytorch_optimizers.md"), table).unwrap();
}
