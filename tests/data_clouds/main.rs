//! The clouds competition's folder, anyone's own folders, datasets at another size, and the made-up clouds.

mod folders;
mod run;
mod sample;
mod submission;

use std::fs;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use tgs_salt::prelude::*;

const SIZE: (usize, usize) = (60, 90);

fn png(height: usize, width: usize, color: ExtendedColorType, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    encoder.write_image(pixels, width as u32, height as u32, color).unwrap();
    bytes
}

fn grey(height: usize, width: usize, pixels: &[u8]) -> Vec<u8> {
    png(height, width, ExtendedColorType::L8, pixels)
}

/// A ramp in three colours whose luma rises to the right.
fn jpeg(height: usize, width: usize) -> Vec<u8> {
    let pixel = |i: usize| [i % width, i % width * 2 % 256, i / width].map(|v| v as u8);
    let pixels: Vec<u8> = (0..height * width).flat_map(pixel).collect();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    encoder.encode(&pixels, width as u32, height as u32, ExtendedColorType::Rgb8).unwrap();
    bytes
}

struct Folder(tempfile::TempDir);

impl Folder {
    /// Training images `a.jpg` and `b_2.jpg`, test images `x.jpg` and `y.jpg`, classes `Fish` and `Sugar`.
    fn new() -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        for name in ["train_images/a.jpg", "train_images/b_2.jpg", "test_images/x.jpg", "test_images/y.jpg"] {
            folder.write(name, jpeg(SIZE.0, SIZE.1));
        }
        let rows = "b_2.jpg_Sugar,31 30 91 30\na.jpg_Fish,\nb_2.jpg_Fish,1 60\na.jpg_Sugar,5400 1\n";
        folder.write("train.csv", format!("Image_Label,EncodedPixels\n{rows}"));
        let rows = "y.jpg_Sugar,1 1\ny.jpg_Fish,1 1\nx.jpg_Fish,1 1\nx.jpg_Sugar,1 1\n";
        folder.write("sample_submission.csv", format!("Image_Label,EncodedPixels\n{rows}"));
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn labels(&self, rows: &str) {
        self.write("train.csv", format!("Image_Label,EncodedPixels\n{rows}"));
    }

    fn error(&self) -> String {
        let line = Competition::clouds(self.path()).unwrap_err().to_string();
        assert!(!line.contains('\n'), "{line}");
        line
    }
}

#[test]
fn the_folder_is_opened_at_the_size_that_is_scored() {
    let folder = Folder::new();
    let clouds = Competition::clouds(folder.path()).unwrap();
    assert_eq!(clouds.train.ids(), ["a.jpg", "b_2.jpg"]);
    assert_eq!(clouds.train.class_names(), ["Fish", "Sugar"]);
    assert_eq!(clouds.test.class_names(), ["Fish", "Sugar"]);
    assert!(clouds.notes.lines().is_empty(), "{:?}", clouds.notes);
    assert_eq!(
        format!("{clouds:?}"),
        "Competition\n  train: Dataset of 2 samples with masks of 2 classes, at 350×525, without depths\n  \
         test:  Dataset of 2 samples without masks, at 350×525, without depths"
    );
    let scored = clouds.train.get(1).unwrap();
    assert_eq!((scored.image.height, scored.image.width), (350, 525));

    let full = clouds.train.resized(SIZE.0, SIZE.1).unwrap();
    let b = full.get(1).unwrap();
    // Column by column, from 1: pixels 31 to 60 are the lower half of column 0, 91 to 120 that of column 1.
    let mask = b.mask.clone().unwrap();
    let sugar = (0..5400).map(|i| u8::from(i / 90 >= 30 && i % 90 < 2)).collect();
    assert_eq!(mask.class(1).unwrap(), Mask::new(60, 90, sugar).unwrap());
    let fish = (0..5400).map(|i| u8::from(i % 90 == 0)).collect();
    assert_eq!(mask.class(0).unwrap(), Mask::new(60, 90, fish).unwrap());
    assert_eq!(full.class_areas().unwrap(), [Some(vec![0, 1]), Some(vec![60, 60])]);
    assert_eq!(scored.mask.unwrap(), mask.resize(350, 525).unwrap());
    assert_eq!(scored.image, b.image.resize(350, 525).unwrap());
    let luma = |x: f32, y: f32| (0.299 * x + 0.587 * (2.0 * x) + 0.114 * y) / 255.0;
    let off = |i: usize| (b.image.pixels[i] - luma((i % 90) as f32, (i / 90) as f32)).abs();
    assert!((0..5400).all(|i| off(i) < 0.02), "{}", (0..5400).map(off).fold(0.0, f32::max));
}

