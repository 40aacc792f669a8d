//! Pseudo-labels for each fold of a cross-validation.

use crate::training::{CrossValidation, PseudoLabelled};
use crate::types::Dataset;
use crate::{Error, Result};

/// Pseudo-labelled images for each fold, made without the fold's held-out images: for [`Folds::labels`].
///
/// [`Folds::labels`]: crate::training::Folds::labels
#[derive(Clone)]
pub struct FoldLabels {
    sources: Vec<Source>,
}

/// The labels of one fold, and what their models have not seen.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) fold: usize,
    pub(super) held_out: Vec<String>,
    pub(super) labelled: PseudoLabelled,
}

impl FoldLabels {
    pub(super) fn new(sources: Vec<Source>) -> FoldLabels {
        FoldLabels { sources }
    }

    /// The labels for a fold, counted from 1.
    ///
    /// # Errors
    /// [`Error::Config`] when there are none for it.
    pub fn get(&self, fold: usize) -> Result<&PseudoLabelled> {
        self.source(fold).map(|source| &source.labelled)
    }

    fn source(&self, fold: usize) -> Result<&Source> {
        self.sources.iter().find(|source| source.fold == fold).ok_or_else(|| {
            let there: Vec<usize> = self.sources.iter().map(|source| source.fold).collect();
            let expected = format!("one of the folds with labels, {there:?}; see Folds::only");
            Error::Config { field: "fold", got: fold.to_string(), expected }
        })
    }

    /// The labelled images for a fold with these held-out images.
    pub(super) fn of(&self, fold: usize, held_out: &Dataset) -> Result<&Dataset> {
        let source = self.source(fold)?;
        if source.held_out != held_out.ids() {
            let expected = "labels of the same dataset, folds and seed: these come from models that have seen \
                            images which this fold holds out";
            return Err(Error::Config {
                field: "labels",
                got: format!("{self:?}"),
                expected: expected.into(),
            });
        }
        Ok(&source.labelled.dataset)
    }
}

/// The first of cross-validations that have the same folds.
pub(super) fn check_same_folds(all: &[CrossValidation]) -> Result<&CrossValidation> {
    let Some(first) = all.first() else {
        let expected = "at least 1".into();
        return Err(Error::Config { field: "cross-validations", got: "0".into(), expected });
    };
    let held_out = |cv: &CrossValidation| {
        cv.folds.iter().map(|fold| (fold.number, fold.valid.ids())).collect::<Vec<_>>()
    };
    if all.iter().any(|cv| held_out(cv) != held_out(first)) {
        let expected = "the same folds of the same dataset in each; give them the same seed".into();
        return Err(Error::Config { field: "cross-validations", got: "different folds".into(), expected });
    }
    Ok(first)
}

impl std::fmt::Debug for FoldLabels {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let kept = self
            .sources
            .iter()
            .map(|source| format!("fold {} {} kept", source.fold, source.labelled.dataset.len()));
        write!(f, "Pseudo-labels by fold: {}", kept.collect::<Vec<_>>().join(", "))
    }
}
