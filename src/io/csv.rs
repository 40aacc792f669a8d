//! The competition's CSV files: an id and one value per row.

use std::borrow::Borrow;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ::csv::{ByteRecord, ReaderBuilder};

use crate::types::{Rle, check_id, sort_by_id};
use crate::{Error, Result};

/// One row and where it stands.
pub(super) struct Row<T> {
    pub(super) id: String,
    pub(super) value: T,
    pub(super) line: u64,
    /// True once the row has met its image.
    pub(super) used: bool,
}

/// What the CSV files of a folder say; a file that is not there is `None`, or no depths.
pub(super) struct Tables {
    pub(super) masks_path: PathBuf,
    /// Sorted by id.
    pub(super) masks: Option<Vec<Row<Rle>>>,
    /// Sorted by id.
    pub(super) depths: Vec<Row<Option<f32>>>,
    pub(super) has_depths: bool,
    pub(super) order_path: PathBuf,
    /// In the order of the file.
    pub(super) order: Option<Vec<Row<()>>>,
}

impl Tables {
    pub(super) fn read(dir: &Path) -> Result<Tables> {
        let masks_path = dir.join("train.csv");
        let depths_path = dir.join("depths.csv");
        let order_path = dir.join("sample_submission.csv");
        let masks = || read_masks(&masks_path)?.map(|rows| sorted(&masks_path, rows)).transpose();
        let depths = || read_depths(&depths_path)?.map(|rows| sorted(&depths_path, rows)).transpose();
        let ((masks, order), depths) = rayon::join(|| (masks(), read_order(&order_path)), depths);
        let (masks, depths, order) = (masks?, depths?, order?);
        let has_depths = depths.is_some();
        Ok(Tables { masks_path, masks, depths: depths.unwrap_or_default(), has_depths, order_path, order })
    }
}

/// The rows of `id,rle_mask` in the order of the file; `None` when there is no such file.
fn read_masks(path: &Path) -> Result<Option<Vec<Row<Rle>>>> {
    read_rows(path, ["id", "rle_mask"], |id, text, line| parse_rle(path, id, text, line))
}

/// The runs of a mask, an error naming its image and line.
pub(super) fn parse_rle(path: &Path, id: &str, text: &str, line: u64) -> Result<Rle> {
    text.parse().map_err(|error| match error {
        Error::Rle { why, .. } => {
            Error::Rle { id: id.into(), why: format!("{why} ({} line {line})", path.display()) }
        }
        other => other,
    })
}

/// The ids of `id,rle_mask` in the order of the file, whatever the masks; `None` when there is no such file.
fn read_order(path: &Path) -> Result<Option<Vec<Row<()>>>> {
    read_rows(path, ["id", "rle_mask"], |_, _, _| Ok(()))
}

/// The rows of `id,z`, depths in feet, empty where unknown; `None` when there is no such file.
fn read_depths(path: &Path) -> Result<Option<Vec<Row<Option<f32>>>>> {
    read_rows(path, ["id", "z"], |id, text, line| match text.parse::<f32>() {
        _ if text.is_empty() => Ok(None),
        Ok(z) if z.is_finite() => Ok(Some(z)),
        _ => {
            let why = format!("depth of {id} is `{}`: expected a number of feet", text.escape_debug());
            Err(Error::Csv { path: path.into(), line, why })
        }
    })
}

/// Sorts rows, or references to them, by id; two rows of one id are an error.
pub(super) fn sorted<T: 'static, R: Borrow<Row<T>>>(path: &Path, rows: Vec<R>) -> Result<Vec<R>> {
    let rows = sort_by_id(rows, |row| &row.borrow().id);
    for pair in rows.windows(2) {
        let (first, second) = (pair[0].borrow(), pair[1].borrow());
        if first.id == second.id {
            let why = format!("id `{}` is already on line {}; keep one of them", first.id, first.line);
            return Err(Error::Csv { path: path.into(), line: second.line, why });
        }
    }
    Ok(rows)
}

/// The rows in the order of the file, by the names of the columns of ids and values; `None` when there is no such file.
pub(super) fn read_rows<T>(
    path: &Path,
    names: [&str; 2],
    parse: impl Fn(&str, &str, u64) -> Result<T>,
) -> Result<Option<Vec<Row<T>>>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let bad = |line, why| Error::Csv { path: path.into(), line, why };
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes.as_slice());
    let mut record = ByteRecord::new();
    let mut lines = Lines { bytes: &bytes, at: 0, line: 1 };
    let mut next = |record: &mut ByteRecord| match reader.read_byte_record(record) {
        Ok(more) => Ok(more.then(|| lines.line_of(record))),
        Err(error) => Err(bad(lines.line_of(record), error.to_string())),
    };
    let line = next(&mut record)?.unwrap_or(1);
    let (at_id, at_value) = columns(&record, names).map_err(|why| bad(line, why))?;
    let fields = record.len();
    let mut rows = Vec::with_capacity(bytes.len() / 32);
    while let Some(line) = next(&mut record)? {
        if record.len() != fields {
            return Err(bad(line, format!("expected {fields} fields, got {}; mend this line", record.len())));
        }
        let id = text(&record[at_id]).map_err(|why| bad(line, why))?;
        check_id(id).map_err(|error| bad(line, error.to_string()))?;
        let value = text(&record[at_value]).map_err(|why| bad(line, why))?;
        rows.push(Row { id: id.into(), value: parse(id, value, line)?, line, used: false });
    }
    Ok(Some(rows))
}

/// Counts lines up to a record. The reader's own count is behind where lines are blank or end in CRLF.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn line_of(&mut self, record: &ByteRecord) -> u64 {
        let start = record.position().map_or(self.at, |position| position.byte() as usize);
        let blank = self.bytes.iter().skip(start).take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let passed = self.bytes.get(self.at..start + blank).unwrap_or_default();
        self.line += passed.iter().filter(|&&b| b == b'\n').count() as u64;
        self.at = start + blank;
        self.line
    }
}

/// Where the ids and the values are; other columns are of no interest.
fn columns(header: &ByteRecord, names: [&str; 2]) -> Result<(usize, usize), String> {
    let find = |name: &str| header.iter().position(|field| field.trim_ascii() == name.as_bytes());
    find(names[0]).zip(find(names[1])).ok_or_else(|| {
        let got: Vec<_> = header.iter().map(|field| field.escape_ascii().to_string()).collect();
        format!("expected the header `{}`, got `{}`; is this the right file?", names.join(","), got.join(","))
    })
}

fn text(field: &[u8]) -> Result<&str, String> {
    match std::str::from_utf8(field) {
        Ok(text) => Ok(text.trim_ascii()),
        Err(_) => Err(format!("`{}` is not UTF-8; save the file as UTF-8", field.escape_ascii())),
    }
}
