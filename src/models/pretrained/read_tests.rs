//! Files as PyTorch writes them: `tests/fixtures/weights/generate.py` made those that are committed, and makes more where
//! there is a PyTorch.

use super::*;
use std::path::PathBuf;
use std::process::Command;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights")
}

fn read(name: &str) -> Result<Tensors> {
    tensors(&fixtures().join(name), &Device::Cpu)
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// As generate.py's `eighths`.
fn eighths(start: usize, count: usize) -> Vec<f32> {
    (start..start + count).map(|i| i as f32 / 8.0).collect()
}

#[test]
fn a_state_dict() {
    let found = read("plain.pth").unwrap();
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        ["bn.bias", "bn.running_mean", "bn.weight", "conv.weight", "transposed", "view"]
    );
    assert_eq!(found["conv.weight"].dims(), [2, 1, 3, 3]);
    assert_eq!(values(&found["conv.weight"]), eighths(0, 18));
    assert_eq!(values(&found["view"]), eighths(4, 4));
    assert_eq!(found["transposed"].to_vec2::<f32>().unwrap(), [[0.0, 0.375], [0.125, 0.5], [0.25, 0.625]]);
}

/// Its first bytes are a length, which may look like another format's mark.
#[test]
fn a_safetensors_file_is_known_whatever_its_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let tensor = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
    for padding in 0..260 {
        let name = "w".repeat(1 + padding);
        candle_core::safetensors::save(&[(name.clone(), tensor.clone())].into(), &path).unwrap();
        assert_eq!(values(&tensors(&path, &Device::Cpu).unwrap()[&name]), [1.0, 2.0], "{padding}");
    }
}

#[test]
fn a_training_checkpoint_in_other_precisions() {
    let found = read("nested.pth").unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["bf16", "f16", "f32", "f64"]);
    for tensor in found.values() {
        assert_eq!(tensor.dtype(), DType::F32);
        assert_eq!(values(tensor), eighths(0, 6));
    }
}

#[test]
fn files_that_cannot_be_read_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let whole = std::fs::read(fixtures().join("plain.pth")).unwrap();
    std::fs::write(path("cut.pth"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(path("text.pth"), "<html>not found</html>").unwrap();
    std::fs::write(path("empty.pth"), "").unwrap();
    std::fs::write(path("cut.safetensors"), 80_u64.to_le_bytes()).unwrap();
    std::fs::copy(fixtures().join("legacy.pth"), path("legacy.pth")).unwrap();
    std::fs::copy(fixtures().join("module.pth"), path("module.pth")).unwrap();
    for name in ["cut.pth", "text.pth", "empty.pth", "cut.safetensors", "legacy.pth", "module.pth"] {
        let error = tensors(&path(name), &Device::Cpu).unwrap_err();
        let line = error.to_string();
        assert!(matches!(error, Error::Weights { .. }), "{line}");
        assert!(line.contains(name) && line.contains("torch.save(model.state_dict()"), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
    }
    let line = tensors(&path("none.pth"), &Device::Cpu).unwrap_err().to_string();
    assert!(line.contains("none.pth: not found; give the weights as"), "{line}");
}

/// Each byte of a file, damaged in turn: an error or other numbers, never a panic that gets out.
#[test]
fn damage_anywhere_is_no_panic() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let whole = std::fs::read(fixtures().join("plain.pth")).unwrap();
    for place in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x41;
        std::fs::write(file.path(), bytes).unwrap();
        let _ = tensors(file.path(), &Device::Cpu);
    }
}

/// A Python that has PyTorch: what is named, what `tests/reference.sh` installs, or the system's.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("TGS_SALT_TORCH_PYTHON").map(PathBuf::from);
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv-reference/bin/python");
    named.into_iter().chain([installed, "python3".into()]).find(|python| {
        let run = Command::new(python).args(["-c", "import torch, safetensors"]).output();
        run.is_ok_and(|run| run.status.success())
    })
}

#[test]
fn what_pytorch_writes_here_reads_as_its_safetensors() {
    let Some(python) = python() else {
        assert!(std::env::var("CI").is_err(), "no Python with PyTorch: bash tests/reference.sh");
        println!("no Python with PyTorch: skipped. `bash tests/reference.sh` sets one up");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let run = Command::new(python).arg(fixtures().join("generate.py")).arg(folder.path()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let expected = tensors(&folder.path().join("network.safetensors"), &Device::Cpu).unwrap();
    assert_eq!(expected.len(), 7); // without num_batches_tracked
    for name in ["network.pth", "network.pt", "parallel.bin"] {
        let found = tensors(&folder.path().join(name), &Device::Cpu).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{name}");
        for (key, tensor) in &found {
            assert_eq!(tensor.dims(), expected[key].dims());
            assert_eq!(values(tensor), values(&expected[key]), "{key} of {name}");
        }
    }
}
