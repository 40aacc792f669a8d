//! The Python with which tests compute what they compare with.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A Python that has these packages: what is named, what `tests/reference.sh` installs, or the system's.
pub fn python(packages: &str) -> Option<PathBuf> {
    let named = std::env::var_os("TGS_SALT_TORCH_PYTHON").map(PathBuf::from);
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv-reference/bin/python");
    let works = |python: &PathBuf| {
        let imports = format!("import {packages}");
        Command::new(python).args(["-c", &imports]).output().is_ok_and(|run| run.status.success())
    };
    named.into_iter().chain([installed, "python3".into()]).find(works)
}
