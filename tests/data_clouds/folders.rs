//! Anyone's own folders of pictures.

use crate::{Folder, grey, jpeg, png};
use image::ExtendedColorType;
use std::fs;
use std::path::{Path, PathBuf};
use tgs_salt::prelude::*;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures")
}

/// Grey values, or indices, as Pillow reads them.
fn expected(name: &str) -> Vec<u8> {
    let text = fs::read_to_string(fixtures().join("expected.json")).unwrap();
    serde_json::from_value(serde_json::from_str::<serde_json::Value>(&text).unwrap()[name].clone()).unwrap()
}

/// PNG to the last bit; JPEG decoders differ from each other by what they round.
#[test]
fn pictures_are_as_pillow_reads_them() {
    for (name, tolerance) in [
        ("colour.jpg", 2.0),
        ("progressive.jpg", 2.0),
        ("grey.jpg", 1.0),
        ("colour.png", 0.0),
        ("alpha.png", 0.0),
    ] {
        let folder = Folder(tempfile::tempdir().unwrap());
        folder.write(&format!("images/{name}"), fs::read(fixtures().join(name)).unwrap());
        let (stem, _) = name.split_once('.').unwrap();
        folder.write(&format!("masks/{stem}.png"), grey(20, 37, &[0; 740]));
        let own = open(&folder).unwrap();
        let image = own.train.get(0).unwrap().image;
        let off = |(&got, want): (&f32, u8)| (got * 255.0 - f32::from(want)).abs();
        let most = image.pixels.iter().zip(expected(name)).map(off).fold(0.0, f32::max);
        println!("{name}: off by at most {most}");
        assert!(most <= tolerance + 1e-4, "{name} is off by {most}");
    }
}

fn open(folder: &Folder) -> tgs_salt::Result<Competition> {
    Competition::from_folders(folder.path().join("images"), folder.path().join("masks"))
}

#[test]
fn values_of_masks_are_classes() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let indices = expected("palette.png");
    folder.write("masks/a.png", fs::read(fixtures().join("palette.png")).unwrap());
    folder.write("images/a.jpeg", jpeg(20, 37));
    let plain: Vec<u8> = (0..6).map(|i| if i == 4 { 7 } else { 0 }).collect();
    folder.write("masks/b.PNG", grey(2, 3, &plain));
    folder.write("images/b.png", grey(2, 3, &[9; 6]));
    folder.write("images/.hidden.png", "");
    folder.write("images/readme.txt", "");
    let own = open(&folder).unwrap();
    assert_eq!((own.train.ids(), own.test.len()), (vec!["a".to_string(), "b".into()], 0));
    assert_eq!(own.train.class_names(), ["1", "2", "3", "7"]);
    assert_eq!(own.notes.other_files, 2);
    let mask = own.train.get(0).unwrap().mask.unwrap();
    for (class, value) in [1, 2, 3, 7].into_iter().enumerate() {
        let plane = indices.iter().map(|&i| u8::from(i == value)).collect();
        assert_eq!(mask.class(class).unwrap(), Mask::new(20, 37, plane).unwrap(), "{value}");
    }
    assert_eq!(own.train.class(3).unwrap().class_areas().unwrap(), [Some(vec![0]), Some(vec![1])]);
    let (train, valid) = own.train.resized(10, 10).unwrap().split(0.5, 1).unwrap();
    assert_eq!((train.len(), valid.get(0).unwrap().mask.unwrap().classes()), (1, 4));
}

#[test]
fn masks_of_two_values_are_of_the_foreground() {
    for high in [1, 255] {
        let folder = Folder(tempfile::tempdir().unwrap());
        for id in ["a", "b"] {
            folder.write(&format!("images/{id}.png"), png(2, 3, ExtendedColorType::Rgb8, &[50; 18]));
            let pixels = [0, high, 0, 0, if id == "a" { high } else { 0 }, 0];
            folder.write(&format!("masks/{id}.png"), grey(2, 3, &pixels));
        }
        let own = open(&folder).unwrap();
        assert_eq!(own.train.class_names(), ["foreground"]);
        assert_eq!(own.train.get(0).unwrap().mask.unwrap().pixels(), [0, 1, 0, 0, 1, 0]);
        assert_eq!(own.train.coverages().unwrap(), [Some(2.0 / 6.0), Some(1.0 / 6.0)]);
    }
    let folder = Folder(tempfile::tempdir().unwrap());
    folder.write("images/a.png", grey(2, 3, &[1; 6]));
    folder.write("masks/a.png", grey(2, 3, &[0; 6]));
    assert!(open(&folder).unwrap().train.get(0).unwrap().mask.unwrap().is_empty());
}

#[test]
fn folders_that_do_not_fit_are_one_line_each() {
    let pair = |folder: &Folder| {
        folder.write("images/a.png", grey(5, 8, &[9; 40]));
        folder.write("masks/a.png", grey(5, 8, &[0; 40]));
    };
    type Change = fn(&Folder);
    let changes: [(Change, &str); 7] = [
        (|f| f.write("images/b.jpg", jpeg(5, 8)), "`b`: is in"),
        (|f| f.write("masks/b.png", grey(5, 8, &[0; 40])), "but has no image"),
        (|f| f.write("masks/a.png", grey(8, 5, &[0; 40])), "mask of a: expected 5×8 as its image, got 8×5"),
        (|f| f.write("images/a.jpg", jpeg(5, 8)), "keep one of them"),
        (|f| f.write("masks/a.png", jpeg(5, 8)), "is a JPEG, whose pixels are not exact"),
        (
            |f| f.write("masks/a.png", grey(5, 8, &(0..40).collect::<Vec<u8>>())),
            "there are 39 values besides 0",
        ),
        (
            |f| f.write("masks/a.png", png(5, 8, ExtendedColorType::Rgb8, &(0..120).collect::<Vec<u8>>())),
            "equal",
        ),
    ];
    for (change, expected) in changes {
        let folder = Folder(tempfile::tempdir().unwrap());
        pair(&folder);
        assert!(open(&folder).is_ok());
        change(&folder);
        let line = open(&folder).unwrap_err().to_string();
        assert!(line.contains(expected) && !line.contains('\n'), "{line} — {expected}");
    }
    let line = Competition::from_folders("no/images", "no/masks").unwrap_err().to_string();
    assert!(line.starts_with("no/images: not found; expected a folder"), "{line}");
}
