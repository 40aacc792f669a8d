//! Targets that cannot be written, and rows that must not be.

use std::fs;

use tgs_salt::Error;
use tgs_salt::io::write_submission;
use tgs_salt::types::Rle;

use crate::assert_error;

fn rows(ids: &[&str]) -> Vec<(String, Rle)> {
    ids.iter().map(|id| (id.to_string(), Rle::default())).collect()
}

#[test]
fn rows_that_kaggle_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("submission.csv");
    fs::write(&path, "old").unwrap();
    assert_error!(
        write_submission(&path, &[]).unwrap_err(),
        Error::Config { .. },
        "rows = 0",
        "a row per test image"
    );
    let error = write_submission(&path, &rows(&["a", "b", "a"])).unwrap_err();
    assert_error!(error, Error::Id { .. }, "id `a`", "two rows", "expected one row");
    for id in ["../x", "", "a\nb", "a\"b"] {
        assert_error!(
            write_submission(&path, &rows(&["a", id])).unwrap_err(),
            Error::Id { .. },
            "expected a plain name"
        );
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
}

#[test]
fn targets_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(&["a"]);
    let error = write_submission(folder.path(), &rows).unwrap_err();
    assert_error!(error, Error::Io { .. }, "cannot write", "it is a folder", "expected the name of a file");
    let error = write_submission(folder.path().join("no/submission.csv"), &rows).unwrap_err();
    assert_error!(error, Error::Missing { .. }, "/no: not found", "create it, or write elsewhere");
    let error = write_submission("", &rows).unwrap_err();
    assert_error!(error, Error::Io { .. }, "cannot write");

    let path = folder.path().join("submission.csv");
    fs::write(&path, "old").unwrap();
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    let error = write_submission(&path, &rows).unwrap_err();
    assert_error!(error, Error::Io { .. }, "submission.csv", "read-only", "make it writable");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
}

/// A limit on the size of files is a full disk that any user can have.
#[cfg(unix)]
#[test]
fn a_full_disk_keeps_the_old_submission() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("submission.csv");
    fs::write(&path, "old").unwrap();
    let status = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" --ignored --exact submissions::on_a_full_disk"])
        .arg(std::env::current_exe().unwrap())
        .env("TARGET", &path)
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file is left");
}

#[test]
#[ignore = "the test above runs it where files may not grow"]
fn on_a_full_disk() {
    let Some(path) = std::env::var_os("TARGET") else { return };
    let ids: Vec<String> = (0..18_000).map(|i| format!("{i:010}")).collect();
    let rows = rows(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let error = write_submission(path, &rows).unwrap_err();
    assert_error!(error, Error::Io { .. }, "submission.csv: cannot write", "large");
}
