//! A run that was made earlier.

use crate::models::{Architecture, Model};
use crate::training::{History, Sampling, TrainConfig};
use crate::{Error, Result};
use candle_core::Device;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A run as its folder keeps it: what was trained, how, and what came of it.
///
/// | File | What it is |
/// |---|---|
/// | `run.json` | this, as JSON |
/// | `metrics.csv`, `metrics.jsonl` | the numbers of each epoch, a line each |
/// | `best.safetensors` | the weights of the best epoch, or averaged ones that are better, for [`Model::load`] |
/// | `last.safetensors` | all that `resume` needs |
/// | `swa.safetensors`, `snapshot-1.safetensors` … | averaged weights, and the models at the ends of cycles, where asked for |
///
/// ```no_run
/// use tgs_salt::prelude::*;
/// let run = Run::open("runs/last")?;
/// run.history.plot()?.save("curves.png")?;
/// let model = run.model(&device()?)?;
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The network.
    pub architecture: Architecture,
    /// The training.
    pub config: TrainConfig,
    /// What happened, epoch by epoch, so far.
    pub history: History,
}

impl Run {
    pub(super) const FILE: &str = "run.json";

    /// The run in this folder, which may have been moved, and may still be going on.
    ///
    /// # Errors
    /// [`Error::Missing`] without `run.json`; [`Error::Weights`] when it cannot be read.
    pub fn open(folder: impl AsRef<Path>) -> Result<Run> {
        let folder = folder.as_ref();
        let path = folder.join(Run::FILE);
        if !path.exists() {
            let hint = "give the run_folder of a training of this version".into();
            return Err(Error::Missing { path, hint });
        }
        let json = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let mut run: Run = serde_json::from_str(&json).map_err(|source| {
            crate::models::checkpoint::misfit(&path, format!("it is damaged ({source})"))
        })?;
        run.history.run_folder = folder.into();
        for snapshot in &mut run.history.snapshots {
            if let Some(name) = snapshot.file_name() {
                *snapshot = folder.join(name);
            }
        }
        Ok(run)
    }

    /// The model with the best weights.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn model(&self, device: &Device) -> Result<Model> {
        Model::load(self.history.run_folder.join("best.safetensors"), device)
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let (network, config) = (&self.architecture, &self.config);
        writeln!(f, "Run {}", self.history.run_folder.display())?;
        writeln!(f, "  network:  {:?} over {}", network.decoder, network.encoder)?;
        let sampling = if config.sampling == Sampling::Balanced { " of balanced classes" } else { "" };
        let then = config.loss_from.as_ref();
        let then = then.map_or(String::new(), |(epoch, loss)| format!(" then {loss} from epoch {epoch}"));
        writeln!(
            f,
            "  training: {}{then}, {}, learning rate {}, {:?}, batches of {}{sampling}, seed {}",
            config.loss,
            config.optimizer,
            config.learning_rate,
            config.schedule,
            config.batch_size,
            config.seed
        )?;
        write!(f, "  {:?}", self.history)
    }
}
