//! Run-length encodings, as text and in `train.csv`.

use tgs_salt::Error;
use tgs_salt::types::Rle;

use crate::assert_error;
use crate::data_fixture::Folder;

/// Text and what its error has to say.
const BAD: [(&str, &str); 14] = [
    ("1", "got 1 numbers; the last length is missing"),
    ("1 3 9", "got 3 numbers"),
    ("1 0", "run 1 is `1 0`: expected a start and a length of at least 1"),
    ("0 4", "run 1 is `0 4`"),
    ("1 3 3 2", "run 2 overlaps: expected a start after pixel 3, got 3; sort and merge the runs"),
    ("5 3 5 1", "run 2 overlaps"),
    ("9 2 1 2", "run 2 is not sorted: expected a start after pixel 10, got 1"),
    ("1 x", "expected a whole number, got `x`"),
    ("1 -2", "expected a whole number, got `-2`"),
    ("1.0 2", "expected a whole number, got `1.0`"),
    ("+1 2", "expected a whole number, got `+1`"),
    ("٣ 1", "expected a whole number"),
    ("1 4294967296", "expected a number of at most 4294967295, got `4294967296`"),
    ("4294967295 2", "expected an end of at most 4294967295"),
];

#[test]
fn text_that_is_no_encoding() {
    for (text, words) in BAD {
        assert_error!(text.parse::<Rle>().unwrap_err(), Error::Rle { .. }, "RLE: ", words);
    }
    let long = "9".repeat(1_000_000);
    assert!(long.parse::<Rle>().unwrap_err().to_string().len() < 200, "the line repeats the whole input");
    assert!("4294967295 1".parse::<Rle>().is_ok());
}

#[test]
fn rows_that_are_no_encoding() {
    for (text, words) in BAD {
        let folder = Folder::new();
        folder.write("train.csv", format!("id,rle_mask\na,\nb,{text}\nc,1 24\n"));
        assert_error!(folder.error(), Error::Rle { .. }, "RLE of b: ", words, "train.csv line 3");
    }
}

#[test]
fn a_run_beyond_the_image() {
    let rle: Rle = "1 2 24 2".parse().unwrap();
    let words = "run 2 ends at pixel 25: expected at most 24 for 4×6";
    assert_error!(rle.to_mask(4, 6).unwrap_err(), Error::Rle { .. }, words);
    assert!(rle.to_mask(5, 5).is_ok());
    let folder = Folder::new();
    folder.remove("train/masks");
    folder.write("train.csv", "id,rle_mask\na,\nb,1 2 24 2\nc,1 24\n");
    assert_error!(folder.error(), Error::Rle { .. }, "RLE of b: ", words, "check the size");
}

#[test]
fn a_size_that_cannot_be() {
    let rle: Rle = "1 1".parse().unwrap();
    for (height, width) in [(0, 0), (0, 5), (usize::MAX, 2), (1 << 20, 1 << 20)] {
        assert_error!(rle.to_mask(height, width).unwrap_err(), Error::Shape { .. }, "expected", "got");
    }
}
