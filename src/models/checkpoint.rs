//! Weights files: safetensors, which PyTorch reads too, with what made them as JSON in the metadata.

use crate::io::write_atomically;
use crate::{Error, Result};
use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Under this key the JSON lies in a file's metadata.
const KEY: &str = "tgs_salt";

/// Writes the tensors and `about` (JSON) so that the file at `path` is at every moment the old or the new one, whole.
pub(crate) fn save(path: &Path, tensors: &BTreeMap<String, Tensor>, about: String) -> Result<()> {
    let metadata = HashMap::from([(KEY.to_string(), about)]);
    let bytes = safetensors::tensor::serialize(tensors, Some(metadata))
        .map_err(|source| misfit(path, source.to_string()))?;
    write_atomically(path, |file| file.write_all(&bytes))
}

/// The tensors of a safetensors file on `device`, and the JSON that [`save`] wrote beside them, if any.
pub(crate) fn load(path: &Path, device: &Device) -> Result<(BTreeMap<String, Tensor>, Option<String>)> {
    if !path.exists() {
        let hint = "give a .safetensors file, as Model::save and training write it".into();
        return Err(Error::Missing { path: path.into(), hint });
    }
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let (_, header) =
        SafeTensors::read_metadata(&bytes).map_err(|source| misfit(path, source.to_string()))?;
    let about = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY).cloned());
    let tensors = candle_core::safetensors::load_buffer(&bytes, device)
        .map_err(|source| misfit(path, source.to_string()))?;
    Ok((tensors.into_iter().collect(), about))
}

/// An [`Error::Weights`] without names.
pub(crate) fn misfit(path: &Path, why: String) -> Error {
    Error::Weights { path: path.into(), why, missing: vec![], unexpected: vec![] }
}

/// The names and values of a weights file, sorted by name: for looking into checkpoints, and for comparing two.
///
/// # Errors
/// [`Error::Missing`] without the file; [`Error::Weights`] when it is damaged; [`Error::Tensor`] when it does not hold f32.
pub fn checkpoint_tensors(path: impl AsRef<Path>) -> Result<Vec<(String, Vec<f32>)>> {
    let (tensors, _) = load(path.as_ref(), &Device::Cpu)?;
    let values = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
    let named = tensors.iter().map(|(name, tensor)| Ok((name.clone(), values(tensor)?)));
    named.collect::<candle_core::Result<_>>().map_err(Error::tensor("read checkpoint"))
}
