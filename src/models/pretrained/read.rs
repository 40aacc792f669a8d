//! The tensors of a weights file, whoever wrote it.

use crate::models::checkpoint::{load, misfit};
use crate::{Error, Result};
use candle_core::{DType, Device, Tensor, pickle};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::panic::catch_unwind;
use std::path::Path;

type Tensors = BTreeMap<String, Tensor>;

/// Under which a training script keeps the model's tensors beside other things.
const KEYS: [&str; 3] = ["state_dict", "model_state_dict", "model"];

/// The tensors of a `.safetensors` file, or of what PyTorch's `torch.save` wrote (`.pth`, `.pt`, `.bin`), by name, in f32.
/// Those that are not of floats, such as `num_batches_tracked`, are left out. Which of the two it is, the content says.
///
/// # Errors
/// [`Error::Missing`] without the file; [`Error::Weights`] when it is damaged, of the format before PyTorch 1.6, or
/// without tensors.
pub(crate) fn tensors(path: &Path, device: &Device) -> Result<Tensors> {
    if !path.is_file() {
        let hint = "give the weights as a .safetensors file, or as a .pth of PyTorch";
        return Err(Error::Missing { path: path.into(), hint: hint.into() });
    }
    let found = match start(path)? {
        // A safetensors file begins with the length of its header, which is JSON: any bytes, and then this one.
        [.., b'{'] => load(path, device).map_err(|error| unreadable(path, error))?.0,
        [b'P', b'K', ..] => torch(path)?,
        [0x80, ..] => {
            return Err(unreadable(path, "it is of PyTorch's format before 1.6, or not of weights"));
        }
        _ => load(path, device).map_err(|error| unreadable(path, error))?.0,
    };
    let floats = without_prefix(found.into_iter().filter(|(_, tensor)| tensor.dtype().is_float()).collect());
    if floats.is_empty() {
        return Err(unreadable(path, "it holds no tensors of floats by name"));
    }
    let convert = |tensor: Tensor| tensor.to_device(device)?.to_dtype(DType::F32)?.contiguous();
    let named = floats.into_iter().map(|(name, tensor)| Ok((name, convert(tensor)?)));
    named.collect::<candle_core::Result<_>>().map_err(Error::tensor("read weights"))
}

fn start(path: &Path) -> Result<[u8; 9]> {
    let mut start = [0; 9];
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    match file.read_exact(&mut start) {
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Err(Error::io("read", path)(error))
        }
        _ => Ok(start),
    }
}

/// What lies under the first of [`KEYS`] that there is, or else on top.
fn torch(path: &Path) -> Result<Tensors> {
    let mut failure = None;
    for key in KEYS.map(Some).into_iter().chain([None]) {
        // A damaged pickle can make candle's reader index past the end of a tuple: its panic stops here.
        let read = catch_unwind(|| pickle::read_all_with_key(path, key));
        match read {
            Ok(Ok(found)) if !found.is_empty() => return Ok(found.into_iter().collect()),
            Ok(Ok(_)) => failure = None,
            Ok(Err(error)) => failure = Some(error.to_string()),
            Err(_) => failure = Some("it is damaged".into()),
        }
    }
    match failure {
        Some(why) => Err(unreadable(path, why)),
        None => Ok(Tensors::new()),
    }
}

/// PyTorch's `DataParallel` puts `module.` before every name.
fn without_prefix(tensors: Tensors) -> Tensors {
    let bare = |name: &str| name.strip_prefix("module.").map(String::from);
    if !tensors.keys().all(|name| bare(name).is_some()) {
        return tensors;
    }
    tensors.into_iter().map(|(name, tensor)| (bare(&name).unwrap_or(name), tensor)).collect()
}

fn unreadable(path: &Path, why: impl std::fmt::Display) -> Error {
    let why = match why.to_string().lines().next() {
        Some(line) => line.trim_end_matches('.').to_string(),
        None => "it cannot be read".into(),
    };
    misfit(
        path,
        format!(
            "{why}; fetch it anew, or write it by torch.save(model.state_dict(), \"weights.pth\") with PyTorch 1.6 or newer, \
             or as safetensors"
        ),
    )
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
