//! The one error type: each variant is a single line that says what, where, expected, got, and what to do.

use std::path::{Path, PathBuf};

/// What every fallible call of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, as one line a person can act on.
///
/// ```
/// let error = tgs_salt::Competition::open("no/such/folder").unwrap_err();
/// assert!(error.to_string().contains("no/such/folder"));
/// ```
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    /// A file or folder that has to be there is not.
    #[error("{}: not found; {hint}", path.display())]
    Missing { path: PathBuf, hint: String },
    /// A CSV file breaks a rule; `line` counts from 1, the header included.
    #[error("{} line {line}: {why}", path.display())]
    Csv { path: PathBuf, line: u64, why: String },
    /// An image or mask file is not what it should be.
    #[error("image {id}: {why}")]
    Image { id: String, why: String },
    /// A run-length encoding breaks the competition's rules. `id` is empty for text without an image.
    #[error("RLE{}{id}: {why}", if id.is_empty() { "" } else { " of " })]
    Rle { id: String, why: String },
    /// An id that no sample has, that two have, or that is not a plain name.
    #[error("id `{id}`: {why}")]
    Id { id: String, why: String },
    /// Two things that have to agree in size do not.
    #[error("{what}: expected {expected}, got {got}; {hint}")]
    Shape { what: String, expected: String, got: String, hint: String },
    /// A setting is out of its range.
    #[error("{field} = {got}: expected {expected}")]
    Config { field: &'static str, got: String, expected: String },
    /// A weights file does not fit the model; nothing was changed.
    #[error("{}: does not fit this model: {why}; missing {missing:?}, unexpected {unexpected:?}", path.display())]
    Weights { path: PathBuf, why: String, missing: Vec<String>, unexpected: Vec<String> },
    /// The tensor library refused an operation.
    #[error("{during}: {source}")]
    Tensor { during: &'static str, source: candle_core::Error },
    /// The loss became infinite or not a number.
    #[error("loss is {loss} in epoch {epoch} on images {}; lower the learning rate, or look at these images", ids.join(", "))]
    NotFinite { epoch: usize, loss: f32, ids: Vec<String> },
    /// A figure could not be drawn.
    #[error("figure {what}: {why}")]
    Figure { what: String, why: String },
}

impl Error {
    /// An [`Error::Io`] that says what was tried on which path.
    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.as_ref().to_path_buf();
        move |source| Error::Io { action, path, source }
    }

    /// An [`Error::Tensor`] that says during what.
    pub(crate) fn tensor(during: &'static str) -> impl FnOnce(candle_core::Error) -> Error {
        move |source| Error::Tensor { during, source }
    }
}
