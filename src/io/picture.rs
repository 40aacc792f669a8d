//! Pictures as people have them: PNG or JPEG, whatever the name says, grey or in colours.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use ::image::codecs::jpeg::JpegDecoder;
use ::image::{ColorType, ImageDecoder};

use crate::io::png::{self, luma_of};
use crate::types::Image;
use crate::{Error, Result};

/// What a JPEG file starts with.
const JPEG: [u8; 2] = [0xff, 0xd8];

/// Values in `[0, 1]`; colours as their luma.
pub(super) fn read_picture(id: &str, path: &Path) -> Result<Image> {
    if !is_jpeg(path).map_err(Error::io("read", path))? {
        return png::read_luma(id, path);
    }
    let mut bytes = Vec::new();
    png::read_file(path, &mut bytes).map_err(Error::io("read", path))?;
    jpeg(&bytes).map_err(|why| Error::Image { id: id.into(), why: format!("{}: {why}", path.display()) })
}

/// Height and width, from the header alone.
pub(super) fn picture_size(id: &str, path: &Path) -> Result<(usize, usize)> {
    let is_jpeg = is_jpeg(path).map_err(Error::io("read", path))?;
    let mut file = BufReader::new(File::open(path).map_err(Error::io("read", path))?);
    let size = if is_jpeg { jpeg_size(&mut file) } else { png::read_size(file) };
    size.map_err(|why| Error::Image { id: id.into(), why: format!("{}: {why}", path.display()) })
}

pub(super) fn is_jpeg(path: &Path) -> std::io::Result<bool> {
    let mut start = Vec::with_capacity(JPEG.len());
    File::open(path)?.take(JPEG.len() as u64).read_to_end(&mut start)?;
    Ok(start == JPEG)
}

fn jpeg(bytes: &[u8]) -> Result<Image, String> {
    let broken = |error: ::image::ImageError| format!("is no readable JPEG ({error}); fetch the file again");
    let mut file = Cursor::new(bytes);
    let (height, width) = jpeg_size(&mut file)?;
    // The decoder fills up what is missing with grey.
    if !bytes[file.position() as usize..].windows(2).any(|marker| marker == [0xff, 0xd9]) {
        return Err("is cut short: it has no end marker; fetch the file again".into());
    }
    let decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(broken)?;
    let color = decoder.color_type();
    let size = png::check_size(decoder.dimensions().1 as usize, decoder.dimensions().0 as usize)?;
    if size != (height, width) {
        return Err(format!(
            "says that it is {height}×{width} and {}×{}; fetch the file again",
            size.0, size.1
        ));
    }
    let mut decoded = vec![0; height * width * usize::from(color.bytes_per_pixel())];
    decoder.read_image(&mut decoded).map_err(broken)?;
    let pixels = match color {
        ColorType::L8 => decoded.iter().map(|&v| f32::from(v) / 255.0).collect(),
        ColorType::Rgb8 => {
            let (pixels, _) = decoded.as_chunks::<3>();
            let grey = |&rgb: &[u8; 3]| {
                let [r, g, b] = rgb.map(u32::from);
                luma_of(r, g, b) as f32 / 255.0
            };
            pixels.iter().map(grey).collect()
        }
        other => return Err(format!("has the colours {other:?}: expected grey or RGB; save it so")),
    };
    Image::new(height, width, pixels).map_err(|error| error.to_string())
}

/// Height and width out of the frame header (SOF): segments before it are skipped, nothing after it is read.
fn jpeg_size(file: &mut (impl Read + Seek)) -> Result<(usize, usize), String> {
    let size = frame_header(file).map_err(|error| {
        let what = match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "it ends before its size is told".into(),
            _ => error.to_string(),
        };
        format!("is no readable JPEG ({what}); fetch the file again")
    })?;
    if size.0 == 0 || size.1 == 0 {
        return Err(format!("is {}×{}: expected at least 1×1; fetch the file again", size.0, size.1));
    }
    png::check_size(size.0, size.1)
}

fn frame_header(file: &mut (impl Read + Seek)) -> std::io::Result<(usize, usize)> {
    let mut two = [0; 2];
    file.read_exact(&mut two)?;
    loop {
        file.read_exact(&mut two)?;
        // A marker may be filled up with 0xff in front.
        while two == [0xff, 0xff] {
            file.read_exact(&mut two[1..])?;
        }
        let marker = two[1];
        if two[0] != 0xff {
            return Err(std::io::Error::other("a marker is not where it should be"));
        }
        file.read_exact(&mut two)?;
        let length = u16::from_be_bytes(two);
        // SOF0 to SOF15; the other three of this range are tables.
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let mut frame = [0; 5];
            file.read_exact(&mut frame)?;
            let side = |at: usize| usize::from(u16::from_be_bytes([frame[at], frame[at + 1]]));
            return Ok((side(1), side(3)));
        }
        if marker == 0xda || marker == 0xd9 {
            return Err(std::io::Error::other("its size is not told before its pixels"));
        }
        file.seek(SeekFrom::Current(i64::from(length.max(2)) - 2))?;
    }
}
