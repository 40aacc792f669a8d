//! The folder of a run: checkpoints that survive a killed kernel, measurements, and the stop file.

use crate::io::write_atomically;
use crate::models::{Architecture, Model, checkpoint};
use crate::nn::Stepper;
use crate::training::averaging::Average;
use crate::training::{Epoch, History, Run, TrainConfig};
use crate::{Error, Result};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folder of a run.
pub(super) struct RunFolder {
    path: PathBuf,
}

/// What `last.safetensors` says beside its tensors.
#[derive(Serialize, Deserialize)]
struct About {
    model: Architecture,
    config: TrainConfig,
    epochs: Vec<Epoch>,
    #[serde(alias = "adam_steps")]
    optimizer_steps: usize,
    #[serde(default)]
    ema_steps: usize,
    #[serde(default)]
    swa_epochs: usize,
}

/// What a run goes on from.
pub(super) struct Saved {
    pub(super) epochs: Vec<Epoch>,
    pub(super) ema: Option<Average>,
    pub(super) swa: Option<Average>,
    model: Architecture,
    weights: BTreeMap<String, Tensor>,
    optimizer: BTreeMap<String, Tensor>,
    optimizer_steps: usize,
    path: PathBuf,
}

impl RunFolder {
    /// The folder, made where it is missing. Unless the run resumes, an older run in it is kept as `….previous`.
    pub(super) fn open(config: &TrainConfig) -> Result<RunFolder> {
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

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whoever makes this file ends the run after the step that is under way.
    pub(super) fn stop_file(&self) -> PathBuf {
        self.path.join("STOP")
    }

    /// The weights of the best epoch, for [`Model::load`].
    pub(super) fn best(&self) -> PathBuf {
        self.path.join("best.safetensors")
    }

    /// The averaged weights.
    pub(super) fn swa(&self) -> PathBuf {
        self.path.join("swa.safetensors")
    }

    /// The model at the end of a cycle, counted from 1.
    pub(super) fn snapshot(&self, cycle: usize) -> PathBuf {
        self.path.join(format!("snapshot-{cycle}.safetensors"))
    }

    fn last(&self) -> PathBuf {
        self.path.join("last.safetensors")
    }

    /// Writes all that resuming needs.
    pub(super) fn save_last(
        &self,
        model: &Model,
        stepper: &Stepper,
        epochs: &[Epoch],
        [ema, swa]: [&Option<Average>; 2],
        config: &TrainConfig,
    ) -> Result<()> {
        let count = |average: &Option<Average>| average.as_ref().map_or(0, Average::count);
        let about = About {
            model: model.config().clone(),
            config: config.clone(),
            epochs: epochs.into(),
            optimizer_steps: stepper.steps(),
            ema_steps: count(ema),
            swa_epochs: count(swa),
        };
        let mut tensors = model.weights().to_tensors()?;
        tensors.extend(stepper.to_tensors()?);
        for (prefix, average) in [("ema.", ema), ("swa.", swa)] {
            let averages = average.iter().flat_map(Average::tensors);
            tensors.extend(averages.map(|(name, value)| (format!("{prefix}{name}"), value.clone())));
        }
        checkpoint::save(&self.last(), &tensors, to_json(&about)?)
    }

    /// What [`RunFolder::save_last`] left; nothing without a checkpoint.
    pub(super) fn read_last(&self, device: &Device) -> Result<Option<Saved>> {
        let path = self.last();
        if !path.exists() {
            return Ok(None);
        }
        let (mut tensors, about) = checkpoint::load(&path, device)?;
        let about = about.and_then(|about: String| serde_json::from_str::<About>(&about).ok());
        let about =
            about.ok_or_else(|| checkpoint::misfit(&path, "it is not a checkpoint of a run".into()))?;
        let optimizer = tensors.extract_if(.., |name, _| Stepper::is_state(name)).collect();
        let mut averages = |prefix: &str| -> BTreeMap<String, Tensor> {
            let taken = tensors.extract_if(.., |name, _| name.starts_with(prefix));
            taken.map(|(name, value)| (name[prefix.len()..].to_owned(), value)).collect()
        };
        let (ema, swa) = (averages("ema."), averages("swa."));
        Ok(Some(Saved {
            epochs: about.epochs,
            ema: Average::restored(ema, about.ema_steps),
            swa: Average::restored(swa, about.swa_epochs),
            model: about.model,
            weights: tensors,
            optimizer,
            optimizer_steps: about.optimizer_steps,
            path,
        }))
    }

    /// Writes `run.json`, which [`Run::open`] reads, and the epochs as `metrics.jsonl` and `metrics.csv`.
    pub(super) fn record(&self, model: &Model, config: &TrainConfig, history: &History) -> Result<()> {
        let run =
            Run { architecture: model.config().clone(), config: config.clone(), history: history.clone() };
        let lines = history.epochs.iter().map(|epoch| Ok(to_json(epoch)? + "\n"));
        let lines = lines.collect::<Result<String>>()?;
        write_atomically(self.path.join("metrics.jsonl"), |file| file.write_all(lines.as_bytes()))?;
        let rows = to_csv(&history.epochs)?;
        write_atomically(self.path.join("metrics.csv"), |file| file.write_all(&rows))?;
        let json = to_json(&run)?;
        write_atomically(self.path.join(Run::FILE), |file| file.write_all(json.as_bytes()))
    }
}

impl Saved {
    /// Brings model and optimizer to where they were.
    pub(super) fn restore(&self, model: &Model, stepper: &mut Stepper) -> Result<()> {
        if self.model != *model.config() {
            let why = format!(
                "it is of another model, {:?}; choose another run_folder, or resume(false)",
                self.model
            );
            return Err(checkpoint::misfit(&self.path, why));
        }
        stepper.set_tensors(&self.optimizer, self.optimizer_steps)?;
        model.weights().set_tensors(&self.weights)
    }
}

fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|source| Error::Config {
        field: "config",
        got: source.to_string(),
        expected: "values that JSON can hold".into(),
    })
}

fn to_csv(epochs: &[Epoch]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(vec![]);
    let written = epochs.iter().try_for_each(|epoch| writer.serialize(epoch));
    let bytes = written.and_then(|()| writer.into_inner().map_err(|source| source.into_error().into()));
    bytes.map_err(|source| Error::Config {
        field: "epochs",
        got: source.to_string(),
        expected: "values that CSV can hold".into(),
    })
}
