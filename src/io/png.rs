//! Grey PNG files, decoded under limits that are set before the first pixel.

use std::cell::Cell;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use ::png::{BitDepth, Decoder, Limits, Transformations};

use crate::types::{Image, Mask};
use crate::{Error, Result};

/// Neither side may be longer: what claims to be is a broken file or a decompression bomb.
const MAX_SIDE: u32 = 16_384;
/// Nor may there be more pixels: 64 MiB as f32.
const MAX_PIXELS: u64 = 1 << 24;
/// Nor may the file be longer, nor the decoder take more memory.
const MAX_BYTES: usize = 256 << 20;

/// Amplitudes in `[0, 1]`: grey values divided by the largest that the file can hold.
pub(super) fn read_image(id: &str, path: &Path) -> Result<Image> {
    with_grey(id, path, |grey| {
        let max = f32::from(grey.max);
        Image::new(grey.height, grey.width, grey.values.iter().map(|&v| f32::from(v) / max).collect())
            .map_err(|error| error.to_string())
    })
}

/// 1 where the value is the largest that the file can hold, or 1 in a file of 0 and 1.
pub(super) fn read_mask(id: &str, path: &Path) -> Result<Mask> {
    with_grey(id, path, |grey| {
        let salt = if grey.values.iter().fold(0, |max, &v| max.max(v)) == 1 { 1 } else { grey.max };
        let odd = |v: u16| v != 0 && v != salt;
        if grey.values.iter().fold(false, |any, &v| any | odd(v)) {
            let at = grey.values.iter().position(|&v| odd(v)).unwrap_or(0);
            let (row, column) = (at / grey.width, at % grey.width);
            return Err(format!(
                "mask has the value {} at row {row}, column {column}: expected 0 and {}, or 0 and 1; \
                 save it as a binary mask",
                grey.values[at], grey.max
            ));
        }
        Mask::new(grey.height, grey.width, grey.values.iter().map(|&v| u8::from(v == salt)).collect())
            .map_err(|error| error.to_string())
    })
}

/// One channel of a decoded file.
struct Grey<'a> {
    height: usize,
    width: usize,
    /// Largest value that the file can hold: 255 or 65535.
    max: u16,
    values: &'a [u16],
}

/// Buffers that a thread keeps from file to file.
#[derive(Default)]
struct Buffers {
    file: Vec<u8>,
    decoded: Vec<u8>,
    grey: Vec<u16>,
}

thread_local! {
    static BUFFERS: Cell<Buffers> = Cell::default();
}

fn with_grey<T>(id: &str, path: &Path, then: impl FnOnce(Grey) -> Result<T, String>) -> Result<T> {
    let mut buffers = BUFFERS.take();
    let result = read_file(path, &mut buffers.file).map_err(Error::io("read", path)).and_then(|()| {
        let grey = decode(&buffers.file, &mut buffers.decoded, &mut buffers.grey);
        grey.and_then(then)
            .map_err(|why| Error::Image { id: id.into(), why: format!("{}: {why}", path.display()) })
    });
    // A large file must not hold its memory for ever.
    if buffers.decoded.capacity() < 1 << 20 {
        BUFFERS.set(buffers);
    }
    result
}

fn read_file(path: &Path, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    bytes.clear();
    bytes.reserve(1 << 16);
    File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(bytes)?;
    if bytes.len() > MAX_BYTES {
        return Err(std::io::Error::other(format!("it is longer than {MAX_BYTES} bytes; expected an image")));
    }
    Ok(())
}

/// Decodes to one channel. Palettes and depths below 8 bit are widened; channels have to be equal, alpha opaque.
fn decode<'a>(file: &[u8], decoded: &mut Vec<u8>, grey: &'a mut Vec<u16>) -> Result<Grey<'a>, String> {
    let broken = |error: ::png::DecodingError| format!("is no readable PNG ({error}); fetch the file again");
    let mut decoder = Decoder::new_with_limits(Cursor::new(file), Limits { bytes: MAX_BYTES });
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(broken)?;
    let (width, height) = (header.width, header.height);
    if width.max(height) > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!(
            "is {height}×{width}: expected sides of at most {MAX_SIDE} and at most {MAX_PIXELS} pixels; \
             cut it into tiles"
        ));
    }
    let mut reader = decoder.read_info().map_err(broken)?;
    let (color, depth) = reader.output_color_type();
    decoded.resize(reader.output_buffer_size().unwrap_or(0), 0);
    let info = reader.next_frame(decoded).map_err(broken)?;
    reader.finish().map_err(broken)?;
    let (bytes, wide) = (&decoded[..info.buffer_size()], depth == BitDepth::Sixteen);
    grey.clear();
    if wide {
        grey.extend(bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])));
    } else {
        grey.extend(bytes.iter().map(|&v| u16::from(v)));
    }
    let max = if wide { u16::MAX } else { 255 };
    match color.samples() {
        2 => merge_channels::<2>(grey, max, width as usize)?,
        3 => merge_channels::<3>(grey, max, width as usize)?,
        4 => merge_channels::<4>(grey, max, width as usize)?,
        _ => {}
    }
    Ok(Grey { height: height as usize, width: width as usize, max, values: grey })
}

/// Keeps the first of 2 (grey, alpha), 3 (colour) or 4 (colour, alpha) channels after comparing them.
fn merge_channels<const N: usize>(values: &mut Vec<u16>, max: u16, width: usize) -> Result<(), String> {
    let colors = if N == 2 { 1 } else { 3 };
    let difference = |pixel: &[u16; N]| {
        let alpha = if N > colors { pixel[N - 1] ^ max } else { 0 };
        pixel[1..colors].iter().fold(alpha, |any, &v| any | (v ^ pixel[0]))
    };
    let (pixels, _) = values.as_chunks::<N>();
    // A search that stops early is not vectorised; looking at every pixel is.
    if pixels.iter().fold(0, |any, pixel| any | difference(pixel)) != 0 {
        let at = pixels.iter().position(|pixel| difference(pixel) != 0).unwrap_or(0);
        return Err(format!(
            "has the channels {:?} at row {}, column {}: expected equal, opaque ones; save it as a grey image",
            pixels[at],
            at / width,
            at % width
        ));
    }
    let count = pixels.len();
    for i in 0..count {
        values[i] = values[i * N];
    }
    values.truncate(count);
    Ok(())
}
