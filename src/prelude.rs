//! What a notebook types: `use tgs_salt::prelude::*;`

pub use crate::inference::{
    ChosenComponents, ChosenRules, ChosenSeamRules, Ensemble, Masks, Mean, Probabilities, Tta,
};
pub use crate::io::Submission;
pub use crate::losses::Loss;
pub use crate::metrics::{self, ChosenRule, MaskRule, RuleSearch, Score, ThresholdSearch};
pub use crate::models::{Architecture, Encoder, Model, Precision, Unet, UnetPlusPlus, Upsampling};
pub use crate::nn::{Activation, Optimizer, device};
pub use crate::pipeline::{Report, RunConfig};
#[cfg(feature = "frames")]
pub use crate::plot::ShowTable;
pub use crate::plot::{Colormap, Figure};
pub use crate::postprocess::{
    Component, ComponentRule, Components, Connectivity, Crf, MosaicSearch, Mosaics, Neighbours, SeamRules,
    Section,
};
pub use crate::training::{
    CrossValidation, Epoch, Fold, FoldLabels, Folds, History, LrFind, Metric, PseudoLabelled, PseudoLabels,
    Recipe, Run, Sampling, Schedule, TrainConfig, Trust,
};
pub use crate::transform::{Augment, Border, Feature, Normalize};
pub use crate::types::{Competition, Dataset, Image, Mask, Rle, Sample, Stratify, coverage_class};
pub use crate::{Error, Result};
pub use candle_core::{DType, Device, Tensor};
