//! Folders and CSV files.

use tgs_salt::Error;
use tgs_salt::types::Competition;

use crate::assert_error;
use crate::data_fixture::Folder;

#[test]
fn no_folder() {
    let error = Competition::open("no/such/folder").unwrap_err();
    assert_error!(error, Error::Missing { .. }, "no/such/folder", "unpack train.zip into train/");
    let folder = Folder::new();
    let file = Competition::open(folder.path("train.csv")).unwrap_err();
    assert_error!(file, Error::Missing { .. }, "train.csv: not found", "expected the competition's folder");
}

#[test]
fn a_folder_without_images() {
    let folder = Folder::new();
    folder.remove("train");
    folder.remove("test");
    assert_error!(folder.error(), Error::Missing { .. }, "train/images", "test.zip into test/");
    std::fs::create_dir_all(folder.path("test/images")).unwrap();
    assert_error!(folder.error(), Error::Missing { .. }, "train/images", "unpack");
}

#[test]
fn neither_masks_nor_train_csv() {
    let folder = Folder::new();
    folder.remove("train/masks");
    folder.remove("train.csv");
    assert_error!(
        folder.error(),
        Error::Missing { .. },
        "train.csv: not found",
        "train/masks",
        "unpack train.zip"
    );
}

#[test]
fn ids_without_their_other_half() {
    let folder = Folder::new();
    folder.remove("train/images/b.png");
    assert_error!(
        folder.error(),
        Error::Csv { line: 4, .. },
        "train.csv line 4",
        "`b` has no image",
        "remove the row"
    );
    folder.write("train.csv", "id,rle_mask\na,\nc,1 24\n");
    assert_error!(
        folder.error(),
        Error::Id { .. },
        "id `b`",
        "train/masks",
        "no image",
        "add",
        "remove b.png"
    );

    let folder = Folder::new();
    folder.remove("train/masks/b.png");
    assert_error!(
        folder.error(),
        Error::Id { .. },
        "id `b`",
        "train/images",
        "no mask",
        "add",
        "masks/b.png"
    );

    let folder = Folder::new();
    folder.write("train.csv", "id,rle_mask\na,\nb,1 8\n");
    assert_error!(
        folder.error(),
        Error::Id { .. },
        "id `c`",
        "train/images",
        "no row in",
        "train.csv",
        "add the row"
    );

    let folder = Folder::new();
    folder.write("sample_submission.csv", "id,rle_mask\ny,1 1\n\nzz,1 1\nx,1 1\n");
    assert_error!(
        folder.error(),
        Error::Csv { line: 4, .. },
        "sample_submission.csv",
        "`zz`",
        "test/images/zz.png"
    );
}

#[test]
fn an_id_twice() {
    let rows = [
        ("train.csv", "id,rle_mask\nb,1 8\nc,1 24\na,\nb,1 8\n", "already on line 2"),
        ("depths.csv", "id,z\r\nx,50\r\na,7\r\n\r\nx,51\r\n", "already on line 2"),
        ("sample_submission.csv", "id,rle_mask\nx,\ny,\n\nx,\n", "already on line 2"),
    ];
    for (name, text, place) in rows {
        let folder = Folder::new();
        folder.write(name, text);
        assert_error!(folder.error(), Error::Csv { line: 5, .. }, name, "line 5", place, "keep one");
    }
}

#[test]
fn ids_that_are_paths() {
    for id in ["../x", "a/b", "/etc/passwd", "..", "", "C:x", "a\\b"] {
        for (name, header) in
            [("train.csv", "id,rle_mask"), ("depths.csv", "id,z"), ("sample_submission.csv", "id,rle_mask")]
        {
            let folder = Folder::new();
            folder.write(name, format!("{header}\n{id},\n"));
            let why = if id.is_empty() { "is empty" } else { "is a path" };
            assert_error!(folder.error(), Error::Csv { line: 2, .. }, name, why, "expected a plain name");
        }
    }
}

#[test]
fn csv_files_that_are_something_else() {
    let cases: [(&str, &[u8], u64, &str); 8] = [
        ("train.csv", b"", 1, "expected the header `id,rle_mask`"),
        ("train.csv", b"id;rle_mask\na;1 1\n", 1, "got `id;rle_mask`"),
        ("depths.csv", b"id,depth\na,1\n", 1, "expected the header `id,z`, got `id,depth`"),
        ("depths.csv", b"id,z\r\na,1\r\n\r\nb\r\n", 4, "expected 2 fields, got 1"),
        ("depths.csv", b"id,z\na,1,2\n", 2, "expected 2 fields, got 3"),
        ("depths.csv", b"id,z\na,deep\n", 2, "depth of a is `deep`: expected a number of feet"),
        ("depths.csv", b"id,z\na,NaN\n", 2, "expected a number of feet"),
        ("depths.csv", b"id,z\na\xff,1\n", 2, "not UTF-8; save the file as UTF-8"),
    ];
    for (name, bytes, at, words) in cases {
        let folder = Folder::new();
        folder.write(name, bytes);
        let error = folder.error();
        assert!(matches!(error, Error::Csv { line, .. } if line == at), "{error}");
        assert_error!(error, Error::Csv { .. }, name, words);
    }
    let folder = Folder::new();
    folder.remove("depths.csv");
    std::fs::create_dir(folder.path("depths.csv")).unwrap();
    assert_error!(folder.error(), Error::Io { .. }, "depths.csv: cannot read");
}
