//! Segment salt in seismic images, and whatever else has masks, from a Rust notebook.
//!
//! ```no_run
//! use tgs_salt::prelude::*;
//! let salt = Competition::open("../data/tgs-salt")?; // or Competition::sample()? : nothing to download
//! let (train, valid) = salt.train.split(0.2, 42)?;
//! let mut model = Unet::new(Encoder::Plain).build(&device()?)?;
//! let history = model.train(&train, &valid, &TrainConfig::default())?;
//! let score = model.evaluate(&valid)?;
//! let masks = model.predict(&salt.test)?.threshold(score.threshold)?;
//! masks.submit("submission.csv")?;
//! # Ok::<(), tgs_salt::Error>(())
//! ```
//!
//! # The house, from the ground up
//!
//! Imports point down only.
//!
//! | floor | module | what is there |
//! |---|---|---|
//! | 9 | [`pipeline`] | [`run`]: the whole job in one call |
//! | 8 | [`plot`] | [`Figure`], galleries, curves, cards |
//! | 7 | [`training`] | [`TrainConfig`], [`History`], `Model::train`, [`Folds`], [`CrossValidation`], [`PseudoLabels`] |
//! | 6 | [`inference`] | [`Probabilities`], [`Masks`], [`Tta`], [`Ensemble`], `Model::{predict, evaluate}` |
//! | 5 | [`models`] | [`Encoder`], [`Unet`], [`UnetPlusPlus`], [`Architecture`], [`Model`] |
//! | 4 | [`losses`] | [`Loss`]: what training minimises |
//! | 3 | [`nn`] | layers with checked gradients, optimizers, [`device()`] |
//! | 2 | [`io`], [`synthetic`], [`metrics`], [`transform`], [`postprocess`] | files, the sample survey, scores, padding and augmentation, [`Crf`], [`ComponentRule`], [`Mosaics`], [`SeamRules`] |
//! | 1 | [`types`] | [`Image`], [`Mask`], [`Rle`], [`Sample`], [`Dataset`], [`Competition`] |
//! | 0 | [`error`] | [`Error`], [`Result`] |
//!
//! Tensors are `(N, C, H, W)`. One seed decides everything on the CPU.
#![warn(missing_docs)]
// A panic costs a notebook its variables: what can go wrong is an Error.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable, clippy::todo)
)]

#[macro_use]
mod setters;

pub mod error;
pub mod inference;
pub mod io;
pub mod losses;
pub mod metrics;
pub mod models;
pub mod nn;
pub mod pipeline;
pub mod plot;
pub mod postprocess;
pub mod prelude;
pub mod synthetic;
pub mod training;
pub mod transform;
pub mod types;

pub use candle_core;
pub use error::{Error, Result};
pub use inference::{
    ChosenComponents, ChosenRules, ChosenSeamRules, Ensemble, Masks, Mean, Probabilities, Tta,
};
pub use io::Submission;
pub use losses::Loss;
pub use metrics::{ChosenRule, MaskRule, RuleSearch, Score};
pub use models::{Architecture, Encoder, Model, Precision, Unet, UnetPlusPlus, WeightsReport};
pub use nn::{Optimizer, device};
pub use pipeline::{Report, RunConfig, run, run_sample};
pub use plot::{Colormap, Figure};
pub use plotters;
#[cfg(feature = "frames")]
pub use polars;
pub use postprocess::{
    Component, ComponentRule, Components, Connectivity, Crf, MosaicSearch, Mosaics, SeamRules,
};
pub use training::{
    CrossValidation, Epoch, Fold, FoldLabels, Folds, History, LrFind, Metric, PseudoLabelled, PseudoLabels,
    Recipe, Run, Sampling, Schedule, TrainConfig, Trust,
};
pub use types::{Competition, Dataset, Image, Mask, Rle, Sample, Stratify};

/// How the crate is built, how to add to it, what has changed.
#[cfg(doc)]
pub mod docs {
    #[doc = include_str!("docs/design.md")]
    pub mod design {}
    #[doc = include_str!("docs/exploring.md")]
    pub mod exploring {}
    #[doc = include_str!("docs/training.md")]
    pub mod training {}
    #[doc = include_str!("docs/other_images.md")]
    pub mod other_images {}
    #[doc = include_str!("docs/adding_an_encoder.md")]
    pub mod adding_an_encoder {}
    #[doc = include_str!("docs/changelog.md")]
    pub mod changelog {}
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