#[test]
fn every_look_at_a_dataset_is_at_its_size() {
    let folder = Folder::new();
    let clouds = Competition::clouds(folder.path()).unwrap();
    let full = clouds.train.resized(60, 90).unwrap();
    let coverages = full.coverages().unwrap();
    let (small, names) = (full.resized(20, 15).unwrap(), full.class_names());
    assert_eq!((small.ids(), small.class_names()), (full.ids(), names));
    for i in 0..2 {
        let (whole, sample) = (full.get(i).unwrap(), small.get(i).unwrap());
        let mask = whole.mask.unwrap().resize(20, 15).unwrap();
        assert_eq!(small.coverages().unwrap()[i], Some(mask.coverage()));
        let areas = [0, 1].map(|class: usize| mask.class(class).unwrap().area()).to_vec();
        assert_eq!(small.class_areas().unwrap()[i], Some(areas.clone()));
        assert_eq!(small.class(1).unwrap().class_areas().unwrap()[i], Some(vec![areas[1]]));
        assert_eq!(sample.mask, Some(mask));
        assert_eq!(small.statistics().unwrap()[i], sample.image.statistics());
    }
    assert_eq!(full.coverages().unwrap(), coverages, "what was remembered of another size");
    // Masks are counted without a look at the pixels.
    let mut cut = fs::read(folder.path().join("train_images/a.jpg")).unwrap();
    cut.truncate(cut.len() / 2);
    folder.write("train_images/a.jpg", &cut);
    let again = Competition::clouds(folder.path()).unwrap();
    assert_eq!(again.train.class_areas().unwrap(), clouds.train.class_areas().unwrap());
    let line = again.train.get(0).unwrap_err().to_string();
    assert!(line.contains("a.jpg") && line.contains("cut short"), "{line}");
    for (height, width) in [(0, 5), (5, 0), (20_000, 5)] {
        assert!(matches!(full.resized(height, width), Err(Error::Config { .. })));
    }
    let memory = Competition::sample().unwrap().train.resized(50, 40).unwrap();
    let sample = memory.get(7).unwrap();
    assert_eq!((sample.image.height, sample.mask.unwrap().width()), (50, 40));
}

#[test]
fn halves_may_be_missing() {
    let folder = Folder::new();
    fs::remove_dir_all(folder.path().join("train_images")).unwrap();
    fs::remove_file(folder.path().join("train.csv")).unwrap();
    let clouds = Competition::clouds(folder.path()).unwrap();
    assert_eq!((clouds.train.len(), clouds.test.len()), (0, 2));
    assert_eq!(clouds.notes.missing, ["train_images", "train.csv"]);
    assert_eq!(clouds.test.class_names(), ["Fish", "Sugar"]);
    let folder = Folder::new();
    fs::remove_dir_all(folder.path().join("test_images")).unwrap();
    assert_eq!(Competition::clouds(folder.path()).unwrap().train.len(), 2);
    folder.write("test_images/x.jpg", jpeg(4, 6));
    folder.write("test_images/y.jpg", jpeg(4, 6));
    folder.write("test_images/z.jpg", jpeg(4, 6));
    assert_eq!(Competition::clouds(folder.path()).unwrap().notes.test_not_in_submission, 1);
    assert!(Competition::clouds("no/such").unwrap_err().to_string().contains("no/such: not found"));
}

