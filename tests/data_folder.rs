//! What `Competition::open` reads: every layout, every kind of PNG, CSV files as people save them.

#[path = "data_fixture/mod.rs"]
mod data_fixture;

use data_fixture::{Folder, encode, grey};
use png::{BitDepth, ColorType};

impl Folder {
    fn rename(&self, from: &str, to: &str) {
        std::fs::create_dir_all(self.path(to).parent().unwrap()).unwrap();
        std::fs::rename(self.path(from), self.path(to)).unwrap();
    }
}

#[test]
fn the_folder_as_kaggle_ships_it() {
    let folder = Folder::new();
    let salt = folder.open().unwrap();
    assert_eq!(salt.train.ids(), ["a", "b", "c"]);
    assert_eq!(salt.test.ids(), ["x", "y"]);
    assert_eq!(salt.train.depths(), [Some(100.0), Some(200.5), Some(300.0)]);
    assert_eq!(salt.train.coverages().unwrap(), [Some(0.0), Some(8.0 / 24.0), Some(1.0)]);
    assert_eq!(salt.test.coverages().unwrap(), [None, None]);
    assert!(salt.notes.lines().is_empty(), "{:?}", salt.notes);

    let sample = salt.train.get(1).unwrap();
    assert_eq!(
        (sample.id.as_str(), sample.z, sample.image.height, sample.image.width),
        ("b", Some(200.5), 4, 6)
    );
    assert_eq!(sample.image.pixels, [0.2; 24]);
    assert_eq!(sample.mask.unwrap().to_rle().to_string(), "1 8");
    let ramp = salt.test.get(0).unwrap();
    assert!(ramp.mask.is_none());
    assert!(ramp.image.pixels.iter().enumerate().all(|(i, &p)| p == i as f32 / 255.0));
    let debug = format!("{salt:?}");
    assert!(debug.contains("train: Dataset of 3 samples with masks, depth 100 to 300 ft"), "{debug}");
}

#[test]
fn every_layout_that_unpacking_gives() {
    let moves: [&[(&str, &str)]; 4] = [
        &[("test/images/x.png", "test/x.png"), ("test/images/y.png", "test/y.png")],
        &[("test/images", "images")],
        &[("train/images", "images"), ("train/masks", "masks")],
        &[
            ("train/images/a.png", "train/a.png"),
            ("train/images/b.png", "train/b.png"),
            ("train/images/c.png", "train/c.png"),
        ],
    ];
    for moves in moves {
        let folder = Folder::new();
        moves.iter().for_each(|(from, to)| folder.rename(from, to));
        let salt = folder.open().unwrap();
        assert_eq!(
            (salt.train.ids(), salt.test.ids()),
            (vec!["a".into(), "b".into(), "c".into()], vec!["x".into(), "y".into()]),
            "{moves:?}"
        );
        assert_eq!(salt.train.samples().unwrap().iter().filter(|s| s.mask.is_some()).count(), 3, "{moves:?}");
    }
}

#[test]
fn masks_come_from_train_csv_where_there_is_no_folder() {
    let with_png = Folder::new().open().unwrap().train.samples().unwrap();
    let folder = Folder::new();
    folder.remove("train/masks");
    let salt = folder.open().unwrap();
    assert!(salt.notes.masks_from_csv);
    assert_eq!(salt.train.coverages().unwrap(), [Some(0.0), Some(8.0 / 24.0), Some(1.0)]);
    assert!(salt.train.samples().unwrap() == with_png);
}

#[test]
fn what_nothing_needs_may_be_missing() {
    let folder = Folder::new();
    for name in ["train.csv", "depths.csv", "sample_submission.csv"] {
        folder.remove(name);
    }
    let salt = folder.open().unwrap();
    assert_eq!(salt.notes.missing, ["train.csv", "depths.csv", "sample_submission.csv"]);
    assert_eq!((salt.notes.train_without_depth, salt.notes.test_without_depth), (3, 2));
    assert_eq!(salt.train.get(0).unwrap().z, None);

    let folder = Folder::new();
    folder.remove("test");
    let salt = folder.open().unwrap();
    assert_eq!((salt.train.len(), salt.test.len()), (3, 0));
    assert_eq!(salt.notes.lines(), ["test/images is not there", "2 ids in depths.csv have no image"]);

    let folder = Folder::new();
    folder.remove("train");
    let salt = folder.open().unwrap();
    assert_eq!((salt.train.len(), salt.test.len()), (0, 2));
    assert_eq!(salt.notes.missing, ["train/images"]);
}

#[test]
fn odd_things_are_counted_not_hidden() {
    let folder = Folder::new();
    folder.write("depths.csv", "id,z\nx,50\na,\nzzz,7\nc,300\ny,959\n");
    folder.write("sample_submission.csv", "id,rle_mask\ny,1 1\n");
    folder.write("test/images/Thumbs.db", "x");
    folder.write("test/images/x.PNG", "x");
    folder.write("test/images/._x.png", "x");
    let salt = folder.open().unwrap();
    assert_eq!(salt.train.depths(), [None, None, Some(300.0)]);
    assert_eq!((salt.notes.train_without_depth, salt.notes.test_without_depth), (2, 0));
    assert_eq!(salt.notes.depths_without_image, 1);
    assert_eq!(salt.notes.test_not_in_submission, 1);
    assert_eq!(salt.notes.other_files, 3);
    assert_eq!(salt.notes.lines().len(), 4);
}

