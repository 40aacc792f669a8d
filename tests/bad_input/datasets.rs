//! Settings of splits, folds and selections.

use tgs_salt::Error;

use crate::assert_error;
use crate::data_fixture::Folder;

#[test]
fn fractions_and_folds_out_of_range() {
    let salt = Folder::new().open().unwrap();
    for fraction in [0.0, 1.0, -0.2, 20.0, f64::NAN, f64::INFINITY] {
        let error = salt.train.split(fraction, 1).unwrap_err();
        assert_error!(
            error,
            Error::Config { field: "fraction", .. },
            "fraction = ",
            "above 0 and below 1, such as 0.2"
        );
    }
    for k in [0, 1, 4, usize::MAX] {
        let error = salt.train.folds(k, 1).unwrap_err();
        assert_error!(error, Error::Config { field: "k", .. }, "k = ", "from 2 to the number of samples, 3");
    }
    let one = salt.train.select(&["a"]).unwrap();
    assert_error!(one.split(0.5, 1).unwrap_err(), Error::Config { .. }, "samples = 1", "at least 2");
}

#[test]
fn a_split_without_masks() {
    let salt = Folder::new().open().unwrap();
    for error in [salt.test.split(0.5, 1).unwrap_err(), salt.test.folds(2, 1).unwrap_err()] {
        assert_error!(
            error,
            Error::Image { .. },
            "image x",
            "has no mask",
            "use a dataset with masks, such as train"
        );
    }
}

#[test]
fn samples_that_are_not_there() {
    let salt = Folder::new().open().unwrap();
    assert_error!(salt.train.get(3).unwrap_err(), Error::Config { field: "i", .. }, "i = 3", "below", "3");
    assert_error!(salt.train.get(usize::MAX).unwrap_err(), Error::Config { .. }, "below");
    for id in ["x", "", "../a", "A"] {
        assert_error!(
            salt.train.select(&["a", id]).unwrap_err(),
            Error::Id { .. },
            "not among these 3 samples",
            "ids()"
        );
    }
    assert_error!(salt.train.select(&["b", "b"]).unwrap_err(), Error::Id { .. }, "id `b`", "given twice");
}
