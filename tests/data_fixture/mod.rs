//! A tiny competition folder to break in one place at a time.

use std::fs;
use std::path::PathBuf;

use png::{BitDepth, ColorType};
use tgs_salt::Result;
use tgs_salt::types::Competition;

pub const HEIGHT: usize = 4;
pub const WIDTH: usize = 6;

/// A grey 8-bit PNG.
pub fn grey(height: usize, width: usize, pixels: &[u8]) -> Vec<u8> {
    encode(height, width, ColorType::Grayscale, BitDepth::Eight, pixels, None)
}

pub fn encode(
    height: usize,
    width: usize,
    color: ColorType,
    depth: BitDepth,
    data: &[u8],
    palette: Option<&[u8]>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if let Some(palette) = palette {
        encoder.set_palette(palette.to_vec());
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    bytes
}

/// The folder: train ids `a`, `b`, `c`, test ids `x`, `y`, of 4×6 pixels. The masks are empty, the first two columns,
/// and full; test image `x` is 0, 1, … 23.
pub struct Folder {
    pub root: tempfile::TempDir,
}

impl Folder {
    pub fn new() -> Folder {
        let folder = Folder { root: tempfile::tempdir().unwrap() };
        let columns: Vec<u8> = (0..24).map(|i| if i % 6 < 2 { 255 } else { 0 }).collect();
        for (id, mask) in [("a", vec![0; 24]), ("b", columns), ("c", vec![255; 24])] {
            folder.write(&format!("train/images/{id}.png"), grey(HEIGHT, WIDTH, &[51; 24]));
            folder.write(&format!("train/masks/{id}.png"), grey(HEIGHT, WIDTH, &mask));
        }
        for id in ["x", "y"] {
            let ramp: Vec<u8> = (0..24).collect();
            folder.write(&format!("test/images/{id}.png"), grey(HEIGHT, WIDTH, &ramp));
        }
        folder.write("train.csv", "id,rle_mask\nc,1 24\na,\nb,1 8\n");
        folder.write("depths.csv", "id,z\nx,50\na,100\nb,200.5\nc,300\ny,959\n");
        folder.write("sample_submission.csv", "id,rle_mask\ny,1 1\nx,1 1\n");
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn remove(&self, name: &str) {
        let path = self.path(name);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    pub fn open(&self) -> Result<Competition> {
        Competition::open(self.root.path())
    }
}

/// One line, of the expected variant, with every one of these words.
#[macro_export]
macro_rules! assert_error {
    ($error:expr, $variant:pat, $($word:expr),+ $(,)?) => {{
        let error = $error;
        let line = error.to_string();
        assert!(matches!(error, $variant), "another variant: {error:?}");
        assert!(!line.contains('\n'), "more than one line: {line}");
        $(assert!(line.contains($word), "`{}` is not in: {line}", $word);)+
    }};
}
