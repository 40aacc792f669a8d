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
    Io {
        /// What was tried, as in "cannot …".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What lies below.
        source: std::io::Error,
    },
    /// A file or folder that has to be there is not.
    #[error("{}: not found; {hint}", path.display())]
    Missing {
        /// The file or folder.
        path: PathBuf,
        /// What to do.
        hint: String,
    },
    /// A CSV file breaks a rule; `line` counts from 1, the header included.
    #[error("{} line {line}: {why}", path.display())]
    Csv {
        /// The file or folder.
        path: PathBuf,
        /// From 1, the header included.
        line: u64,
        /// What was expected, what was found, what to do.
        why: String,
    },
    /// An image or mask file is not what it should be.
    #[error("image {id}: {why}")]
    Image {
        /// The image.
        id: String,
        /// What was expected, what was found, what to do.
        why: String,
    },
    /// A run-length encoding breaks the competition's rules. `id` is empty for text without an image.
    #[error("RLE{}{id}: {why}", if id.is_empty() { "" } else { " of " })]
    Rle {
        /// The image.
        id: String,
        /// What was expected, what was found, what to do.
        why: String,
    },
    /// An id that no sample has, that two have, or that is not a plain name.
    #[error("id `{id}`: {why}")]
    Id {
        /// The image.
        id: String,
        /// What was expected, what was found, what to do.
        why: String,
    },
    /// Two things that have to agree in size do not.
    #[error("{what}: expected {expected}, got {got}; {hint}")]
    Shape {
        /// Which thing.
        what: String,
        /// What fits.
        expected: String,
        /// What was there.
        got: String,
        /// What to do.
        hint: String,
    },
    /// A setting is out of its range.
    #[error("{field} = {got}: expected {expected}")]
    Config {
        /// The setting.
        field: &'static str,
        /// What was there.
        got: String,
        /// What fits.
        expected: String,
    },
    /// A weights file does not fit the model; nothing was changed.
    #[error("{}: does not fit this model: {why}{}{}", path.display(), names("missing", missing), names("unexpected", unexpected))]
    Weights {
        /// The file or folder.
        path: PathBuf,
        /// What was expected, what was found, what to do.
        why: String,
        /// Names that the model has and the file lacks.
        missing: Vec<String>,
        /// Names that the file has and the model lacks.
        unexpected: Vec<String>,
    },
    /// A file of pretrained weights could not be fetched.
    #[error(
        "cannot download {url}: {why}; fetch it by hand and place it at {}, or give it by .weights(\"path/to/it\")",
        place.display()
    )]
    Download {
        /// Where the file is fetched from.
        url: String,
        /// What happened, what to do.
        why: String,
        /// Where the file is looked for, and can be placed by hand.
        place: PathBuf,
    },
    /// A file of pretrained weights is not the one that it has to be.
    #[error("{}: wrong checksum: expected sha256 {expected}, got {got}; {hint}", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The sha256 that the file has to have.
        expected: String,
        /// The sha256 that it has.
        got: String,
        /// What to do.
        hint: String,
    },
    /// The tensor library refused an operation.
    #[error("{during}: {source}")]
    Tensor {
        /// In which operation.
        during: &'static str,
        /// What lies below.
        source: candle_core::Error,
    },
    /// The loss became infinite or not a number.
    #[error("loss is {loss} in epoch {epoch} on images {}; lower the learning rate, or look at these images", ids.join(", "))]
    NotFinite {
        /// Counts from 1.
        epoch: usize,
        /// The loss.
        loss: f32,
        /// The images of the batch.
        ids: Vec<String>,
    },
    /// A figure could not be drawn.
    #[error("figure {what}: {why}")]
    Figure {
        /// Which thing.
        what: String,
        /// What was expected, what was found, what to do.
        why: String,
    },
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

/// `; what: a, b, c and 4 more`, or nothing without names.
fn names(what: &str, names: &[String]) -> String {
    match names {
        [] => String::new(),
        [a, b, c, _, rest @ ..] => format!("; {what}: {a}, {b}, {c} and {} more", rest.len() + 1),
        [..] => format!("; {what}: {}", names.join(", ")),
    }
}