#[test]
fn broken_folders_are_one_line_each() {
    let labels = [
        ("a.jpg,1 1\n", "line 2: `a.jpg` names no image and class"),
        ("a.jpg_Fish,1 1\na.jpg_Sugar,\nb_2.jpg_Fish,\n", "b_2.jpg has no row for Sugar"),
        ("a.jpg_Fish,1 1\na.jpg_Sugar,\n", "`b_2.jpg`: is in"),
        ("a.jpg_Fish,1 1\na.jpg_Fish,\nb_2.jpg_Fish,\n", "line 3: `a.jpg_Fish` is already on line 2"),
        ("a.jpg_Fish,\nb_2.jpg_Fish,\nc.jpg_Fish,\n", "c.jpg is not there"),
        ("a.jpg_Fish,7 x\n", "RLE of a.jpg_Fish: expected a whole number, got `x`"),
        ("a.jpg_Fish,7 1 5 1\n", "is not sorted"),
    ];
    for (rows, expected) in labels {
        let folder = Folder::new();
        folder.labels(rows);
        assert!(folder.error().contains(expected), "{} — {expected}", folder.error());
    }
    let folder = Folder::new();
    folder.write("train.csv", "id,rle_mask\na,\n");
    assert!(folder.error().contains("expected the header `Image_Label,EncodedPixels`"), "{}", folder.error());
    fs::remove_file(folder.path().join("train.csv")).unwrap();
    assert!(folder.error().contains("train.csv: not found"), "{}", folder.error());
    let folder = Folder::new();
    folder.write("sample_submission.csv", "Image_Label,EncodedPixels\nx.jpg_Fish,\nx.jpg_Moon,\n");
    assert!(folder.error().contains("x.jpg has no row for Sugar"), "{}", folder.error());
    // A run beyond the file's image: known when it is drawn.
    let folder = Folder::new();
    folder.labels("a.jpg_Fish,5400 2\na.jpg_Sugar,\nb_2.jpg_Fish,\nb_2.jpg_Sugar,\n");
    let line = Competition::clouds(folder.path()).unwrap().train.get(0).unwrap_err().to_string();
    assert!(line.contains("RLE of a.jpg: run 1 ends at pixel 5401"), "{line}");
}

#[test]
fn broken_jpegs_are_one_line_each() {
    let whole = jpeg(SIZE.0, SIZE.1);
    let frame = whole.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    let (mut huge, mut flat, mut wrong) = (whole.clone(), whole.clone(), whole.clone());
    huge[frame + 5..frame + 9].fill(0xff);
    flat[frame + 5..frame + 7].fill(0);
    wrong[3] = 0;
    wrong[2] = 0;
    for (bytes, expected) in [
        (huge, "is 65535×65535: expected sides of at most"),
        (flat, "is 0×90"),
        (wrong, "is no readable JPEG"),
        (whole[..frame].to_vec(), "is no readable JPEG (it ends before its size is told)"),
        (whole[..whole.len() - 2].to_vec(), "is cut short"),
        (b"GIF89a".to_vec(), "is no readable PNG"),
        (Vec::new(), "is no readable PNG"),
    ] {
        let folder = Folder::new();
        folder.write("train_images/a.jpg", bytes);
        let line = Competition::clouds(folder.path()).unwrap().train.get(0).unwrap_err().to_string();
        assert!(line.contains(expected) && line.contains("a.jpg") && !line.contains('\n'), "{line}");
    }
}

/// Not part of the ordinary tests: how long an image of the competition's size takes.
#[test]
#[ignore = "measures"]
fn large_images_are_read_in() {
    let folder = Folder(tempfile::tempdir().unwrap());
    for i in 0..8 {
        folder.write(&format!("train_images/{i}.jpg"), jpeg(1400, 2100));
    }
    let rows: Vec<String> =
        (0..8).map(|i| format!("{i}.jpg_Fish,1 700000\n{i}.jpg_Sugar,1400 5\n")).collect();
    folder.labels(&rows.concat());
    let clouds = Competition::clouds(folder.path()).unwrap();
    let timed = |what: &str, work: &dyn Fn()| {
        let start = std::time::Instant::now();
        work();
        println!("{what}: {:?} an image", start.elapsed() / 8);
    };
    timed("get at 350×525", &|| (0..8).for_each(|i| drop(clouds.train.get(i).unwrap())));
    let full = clouds.train.resized(1400, 2100).unwrap();
    timed("get at 1400×2100", &|| (0..8).for_each(|i| drop(full.get(i).unwrap())));
    timed("class_areas at 350×525", &|| drop(clouds.train.class_areas().unwrap()));
}
