//! What Kaggle is sent of the clouds.

use std::fs;

use tgs_salt::prelude::*;

use crate::Folder;

fn model(classes: usize) -> Model {
    Unet::new(Encoder::Plain).depth(1).base_filters(2).classes(classes).seed(3).build(&Device::Cpu).unwrap()
}

fn predict(classes: usize, test: &Dataset) -> Masks {
    model(classes).predict(test).unwrap().threshold(0.5).unwrap()
}

/// The rows of the file, header and all: what stands before the comma, and behind it.
fn submit(masks: &Masks) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("submission.csv");
    let written = masks.submit(&path).unwrap().rows;
    let text = fs::read_to_string(&path).unwrap();
    let rows: Vec<_> = text.lines().filter_map(|line| line.split_once(',')).collect();
    assert_eq!(rows.len(), written + 1);
    rows.into_iter().map(|(name, runs)| (name.into(), runs.into())).collect()
}

fn names(rows: &[(String, String)]) -> Vec<&str> {
    rows.iter().map(|row| row.0.as_str()).collect()
}

#[test]
fn a_submission_has_the_rows_of_the_sample_in_its_order() {
    let folder = Folder::new();
    let clouds = Competition::clouds(folder.path()).unwrap();
    let masks = predict(2, &clouds.test);
    let rows = submit(&masks);
    assert_eq!(names(&rows), ["Image_Label", "y.jpg_Sugar", "y.jpg_Fish", "x.jpg_Fish", "x.jpg_Sugar"]);
    for (row, id, class) in [(1, "y.jpg", 1), (2, "y.jpg", 0), (3, "x.jpg", 0), (4, "x.jpg", 1)] {
        let mask = masks.get(id).unwrap().class(class).unwrap();
        assert_eq!(rows[row].1.parse::<Rle>().unwrap().to_mask(350, 525).unwrap(), mask);
    }
    // Masks of one size label images of another; they go with the images.
    let labelled = clouds.test.with_masks(&masks).unwrap();
    assert_eq!(labelled.get(0).unwrap().mask.unwrap(), masks.get("x.jpg").unwrap());
    let larger = labelled.resized(700, 1050).unwrap().get(0).unwrap().mask.unwrap();
    assert_eq!(larger, masks.get("x.jpg").unwrap().resize(700, 1050).unwrap());
}

#[test]
fn one_class_is_submitted_by_itself() {
    let folder = Folder::new();
    let clouds = Competition::clouds(folder.path()).unwrap();
    let probabilities = model(2).predict(&clouds.test).unwrap();
    let all = submit(&probabilities.threshold(0.5).unwrap());
    let sugar: Vec<_> = [0, 1, 4].map(|row| all[row].clone()).into();
    assert_eq!(names(&sugar), ["Image_Label", "y.jpg_Sugar", "x.jpg_Sugar"]);
    assert_eq!(submit(&probabilities.class(1).unwrap().threshold(0.5).unwrap()), sugar);
    assert_eq!(submit(&probabilities.threshold(0.5).unwrap().class(1).unwrap()), sugar);
    // A network of its own for a class.
    let fish = submit(&predict(1, &clouds.test.class(0).unwrap()));
    assert_eq!(names(&fish), ["Image_Label", "y.jpg_Fish", "x.jpg_Fish"]);
    assert_eq!((all[0].1.as_str(), fish[0].1.as_str()), ("EncodedPixels", "EncodedPixels"));

    fs::remove_file(folder.path().join("sample_submission.csv")).unwrap();
    let clouds = Competition::clouds(folder.path()).unwrap();
    let fish = submit(&predict(1, &clouds.test.class(0).unwrap()));
    assert_eq!(names(&fish), ["Image_Label", "x.jpg_Fish", "y.jpg_Fish"]);
    let sample = Competition::sample_clouds().unwrap().test.class(3).unwrap();
    let one = sample.select(&[&sample.ids()[0]]).unwrap();
    let row = format!("{}_Sugar", one.ids()[0]);
    assert_eq!(names(&submit(&predict(1, &one))), ["Image_Label", row.as_str()]);
}

#[test]
fn a_folder_of_one_class_is_submitted_by_image_and_class() {
    let folder = Folder::new();
    folder.labels("b_2.jpg_Fish,1 60\na.jpg_Fish,\n");
    let rows = "Image_Label,EncodedPixels\ny.jpg_Fish,1 1\nx.jpg_Fish,1 1\n";
    folder.write("sample_submission.csv", rows);
    let clouds = Competition::clouds(folder.path()).unwrap();
    let rows = submit(&predict(1, &clouds.test));
    assert_eq!(names(&rows), ["Image_Label", "y.jpg_Fish", "x.jpg_Fish"]);
}

#[test]
fn what_kaggle_would_score_wrongly_is_one_line() {
    let folder = Folder::new();
    let clouds = Competition::clouds(folder.path()).unwrap();
    let path = folder.path().join("submission.csv");
    let line = |masks: &Masks| {
        let line = masks.submit(&path).unwrap_err().to_string();
        assert!(!line.contains('\n') && !path.exists(), "{line}");
        line
    };
    let small = line(&predict(2, &clouds.test.resized(30, 45).unwrap()));
    assert!(small.starts_with("submitted mask of x.jpg: expected 350×525 as the competition"), "{small}");
    assert!(small.contains("got 30×45"), "{small}");
    // A part of the test set.
    let part = line(&predict(2, &clouds.test.select(&["x.jpg"]).unwrap()));
    assert!(part.contains("`y.jpg_Sugar`: is in sample_submission.csv but was not predicted"), "{part}");
    let named = clouds.test.with_class_names(&["Fish", "Zucker"]).unwrap();
    let other = line(&predict(2, &named));
    assert!(other.starts_with("class names = Zucker: expected classes that have rows"), "{other}");
    // Known before anything is predicted.
    let early = model(1).predict(&clouds.test).unwrap_err().to_string();
    assert!(early.starts_with("classes = 1: expected 2, those of the test set (Fish, Sugar)"), "{early}");
    let rules = [MaskRule::default()];
    assert!(model(1).predict_masks(&clouds.test, &Tta::none(), &rules).is_err());
    // At another size the masks of training images are nobody's submission.
    assert!(predict(2, &clouds.train.resized(30, 45).unwrap()).submit(&path).is_ok());
}
