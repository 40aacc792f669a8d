//! The PyTorch that computes one case after another, `tests/fixtures/models/generate.py`.

use crate::model_cases::{floats, norm};
use candle_core::{Device, Tensor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Of weights and images.
const SEED: &str = "7";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub struct Reference {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    folder: tempfile::TempDir,
}

impl Reference {
    pub fn start(python: &Path) -> Reference {
        let folder = tempfile::tempdir().unwrap();
        let complaints = std::fs::File::create(folder.path().join("stderr")).unwrap();
        let mut child = Command::new(python)
            .arg(root().join("tests/fixtures/models/generate.py"))
            .args(["serve", SEED])
            .arg(folder.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(complaints)
            .spawn()
            .unwrap();
        let (questions, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Reference { child, questions, answers: BufReader::new(answers), folder }
    }

    /// The case that lies in the folder now; none after the last.
    pub fn case(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        if !line.is_empty() {
            return Some(serde_json::from_str(&line).unwrap());
        }
        let complaints = std::fs::read_to_string(self.path("stderr")).unwrap();
        assert!(self.child.wait().unwrap().success(), "{complaints}");
        None
    }

    /// Asks for the next case, or for this one with other weights.
    pub fn proceed(&mut self, again: bool) {
        writeln!(self.questions, "{}", if again { "again" } else { "next" }).unwrap();
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub fn values(&self) -> Values {
        let file = self.path("values.safetensors");
        Values(candle_core::safetensors::load(file, &Device::Cpu).unwrap().into_iter().collect())
    }
}

impl Drop for Reference {
    /// After a failed comparison there are cases left.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The tensors of a case.
pub struct Values(BTreeMap<String, Tensor>);

impl Values {
    pub fn get(&self, name: &str) -> &Tensor {
        self.0.get(name).unwrap_or_else(|| panic!("PyTorch has no {name}"))
    }

    /// What is named so, without the beginning.
    pub fn named(&self, beginning: &str) -> Vec<String> {
        self.0.keys().filter_map(|name| name.strip_prefix(beginning)).map(String::from).collect()
    }

    pub fn norm(&self, name: &str) -> f64 {
        norm(floats(self.get(name)).into_iter().map(f64::from))
    }

    /// `‖ours − theirs‖ / ‖theirs‖`, or over `floor` where theirs is smaller.
    pub fn deviation(&self, name: &str, ours: &Tensor, floor: f64) -> f64 {
        let theirs = self.get(name);
        assert_eq!(ours.elem_count(), theirs.elem_count(), "{name}: {:?}, {:?}", ours.dims(), theirs.dims());
        let (ours, theirs) = (floats(ours), floats(theirs));
        assert!(ours.iter().all(|x| x.is_finite()), "{name} is not finite");
        let apart = norm(ours.iter().zip(&theirs).map(|(a, b)| f64::from(*a) - f64::from(*b)));
        apart / self.norm(name).max(floor)
    }
}
