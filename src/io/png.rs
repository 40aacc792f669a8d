//! PNG files, decoded under limits that are set before the first pixel.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, Cursor, Read, Seek};
use std::path::Path;

use ::png::{BitDepth, Decoder, DecodingError, Limits, Transformations};

use crate::types::{Image, MAX_SIDE, Mask};
use crate::{Error, Result};

/// No side may be longer than [`MAX_SIDE`]: what claims to be is a broken file or a decompression bomb. Nor may there be more
/// pixels: 64 MiB as f32.
const MAX_PIXELS: usize = 1 << 24;
/// Nor may the file be longer, nor the decoder take more memory.
const MAX_BYTES: usize = 256 << 20;

/// What becomes of colours and palettes.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// Palettes and depths below 8 bit are widened; channels have to be equal, alpha opaque.
    Grey,
    /// Palettes and depths below 8 bit are widened; colours become luma, whatever their alpha.
    Luma,
    /// Numbers as they stand in the file: indices, not the colours of a palette. Channels have to be equal.
    Values,
}

/// Amplitudes in `[0, 1]`: grey values divided by the largest that the file can hold.
pub(super) fn read_image(id: &str, path: &Path) -> Result<Image> {
    with_grey(id, path, Form::Grey, |grey| grey.image())
}

/// As [`read_image`], colours as their luma.
pub(super) fn read_luma(id: &str, path: &Path) -> Result<Image> {
    with_grey(id, path, Form::Luma, |grey| grey.image())
}

/// Height, width, and what `then` makes of the numbers that stand in the file.
pub(super) fn read_values<T>(
    id: &str,
    path: &Path,
    then: impl FnOnce(usize, usize, &[u16]) -> Result<T, String>,
) -> Result<T> {
    with_grey(id, path, Form::Values, |grey| then(grey.height, grey.width, grey.values))
}

/// Height and width, from the file's first bytes.
pub(super) fn read_size(file: impl BufRead + Seek) -> Result<(usize, usize), String> {
    let mut decoder = Decoder::new_with_limits(file, Limits { bytes: MAX_BYTES });
    let header = decoder.read_header_info().map_err(broken)?;
    check_size(header.height as usize, header.width as usize)
}

/// 1 where the value is the largest that the file can hold, or 1 in a file of 0 and 1.
pub(super) fn read_mask(id: &str, path: &Path) -> Result<Mask> {
    with_grey(id, path, Form::Grey, |grey| {
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

impl Grey<'_> {
    fn image(&self) -> Result<Image, String> {
        let max = f32::from(self.max);
        let pixels = self.values.iter().map(|&v| f32::from(v) / max).collect();
        Image::new(self.height, self.width, pixels).map_err(|error| error.to_string())
    }
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

fn with_grey<T>(
    id: &str,
    path: &Path,
    form: Form,
    then: impl FnOnce(Grey) -> Result<T, String>,
) -> Result<T> {
    let mut buffers = BUFFERS.take();
    let result = read_file(path, &mut buffers.file).map_err(Error::io("read", path)).and_then(|()| {
        let grey = decode(&buffers.file, form, &mut buffers.decoded, &mut buffers.grey);
        grey.and_then(then)
            .map_err(|why| Error::Image { id: id.into(), why: format!("{}: {why}", path.display()) })
    });
    // A large file must not hold its memory for ever.
    if buffers.decoded.capacity() < 1 << 20 {
        BUFFERS.set(buffers);
    }
    result
}

pub(super) fn read_file(path: &Path, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    bytes.clear();
    bytes.reserve(1 << 16);
    File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(bytes)?;
    if bytes.len() > MAX_BYTES {
        return Err(std::io::Error::other(format!("it is longer than {MAX_BYTES} bytes; expected an image")));
    }
    Ok(())
}

fn broken(error: DecodingError) -> String {
    format!("is no readable PNG ({error}); fetch the file again")
}

pub(super) fn check_size(height: usize, width: usize) -> Result<(usize, usize), String> {
    if height.max(width) <= MAX_SIDE && height * width <= MAX_PIXELS {
        return Ok((height, width));
    }
    Err(format!(
        "is {height}×{width}: expected sides of at most {MAX_SIDE} and at most {MAX_PIXELS} pixels; \
         cut it into tiles"
    ))
}

/// Decodes to one channel.
fn decode<'a>(
    file: &[u8],
    form: Form,
    decoded: &mut Vec<u8>,
    grey: &'a mut Vec<u16>,
) -> Result<Grey<'a>, String> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(file), Limits { bytes: MAX_BYTES });
    decoder.set_transformations(match form {
        Form::Values => Transformations::IDENTITY,
        _ => Transformations::EXPAND,
    });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(broken)?;
    let (height, width) = check_size(header.height as usize, header.width as usize)?;
    let mut reader = decoder.read_info().map_err(broken)?;
    let (color, depth) = reader.output_color_type();
    decoded.resize(reader.output_buffer_size().unwrap_or(0), 0);
    let info = reader.next_frame(decoded).map_err(broken)?;
    reader.finish().map_err(broken)?;
    widen(&decoded[..info.buffer_size()], depth, width * color.samples(), grey);
    let max = if depth == BitDepth::Sixteen { u16::MAX } else { 255 };
    match (color.samples(), form) {
        (1, _) => {}
        (2, Form::Luma) => keep_first(grey, 2),
        (2, _) => merge_channels::<2>(grey, max, width)?,
        (channels, Form::Luma) => luma(grey, channels),
        (3, _) => merge_channels::<3>(grey, max, width)?,
        _ => merge_channels::<4>(grey, max, width)?,
    }
    Ok(Grey { height, width, max, values: grey })
}

/// Replaces colours by their luma, weighted by 0.299, 0.587, 0.114 and rounded as Pillow's `convert("L")` does. Of four
/// channels the last one is no colour.
fn luma(values: &mut Vec<u16>, channels: usize) {
    let channels = channels.max(3);
    let count = values.len() / channels;
    for i in 0..count {
        let [r, g, b] = [0, 1, 2].map(|c| u32::from(values[i * channels + c]));
        values[i] = luma_of(r, g, b) as u16;
    }
    values.truncate(count);
}

pub(super) fn luma_of(r: u32, g: u32, b: u32) -> u32 {
    (r * 19_595 + g * 38_470 + b * 7_471 + 0x8000) >> 16
}

/// Numbers of 1 to 16 bits, `per_row` in a row; a row starts with a byte.
fn widen(bytes: &[u8], depth: BitDepth, per_row: usize, grey: &mut Vec<u16>) {
    grey.clear();
    match depth {
        BitDepth::Sixteen => {
            grey.extend(bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])));
        }
        BitDepth::Eight => grey.extend(bytes.iter().map(|&v| u16::from(v))),
        _ => {
            let bits = depth as usize;
            let mask = (1u16 << bits) - 1;
            let shift = |i: usize| 8 - bits - i * bits % 8;
            for row in bytes.chunks_exact((per_row * bits).div_ceil(8).max(1)) {
                grey.extend((0..per_row).map(|i| u16::from(row[i * bits / 8]) >> shift(i) & mask));
            }
        }
    }
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
    keep_first(values, N);
    Ok(())
}

/// Of each pixel the first of so many channels.
fn keep_first(values: &mut Vec<u16>, channels: usize) {
    let count = values.len() / channels;
    for i in 0..count {
        values[i] = values[i * channels];
    }
    values.truncate(count);
}
