//! The folder of a run: checkpoints that survive a killed kernel, and the stop file.

use crate::models::{Architecture, Model, checkpoint};
use crate::nn::Stepper;
use crate::training::{Epoch, TrainConfig};
use crate::{Error, Result};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folder of a run.
pub(crate) struct RunFolder {
    path: PathBuf,
}

/// What `last.safetensors` says beside its tensors.
#[derive(Serialize, Deserialize)]
struct About {
    model: Architecture,
    config: TrainConfig,
    epochs: Vec<Epoch>,
    adam_steps: usize,
}

impl RunFolder {
    /// The folder, made where it is missing. Unless the run resumes, an older run in it is kept as `….previous`.
    pub(crate) fn open(config: &TrainConfig) -> Result<RunFolder> {
        let path = config.run_folder.clone();
        let run = RunFolder { path };
        if !config.resume && run.last().exists() {
            let previous = PathBuf::from(format!("{}.previous", run.path.display()));
            if previous.exists() {
                std::fs::remove_dir_all(&previous).map_err(Error::io("remove", &previous))?;
            }
            std::fs::rename(&run.path, &previous).map_err(Error::io("move aside", &run.path))?;
        }
        std::fs::create_dir_all(&run.path).map_err(Error::io("create folder", &run.path))?;
        let stop = run.stop_file();
        if stop.exists() {
            std::fs::remove_file(&stop).map_err(Error::io("remove", &stop))?;
        }
        Ok(run)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whoever makes this file ends the run after the step that is under way.
    pub(crate) fn stop_file(&self) -> PathBuf {
        self.path.join("STOP")
    }

    /// The weights of the best epoch, for [`Model::load`].
    pub(crate) fn best(&self) -> PathBuf {
        self.path.join("best.safetensors")
    }

    fn last(&self) -> PathBuf {
        self.path.join("last.safetensors")
    }

    /// Writes all that resuming needs.
    pub(crate) fn save_last(
        &self,
        model: &Model,
        optimizer: &Stepper,
        epochs: &[Epoch],
        config: &TrainConfig,
    ) -> Result<()> {
        let about = About {
            model: model.config().clone(),
            config: config.clone(),
            epochs: epochs.into(),
            adam_steps: optimizer.steps(),
        };
        let about = serde_json::to_string(&about).map_err(|source| Error::Config {
            field: "config",
            got: source.to_string(),
            expected: "values that JSON can hold".into(),
        })?;
        let mut tensors = model.weights().to_tensors()?;
        tensors.extend(optimizer.to_tensors()?);
        checkpoint::save(&self.last(), &tensors, about)
    }

    /// Brings model and optimiser to where [`RunFolder::save_last`] left them; the epochs so far, none without a checkpoint.
    pub(crate) fn restore_last(&self, model: &Model, optimizer: &mut Stepper) -> Result<Vec<Epoch>> {
        let path = self.last();
        if !path.exists() {
            return Ok(vec![]);
        }
        let (mut tensors, about) = checkpoint::load(&path, model.device())?;
        let about = about.and_then(|about: String| serde_json::from_str::<About>(&about).ok());
        let about =
            about.ok_or_else(|| checkpoint::misfit(&path, "it is not a checkpoint of a run".into()))?;
        if about.model != *model.config() {
            let why = format!(
                "it is of another model, {:?}; choose another run_folder, or resume(false)",
                about.model
            );
            return Err(checkpoint::misfit(&path, why));
        }
        let moments: BTreeMap<String, Tensor> =
            tensors.extract_if(.., |name, _| Stepper::is_state(name)).collect();
        optimizer.set_tensors(&moments, about.adam_steps)?;
        model.weights().set_tensors(&tensors)?;
        Ok(about.epochs)
    }
}
