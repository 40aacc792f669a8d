//! PNG files.

use png::{BitDepth, ColorType};
use tgs_salt::Error;

use crate::assert_error;
use crate::data_fixture::{Folder, encode, grey};

fn with(name: &str, bytes: impl AsRef<[u8]>) -> Error {
    let folder = Folder::new();
    folder.write(name, bytes);
    folder.error()
}

#[test]
fn a_truncated_file() {
    let noise: Vec<u8> = (0..10_201u32).map(|i| (i * i % 251) as u8).collect();
    let whole = grey(101, 101, &noise);
    for keep in [0, 1, 8, 20, 33, 40, whole.len() / 2, whole.len() - 20, whole.len() - 12, whole.len() - 1] {
        let error = with("test/images/x.png", &whole[..keep]);
        assert_error!(error, Error::Image { .. }, "image x", "test/images/x.png", "no readable PNG", "fetch");
    }
    assert_error!(
        with("train/masks/a.png", &whole[..90]),
        Error::Image { .. },
        "image a",
        "train/masks/a.png"
    );
}

#[test]
fn a_damaged_file() {
    let whole = grey(4, 6, &[7; 24]);
    for at in 0..whole.len() {
        // No byte may be wrong unnoticed, and none may make the decoder panic.
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        assert_error!(with("test/images/x.png", bytes), Error::Image { .. }, "image x", "test/images/x.png");
    }
    assert_error!(
        with("test/images/x.png", "<html>"),
        Error::Image { .. },
        "no readable PNG",
        "fetch the file again"
    );
}

#[test]
fn a_mask_of_another_size() {
    let error = with("train/masks/b.png", grey(6, 4, &[0; 24]));
    assert_error!(
        error,
        Error::Shape { .. },
        "mask of b",
        "expected 4×6 as its image",
        "got 6×4",
        "same size"
    );
}

#[test]
fn a_decompression_bomb() {
    // A header that claims 60000×60000 pixels, and next to no data: must fail at once, not after 3.6 GB.
    let mut bytes = grey(4, 6, &[0; 24]);
    bytes[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    let error = with("test/images/x.png", &bytes);
    assert_error!(
        error,
        Error::Image { .. },
        "image x",
        "is 60000×60000",
        "at most 16384",
        "cut it into tiles"
    );

    // Whole and valid: 16384×8192 black pixels in few bytes, too many pixels.
    let mut honest = Vec::new();
    let mut encoder = png::Encoder::new(&mut honest, 16_384, 8_192);
    encoder.set_depth(BitDepth::One);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![0; 2_048 * 8_192]).unwrap();
    writer.finish().unwrap();
    assert!(honest.len() < 1 << 16);
    assert_error!(
        with("test/images/x.png", &honest),
        Error::Image { .. },
        "is 8192×16384",
        "at most 16777216 pixels"
    );
}

/// The checksum of PNG, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| if c & 1 == 1 { c >> 1 ^ 0xedb8_8320 } else { c >> 1 })
    })
}

#[test]
fn a_mask_that_is_not_binary() {
    let mut pixels = [0; 24];
    pixels[15] = 128;
    let error = with("train/masks/b.png", grey(4, 6, &pixels));
    assert_error!(
        error,
        Error::Image { .. },
        "image b",
        "value 128 at row 2, column 3",
        "expected 0 and 255, or 0 and 1"
    );
    pixels[15] = 255;
    pixels[23] = 1;
    let error = with("train/masks/b.png", grey(4, 6, &pixels));
    assert_error!(error, Error::Image { .. }, "value 1 at row 3, column 5", "save it as a binary mask");
    let mut wide = [0; 48];
    wide[1] = 2;
    let error = with("train/masks/b.png", encode(4, 6, ColorType::Grayscale, BitDepth::Sixteen, &wide, None));
    assert_error!(error, Error::Image { .. }, "value 2 at row 0, column 0", "expected 0 and 65535");
}

#[test]
fn a_color_image() {
    let mut pixels = [9; 72];
    pixels[25] = 10;
    let error = with("test/images/x.png", encode(4, 6, ColorType::Rgb, BitDepth::Eight, &pixels, None));
    assert_error!(error, Error::Image { .. }, "[9, 10, 9] at row 1, column 2", "save it as a grey image");
    let clear = encode(4, 6, ColorType::GrayscaleAlpha, BitDepth::Eight, &[5; 48], None);
    assert_error!(
        with("test/images/x.png", clear),
        Error::Image { .. },
        "[5, 5] at row 0, column 0",
        "opaque"
    );
}

#[test]
fn a_file_that_went_away() {
    let folder = Folder::new();
    let salt = folder.open().unwrap();
    folder.remove("test/images/x.png");
    assert_error!(salt.test.get(0).unwrap_err(), Error::Io { .. }, "test/images/x.png", "cannot read");
    folder.remove("train/masks/b.png");
    assert_error!(salt.train.coverages().unwrap_err(), Error::Io { .. }, "train/masks/b.png", "cannot read");
}
