//! The file that goes to Kaggle.

use std::collections::HashSet;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::io::atomic::write_atomically;
use crate::types::{Rle, check_id};
use crate::{Error, Result};

/// What was written.
#[derive(Clone, PartialEq)]
pub struct Submission {
    /// Rows below the header.
    pub rows: usize,
    /// Share of rows without salt, in `[0, 1]`.
    pub empty_share: f64,
    /// Where the file is.
    pub path: PathBuf,
}

/// Writes `id,rle_mask` and a row per mask, in the order given. The file appears whole or not at all: where writing
/// fails, an older one stays as it was.
///
/// ```
/// use tgs_salt::{io::write_submission, types::Rle};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("submission.csv");
/// let rows = [("155410d6fa".to_string(), "1 1".parse::<Rle>()?), ("78b32781d1".to_string(), Rle::default())];
/// let submission = write_submission(&path, &rows)?;
/// assert_eq!((submission.rows, submission.empty_share), (2, 0.5));
/// assert_eq!(std::fs::read_to_string(&path)?, "id,rle_mask\n155410d6fa,1 1\n78b32781d1,\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Config`] without rows; [`Error::Id`] when an id is there twice or is not a plain name; [`Error::Missing`]
/// or [`Error::Io`] when the file cannot be written.
pub fn write_submission(path: impl AsRef<Path>, rows: &[(String, Rle)]) -> Result<Submission> {
    let rows: Vec<(String, &Rle)> = rows.iter().map(|(id, rle)| (id.clone(), rle)).collect();
    write_rows(path.as_ref(), false, &rows)
}

/// As [`write_submission`]; where rows are of an image and a class, below `Image_Label,EncodedPixels`.
pub(crate) fn write_rows(path: &Path, by_class: bool, rows: &[(String, &Rle)]) -> Result<Submission> {
    let header = if by_class { "Image_Label,EncodedPixels" } else { "id,rle_mask" };
    if rows.is_empty() {
        return Err(Error::Config {
            field: "rows",
            got: "0".into(),
            expected: "a row per test image".into(),
        });
    }
    let mut seen = HashSet::with_capacity(rows.len());
    for (id, _) in rows {
        check_id(id)?;
        if !seen.insert(id) {
            return Err(Error::Id { id: id.clone(), why: "has two rows; expected one row per image".into() });
        }
    }
    write_atomically(path, |file| {
        writeln!(file, "{header}")?;
        rows.iter().try_for_each(|(id, rle)| write_id(file, id).and_then(|()| writeln!(file, ",{rle}")))
    })?;
    let empty = rows.iter().filter(|(_, rle)| rle.is_empty()).count();
    Ok(Submission { rows: rows.len(), empty_share: empty as f64 / rows.len() as f64, path: path.into() })
}

/// Plain names have no quotes and no line ends; a comma is all that needs quoting.
fn write_id(file: &mut dyn Write, id: &str) -> std::io::Result<()> {
    if id.contains(',') { write!(file, "\"{id}\"") } else { file.write_all(id.as_bytes()) }
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Submission { rows, empty_share, path } = self;
        write!(f, "Submission {}: {rows} rows, {:.1} % of them empty", path.display(), 100.0 * empty_share)
    }
}
