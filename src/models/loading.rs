//! A model's weights to and from files.

use crate::models::{Architecture, DecoderKind, Encoder, Model, checkpoint, pretrained};
use crate::nn::Weights;
use crate::{Error, Result};
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use std::path::Path;

/// How the weights of a file and of a model fit: what [`Model::load_weights`] did, or [`Model::check_weights`] found.
///
/// Names are sorted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WeightsReport {
    /// Names of the model whose values are in the file.
    pub loaded: Vec<String>,
    /// Names of the model that are not in the file. Of an encoder alone these are the decoder's and the heads', which keep their
    /// values.
    pub missing: Vec<String>,
    /// Names of the file that the model has no use for, such as a classifier's.
    pub unexpected: Vec<String>,
    /// Names whose shapes differ, with both shapes.
    pub mismatched: Vec<String>,
}

/// What a classifier has behind its encoder: names of timm, torchvision and pretrainedmodels.
const CLASSIFIERS: [&str; 7] =
    ["fc.", "classifier.", "head.", "pre_logits.", "AuxLogits.", "last_linear.", "head_drop."];

/// Names that begin so are of a whole network.
const WHOLE: [&str; 2] = ["decoder.", "segmentation_head."];

impl Model {
    /// Writes weights and config to a safetensors file, atomically.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written; an older file at `path` is then as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        checkpoint::save(path.as_ref(), &self.weights().to_tensors()?, self.config_json()?)
    }

    /// The model that [`Model::save`] wrote: same logits, bit for bit.
    ///
    /// # Errors
    /// [`Error::Missing`] without the file; [`Error::Weights`] when it is damaged or was not written by this crate.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Model> {
        let path = path.as_ref();
        let (tensors, about) = checkpoint::load(path, device)?;
        let about = about.ok_or_else(|| {
            let why = "it holds weights but no config; build the model yourself and call `load_weights`";
            checkpoint::misfit(path, why.into())
        })?;
        let config: Architecture = serde_json::from_str(&about)
            .map_err(|source| checkpoint::misfit(path, format!("its config cannot be read ({source})")))?;
        let model = Model::new(config, device)?;
        model.weights().set_tensors(&tensors).map_err(in_file(path))?;
        Ok(model)
    }

    /// Reads weights into this model: of the whole network (as [`Model::save`] or segmentation_models.pytorch names them), or of
    /// an encoder alone (as timm and torchvision name them, their classifier left out). For a model of one channel the first
    /// convolution of an RGB encoder is summed over its channels, as segmentation_models.pytorch does.
    ///
    /// # Errors
    /// [`Error::Missing`] without the file; [`Error::Weights`] names what is missing, unexpected or of another shape; the model is
    /// then as it was.
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<WeightsReport> {
        let path = path.as_ref();
        let tensors = pretrained::tensors(path, self.device())?;
        let fit = Fit::new(self, tensors)?;
        fit.check().map_err(in_file(path))?;
        let mut all = self.weights().to_tensors()?;
        all.extend(fit.tensors);
        self.weights().set_tensors(&all).map_err(in_file(path))?;
        Ok(fit.report)
    }

    /// Reads ImageNet's weights into the encoder.
    ///
    /// # Errors
    /// [`Error::Config`] for an encoder that nobody has trained; those of fetching and reading the file.
    pub(super) fn load_pretrained(&mut self) -> Result<()> {
        let encoder = self.config().encoder;
        let Some(source) = encoder.pretrained() else {
            let expected = "an encoder with weights of ImageNet, such as Encoder::ResNet34".into();
            return Err(Error::Config { field: "pretrained", got: encoder.to_string(), expected });
        };
        self.load_weights(pretrained::file(source)?).map(drop)
    }

    /// What [`Model::load_weights`] would find in a file, without changing anything.
    ///
    /// # Errors
    /// [`Error::Missing`] without the file; [`Error::Weights`] when it is damaged.
    pub fn check_weights(&self, path: impl AsRef<Path>) -> Result<WeightsReport> {
        let tensors = pretrained::tensors(path.as_ref(), self.device())?;
        Ok(Fit::new(self, tensors)?.report)
    }

    pub(crate) fn config_json(&self) -> Result<String> {
        serde_json::to_string(self.config()).map_err(|source| Error::Config {
            field: "config",
            got: source.to_string(),
            expected: "values that JSON can hold".into(),
        })
    }
}

/// The tensors of a file under the names of a model.
struct Fit {
    tensors: BTreeMap<String, Tensor>,
    report: WeightsReport,
    /// What of the model has to be in the file, and what of the file in the model.
    needed: Vec<String>,
    unknown: Vec<String>,
}

