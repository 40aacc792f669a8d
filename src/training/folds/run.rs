//! One fold of a cross-validation: trained without its held-out images, which it then predicts.

use crate::inference::{Probabilities, Tta};
use crate::io::write_atomically;
use crate::models::Architecture;
use crate::training::run_folder::RunFolder;
use crate::training::{History, TrainConfig};
use crate::types::Dataset;
use crate::{Error, Result};
use candle_core::Device;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

pub(super) struct FoldRun {
    /// From 1.
    pub(super) number: usize,
    pub(super) train: Dataset,
    /// Held out.
    pub(super) valid: Dataset,
    /// Pseudo-labelled images.
    pub(super) extra: Option<Dataset>,
}

/// A fold that has been trained, as far as at least one epoch.
pub(super) struct Trained {
    pub(super) history: History,
    /// Where the model is that training left.
    pub(super) model: PathBuf,
    /// Of the held-out images.
    pub(super) probabilities: Probabilities,
}

/// What a fold was trained without and with; beside its checkpoints, so that they are never mistaken for those of another fold.
#[derive(PartialEq, Serialize, Deserialize)]
struct About {
    held_out: Vec<String>,
    pseudo_labelled: usize,
}

const ABOUT: &str = "fold.json";

impl FoldRun {
    /// Trains the fold, or goes on where `config` says so; whether a stop file ended it.
    pub(super) fn run(
        &self,
        architecture: &Architecture,
        tta: &Tta,
        config: &TrainConfig,
        device: &Device,
    ) -> Result<(Option<Trained>, bool)> {
        let folder = config.run_folder.join(format!("fold-{}", self.number));
        let resume = config.resume && self.is_of(&folder)?;
        let config = config.clone().run_folder(&folder).resume(resume);
        let run_folder = RunFolder::open(&config)?;
        self.write_about(&folder)?;
        let train = self.extra.as_ref().map_or(Ok(self.train.clone()), |extra| self.train.join(extra))?;
        println!("fold {}: {} images, {} held out", self.number, train.len(), self.valid.len());
        let mut model = architecture.build(device)?;
        let history = model.train(&train, &self.valid, &config)?;
        let stopped = run_folder.stop_file().exists();
        if history.best().is_none() {
            return Ok((None, stopped));
        }
        // Its best epoch's weights, or averaged ones: whatever predicts here is what the ensemble is of.
        let path = folder.join("model.safetensors");
        model.save(&path)?;
        let probabilities = model.predict_tta(&self.valid, tta)?;
        Ok((Some(Trained { history, model: path, probabilities }), stopped))
    }

    fn about(&self) -> About {
        let pseudo_labelled = self.extra.as_ref().map_or(0, Dataset::len);
        About { held_out: self.valid.ids(), pseudo_labelled }
    }

    /// Whether the folder has a run of this very fold; an error where it has one of another.
    fn is_of(&self, folder: &Path) -> Result<bool> {
        let path = folder.join(ABOUT);
        if !path.exists() {
            return Ok(false);
        }
        let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        if serde_json::from_str::<About>(&text).is_ok_and(|about| about == self.about()) {
            return Ok(true);
        }
        let expected = format!(
            "true only for the same dataset, folds, seed and labels as those of {}; choose another run_folder, or \
             resume(false)",
            folder.display()
        );
        Err(Error::Config { field: "resume", got: "true".into(), expected })
    }

    fn write_about(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_string(&self.about()).map_err(|source| Error::Config {
            field: "ids",
            got: source.to_string(),
            expected: "text that JSON can hold".into(),
        })?;
        write_atomically(folder.join(ABOUT), |file| file.write_all(text.as_bytes()))
    }
}