#[test]
fn csv_with_bom_crlf_and_quotes() {
    let plain = Folder::new();
    plain.remove("train/masks");
    let folder = Folder::new();
    folder.remove("train/masks");
    folder.write("train.csv", "\u{feff}\"id\",\"rle_mask\"\r\n\"c\",\"1 24\"\r\na,\r\n\r\n\"b\", 1 8 \r\n");
    folder.write("depths.csv", "\u{feff}z,id\r\n50,x\r\n\"100\",\"a\"\r\n200.5,b\r\n300,c\r\n959,y");
    let (plain, salt) = (plain.open().unwrap(), folder.open().unwrap());
    assert!(salt.train.samples().unwrap() == plain.train.samples().unwrap());
    assert_eq!(salt.notes, plain.notes);
}

#[test]
fn every_kind_of_grey_png_is_the_same_image() {
    let values: Vec<u8> = (0..24).map(|i| i * 11).collect();
    let repeat = |n: usize, alpha: bool| -> Vec<u8> {
        values.iter().flat_map(|&v| (0..n).map(move |c| if alpha && c == n - 1 { 255 } else { v })).collect()
    };
    let wide: Vec<u8> = values.iter().flat_map(|&v| [v, v]).collect(); // v · 257, the same share of 65535
    let palette: Vec<u8> = (0..=255).flat_map(|v| [v, v, v]).collect();
    let files = [
        grey(4, 6, &values),
        encode(4, 6, ColorType::GrayscaleAlpha, BitDepth::Eight, &repeat(2, true), None),
        encode(4, 6, ColorType::Rgb, BitDepth::Eight, &repeat(3, false), None),
        encode(4, 6, ColorType::Rgba, BitDepth::Eight, &repeat(4, true), None),
        encode(4, 6, ColorType::Grayscale, BitDepth::Sixteen, &wide, None),
        encode(4, 6, ColorType::Indexed, BitDepth::Eight, &values, Some(&palette)),
    ];
    let folder = Folder::new();
    let expected: Vec<f32> = values.iter().map(|&v| f32::from(v) / 255.0).collect();
    for (kind, file) in files.iter().enumerate() {
        folder.write("test/images/x.png", file);
        assert_eq!(folder.open().unwrap().test.get(0).unwrap().image.pixels, expected, "kind {kind}");
    }
}

#[test]
fn every_kind_of_binary_png_is_the_same_mask() {
    let salt: Vec<u8> = (0..24).map(|i| u8::from(i % 5 == 0)).collect();
    let times = |v: u8| -> Vec<u8> { salt.iter().map(|&s| s * v).collect() };
    let wide = |high: u8, low: u8| -> Vec<u8> { salt.iter().flat_map(|&s| [s * high, s * low]).collect() };
    // One bit per pixel, rows padded to bytes.
    let bits: Vec<u8> =
        salt.chunks(6).map(|row| (0..6).fold(0, |byte, x| byte | row[x] << (7 - x))).collect();
    let files = [
        grey(4, 6, &times(255)),
        grey(4, 6, &times(1)),
        encode(4, 6, ColorType::Grayscale, BitDepth::Sixteen, &wide(255, 255), None),
        encode(4, 6, ColorType::Grayscale, BitDepth::Sixteen, &wide(0, 1), None),
        encode(4, 6, ColorType::Grayscale, BitDepth::One, &bits, None),
        encode(
            4,
            6,
            ColorType::Rgb,
            BitDepth::Eight,
            &salt.iter().flat_map(|&s| [s * 255; 3]).collect::<Vec<_>>(),
            None,
        ),
    ];
    let folder = Folder::new();
    for (kind, file) in files.iter().enumerate() {
        folder.write("train/masks/b.png", file);
        let mask = folder.open().unwrap().train.get(1).unwrap().mask.unwrap();
        assert_eq!(mask.pixels(), salt, "kind {kind}");
    }
}

#[test]
fn a_mask_of_another_size_is_an_error_in_tiles_too() {
    let folder = Folder::new();
    // Tiles of both are 2×3.
    folder.write("train/masks/b.png", grey(3, 6, &[255; 18]));
    let train = folder.open().unwrap().train;
    let whole = train.get(1).unwrap_err().to_string();
    assert!(whole.starts_with("mask of b: expected 4×6 as its image, got 3×6"), "{whole}");
    for tiles in [train.tiles(2, 2), train.resized(8, 8).unwrap().tiles(2, 2)] {
        let tiles = tiles.unwrap();
        assert!(tiles.get(3).is_ok(), "of a, whose mask fits");
        assert_eq!(tiles.get(4).unwrap_err().to_string(), whole);
        assert_eq!(tiles.class_areas().unwrap_err().to_string(), whole);
        assert_eq!(tiles.tiles(1, 2).unwrap().get(8).unwrap_err().to_string(), whole);
    }
}