impl Fit {
    fn new(model: &Model, file: BTreeMap<String, Tensor>) -> Result<Fit> {
        let (config, shapes) = (model.config(), shapes(model.weights()));
        let whole = file.keys().any(|name| WHOLE.iter().any(|start| name.starts_with(start)));
        let prefix = prefix(config, whole || file.keys().any(|name| name.starts_with("encoder.")));
        let mut fit = Fit {
            tensors: BTreeMap::new(),
            report: WeightsReport::default(),
            needed: vec![],
            unknown: vec![],
        };
        for (name, tensor) in file {
            if is_idle(config, &name) {
                continue;
            }
            let ours = format!("{prefix}{name}");
            let Some(shape) = shapes.get(&ours) else {
                if !(is_deeper(config, &ours) || !whole && is_classifier(&name)) {
                    fit.unknown.push(name.clone());
                }
                fit.report.unexpected.push(name);
                continue;
            };
            let tensor = if whole { tensor } else { adapted(&tensor, shape)? };
            if tensor.dims() != shape {
                fit.report.mismatched.push(format!("{ours} is {:?}, in this model {shape:?}", tensor.dims()));
            }
            fit.report.loaded.push(ours.clone());
            fit.tensors.insert(ours, tensor);
        }
        let missing = shapes.into_keys().filter(|name| !fit.tensors.contains_key(name));
        fit.report.missing = missing.collect();
        let needs = |name: &&String| whole || name.starts_with("encoder.");
        fit.needed = fit.report.missing.iter().filter(needs).cloned().collect();
        Ok(fit)
    }

    fn check(&self) -> Result<()> {
        let misfit = |why: String| {
            let (missing, unexpected) = (self.needed.clone(), self.unknown.clone());
            Err(Error::Weights { path: "".into(), why, missing, unexpected })
        };
        match (self.report.mismatched.as_slice(), self.needed.is_empty() && self.unknown.is_empty()) {
            ([], true) => Ok(()),
            ([], false) => misfit("other names".into()),
            ([one], _) => misfit(one.clone()),
            ([one, rest @ ..], _) => misfit(format!("{one}, and {} more of other shapes", rest.len())),
        }
    }
}

fn shapes(weights: &Weights) -> BTreeMap<String, Vec<usize>> {
    weights.vars().into_iter().map(|(name, var)| (name, var.dims().to_vec())).collect()
}

/// What stands before a file's names in the model's.
fn prefix(config: &Architecture, named: bool) -> &'static str {
    match (named, config.encoder) {
        (true, _) => "",
        (false, Encoder::InceptionV3) => "encoder.model.",
        (false, _) => "encoder.",
    }
}

/// Is this of an encoder's level below the model's lowest? Files of whole encoders have them all, and so have networks of
/// segmentation_models.pytorch, which keeps what it does not use.
fn is_deeper(config: &Architecture, ours: &str) -> bool {
    config.depth < 5 && ours.starts_with("encoder.")
}

fn is_classifier(name: &str) -> bool {
    CLASSIFIERS.iter().any(|start| name.starts_with(start))
}

/// Names of segmentation_models.pytorch without an effect there: counters, a UNet++'s centre, and the gate of a join that has no
/// skip.
fn is_idle(config: &Architecture, name: &str) -> bool {
    let last = match config.decoder {
        DecoderKind::Unet => format!("decoder.blocks.{}.attention1.", config.depth - 1),
        DecoderKind::UnetPlusPlus => format!("decoder.blocks.x_0_{}.attention1.", config.depth - 1),
    };
    name.ends_with("num_batches_tracked")
        || config.decoder == DecoderKind::UnetPlusPlus && name.starts_with("decoder.center.")
        || !config.full_size_skip && name.starts_with(&last)
}

/// A first convolution (O, 3, k, k) of an encoder for RGB as one for other channels: summed for one; else each of the new channels
/// takes a colour in turn, weighed so that their sum stays.
fn adapted(tensor: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let run = || match (tensor.dims(), shape) {
        (&[o, 3, h, w], &[wanted_o, channels, wanted_h, wanted_w])
            if channels != 3 && (o, h, w) == (wanted_o, wanted_h, wanted_w) =>
        {
            if channels == 1 {
                return tensor.sum_keepdim(1);
            }
            let turns = (0..channels).map(|channel| tensor.narrow(1, channel % 3, 1));
            Tensor::cat(&turns.collect::<candle_core::Result<Vec<_>>>()?, 1)? * (3.0 / channels as f64)
        }
        _ => Ok(tensor.clone()),
    };
    run().map_err(Error::tensor("first convolution"))
}

/// Says of weights that do not fit in which file they are.
fn in_file(path: &Path) -> impl FnOnce(Error) -> Error {
    move |error| match error {
        Error::Weights { why, missing, unexpected, .. } => {
            Error::Weights { path: path.into(), why, missing, unexpected }
        }
        Error::Shape { what, expected, got, .. } => {
            checkpoint::misfit(path, format!("{what} is {got}, in this model it is {expected}"))
        }
        other => other,
    }
}
