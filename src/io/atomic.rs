//! The one way this crate writes a file that a person wants to keep.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Writes a file so that at `path` there is at any time the whole old content or the whole new one: a temporary file in
/// the same folder, flushed to the disk, becomes the target by one rename.
///
/// # Errors
/// [`Error::Missing`] when the folder is not there; [`Error::Io`] when the target is not a regular file, is read-only,
/// or writing fails. The old content stays.
pub(crate) fn write_atomically(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let path = path.as_ref();
    let target = replaceable(path).map_err(Error::io("write", path))?;
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        let hint = "expected a folder to write to; create it, or write elsewhere".into();
        return Err(Error::Missing { path: folder.into(), hint });
    }
    replace(&target, folder, write).map_err(Error::io("write", path))
}

/// Where the file really lies (a link keeps pointing to it), unless something stands there that must stay.
fn replaceable(path: &Path) -> io::Result<PathBuf> {
    let Ok(meta) = fs::metadata(path) else { return Ok(path.into()) };
    if !meta.is_file() {
        let what = if meta.is_dir() { "is a folder" } else { "is not a regular file" };
        return Err(io::Error::other(format!("it {what}; expected the name of a file")));
    }
    if meta.permissions().readonly() {
        let why = "the file there is read-only; make it writable, or write elsewhere";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    fs::canonicalize(path)
}

fn replace(
    target: &Path,
    folder: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    // A dropped temporary file is deleted: no path out of here leaves one behind.
    let mut builder = tempfile::Builder::new();
    builder.prefix(".tgs_salt-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // less the umask, as any new file
    let temporary = builder.tempfile_in(folder)?;
    if let Ok(old) = fs::metadata(target) {
        temporary.as_file().set_permissions(old.permissions())?;
    }
    let mut buffered = BufWriter::with_capacity(1 << 16, temporary.as_file());
    write(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    temporary.as_file().sync_all()?;
    temporary.persist(target).map_err(|error| error.error)?;
    // The rename itself survives a power cut only once the folder is on the disk.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn new_content_replaces_old_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        for text in ["first, longer", "second"] {
            write_atomically(&path, |file| file.write_all(text.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(names(folder.path()), ["a.csv"]);
    }

    #[test]
    fn a_failure_midway_keeps_the_old_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "old").unwrap();
        let error = write_atomically(&path, |file| {
            file.write_all(&[b'x'; 1 << 20])?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert!(matches!(error, Err(Error::Io { action: "write", .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["a.csv"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_modes_and_devices_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        write_atomically(&link, |to| to.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        let line = write_atomically("/dev/null", |_| Ok(())).unwrap_err().to_string();
        assert!(line.contains("/dev/null: cannot write: it is not a regular file"), "{line}");
    }
}
