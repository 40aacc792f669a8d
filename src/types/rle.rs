//! Run-length encoding, the competition's spelling of a mask.
//!
//! Pairs `start length` with single spaces between; pixels are counted from 1, down a column and then right, so
//! pixel `p` (from 0) of a mask of height `h` is at row `p mod h`, column `p div h`.

use std::fmt::{self, Display, Write};
use std::str::FromStr;

use crate::types::Mask;
use crate::{Error, Result};

/// The salt pixels of a mask as sorted runs without overlap; empty for an empty mask.
///
/// ```
/// use tgs_salt::types::Rle;
/// let rle: Rle = "1 2 5 1".parse()?;
/// assert_eq!(rle.runs(), [(1, 2), (5, 1)]);
/// assert_eq!(rle.to_mask(2, 3)?.pixels(), [1, 0, 1, 1, 0, 0]);
/// assert_eq!(rle.to_string(), "1 2 5 1");
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Rle {
    runs: Vec<(u32, u32)>,
}

impl Rle {
    /// The runs, each `(start, length)`: starts are counted from 1, lengths are at least 1.
    pub fn runs(&self) -> &[(u32, u32)] {
        &self.runs
    }

    /// True when no pixel is salt.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many pixels are salt.
    pub fn area(&self) -> usize {
        self.runs.iter().map(|run| run.1 as usize).sum()
    }

    /// The mask of `height × width` pixels that this encodes.
    ///
    /// # Errors
    /// [`Error::Rle`] when a run ends beyond the last pixel; [`Error::Shape`] when the size is 0 or beyond u32.
    pub fn to_mask(&self, height: usize, width: usize) -> Result<Mask> {
        let size = height.checked_mul(width).filter(|&size| u32::try_from(size).is_ok()).unwrap_or(0);
        if size == 0 {
            return Mask::new(height, width, Vec::new());
        }
        self.check_end(height, width)?;
        let mut pixels = vec![0; size];
        self.draw(&mut pixels, height, width);
        Mask::new(height, width, pixels)
    }

    /// # Errors
    /// [`Error::Rle`] when a run ends beyond the last pixel.
    pub(super) fn check_end(&self, height: usize, width: usize) -> Result<()> {
        let size = height * width;
        let Some((run, end)) = self.last_pixel().filter(|&(_, end)| end as usize > size) else {
            return Ok(());
        };
        let why = format!(
            "run {run} ends at pixel {end}: expected at most {size} for {height}×{width}; \
             check the size of the image, or correct the run"
        );
        Err(Error::Rle { id: String::new(), why })
    }

    /// The number of the last run, counted from 1, and the last pixel in it.
    fn last_pixel(&self) -> Option<(usize, u32)> {
        self.runs.last().map(|&(start, length)| (self.runs.len(), start + (length - 1)))
    }

    /// Appends a run after checking it against the one before.
    fn push(&mut self, start: u32, length: u32) -> Result<(), String> {
        let run = self.runs.len() + 1;
        if start == 0 || length == 0 {
            return Err(format!(
                "run {run} is `{start} {length}`: expected a start and a length of at least 1"
            ));
        }
        if start.checked_add(length - 1).is_none() {
            return Err(format!("run {run} is `{start} {length}`: expected an end of at most {}", u32::MAX));
        }
        if let Some((_, end)) = self.last_pixel().filter(|&(_, end)| start <= end) {
            let what = if start < self.runs[run - 2].0 { "is not sorted" } else { "overlaps" };
            return Err(format!(
                "run {run} {what}: expected a start after pixel {end}, got {start}; sort and merge the runs"
            ));
        }
        self.runs.push((start, length));
        Ok(())
    }

    /// Sets the pixels of the runs in a plane of so many rows and columns, which has to hold them all.
    pub(super) fn draw(&self, plane: &mut [u8], height: usize, width: usize) {
        for &(start, length) in &self.runs {
            fill(plane, height, width, start as usize - 1, length as usize);
        }
    }

    /// Encodes a plane of 0 and 1. Eight rows at a time are packed to one bit per pixel, column by column, so that memory is read
    /// in order and the scan down the columns goes a machine word at a time.
    pub(super) fn of_plane(plane: &[u8], height: usize, width: usize) -> Rle {
        let words = height.div_ceil(64);
        let columns = pack_columns(plane, width, words);
        let mut runs: Vec<(u32, u32)> = Vec::new();
        let (mut inside, mut start) = (0u64, 0);
        for (x, column) in columns.chunks_exact(words).enumerate() {
            for (word, &bits) in column.iter().enumerate() {
                let rows = (height - 64 * word).min(64);
                // A bit is set where a pixel differs from the one before it.
                let mut edges = (bits ^ (bits << 1 | inside)) & (u64::MAX >> (64 - rows));
                inside = bits >> (rows - 1) & 1;
                while edges != 0 {
                    let row = edges.trailing_zeros() as usize;
                    let at = x * height + 64 * word + row;
                    if bits >> row & 1 == 1 {
                        start = at;
                    } else {
                        runs.push((start as u32 + 1, (at - start) as u32));
                    }
                    edges &= edges - 1;
                }
            }
        }
        if inside == 1 {
            runs.push((start as u32 + 1, (width * height - start) as u32));
        }
        // Many are kept.
        runs.shrink_to_fit();
        Rle { runs }
    }
}

/// Bit `y % 64` of word `x * words + y / 64` is the pixel at row `y`, column `x`.
fn pack_columns(plane: &[u8], width: usize, words: usize) -> Vec<u64> {
    let mut columns = vec![0u64; words * width];
    let mut packed = vec![0u8; width];
    for (block, rows) in plane.chunks(8 * width).enumerate() {
        packed.fill(0);
        for (y, row) in rows.chunks_exact(width).enumerate() {
            for (bits, &p) in packed.iter_mut().zip(row) {
                *bits |= p.wrapping_shl(y as u32);
            }
        }
        let shift = (block % 8 * 8) as u32;
        for (column, &bits) in columns[block / 8..].iter_mut().step_by(words).zip(&packed) {
            *column |= u64::from(bits).wrapping_shl(shift);
        }
    }
    columns
}

/// Sets `length` pixels from pixel `at`, counted from 0 down the columns.
fn fill(pixels: &mut [u8], height: usize, width: usize, mut at: usize, mut length: usize) {
    while length > 0 {
        let (x, y) = (at / height, at % height);
        let count = length.min(height - y);
        for pixel in pixels[y * width + x..].iter_mut().step_by(width).take(count) {
            *pixel = 1;
        }
        at += count;
        length -= count;
    }
}

impl FromStr for Rle {
    type Err = Error;

    /// Reads `start length` pairs; empty text is the empty mask.
    ///
    /// # Errors
    /// [`Error::Rle`] when a number is missing, is not one, is beyond u32, or the runs are not sorted, touch 0 or
    /// overlap. Its `id` is empty: text alone has none.
    fn from_str(text: &str) -> Result<Rle> {
        parse(text).map_err(|why| Error::Rle { id: String::new(), why })
    }
}

fn parse(text: &str) -> Result<Rle, String> {
    let mut rle = Rle { runs: Vec::with_capacity(text.len() / 8) };
    let mut numbers = text.split_ascii_whitespace();
    while let Some(start) = numbers.next() {
        let start = number(start)?;
        let Some(length) = numbers.next() else {
            let count = 2 * rle.runs.len() + 1;
            return Err(format!(
                "expected pairs `start length`, got {count} numbers; the last length is missing"
            ));
        };
        rle.push(start, number(length)?)?;
    }
    Ok(rle)
}

fn number(text: &str) -> Result<u32, String> {
    if text.bytes().all(|b| b.is_ascii_digit())
        && let Ok(number) = text.parse()
    {
        return Ok(number);
    }
    let shown: String = text.chars().take(20).flat_map(char::escape_debug).collect();
    Err(if text.bytes().all(|b| b.is_ascii_digit()) {
        format!("expected a number of at most {}, got `{shown}`", u32::MAX)
    } else {
        format!("expected a whole number, got `{shown}`; write `start length` pairs")
    })
}

impl Display for Rle {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (i, (start, length)) in self.runs.iter().enumerate() {
            if i > 0 {
                f.write_char(' ')?;
            }
            write!(f, "{start} {length}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Rle {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Rle of {} runs, {} pixels", self.runs.len(), self.area())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    /// The rule as it is written, pixel by pixel.
    fn naive(mask: &Mask) -> String {
        let at = |p: usize| mask.pixels()[p % mask.height() * mask.width() + p / mask.height()];
        let mut numbers = Vec::new();
        for p in 0..mask.height() * mask.width() {
            match at(p) {
                1 if p == 0 || at(p - 1) == 0 => numbers.extend([p + 1, 1]),
                1 => *numbers.last_mut().unwrap() += 1,
                _ => {}
            }
        }
        numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ten_thousand_random_masks_come_back() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        for round in 0..10_000 {
            let side = if round % 10 == 0 { 140 } else { 20 };
            let (height, width) =
                (1 + random.next_u32() as usize % side, 1 + random.next_u32() as usize % side);
            let salt = random.next_u32() % 101;
            let pixels = (0..height * width).map(|_| u8::from(random.next_u32() % 100 < salt)).collect();
            let mask = Mask::new(height, width, pixels).unwrap();
            let rle = mask.to_rle();
            let text = rle.to_string();
            assert_eq!(text, naive(&mask), "{height}×{width}");
            assert_eq!(text.parse::<Rle>().unwrap(), rle);
            assert_eq!(rle.area(), mask.area());
            assert!(rle.to_mask(height, width).unwrap() == mask, "{height}×{width}");
        }
    }

    #[test]
    fn constant_masks_and_single_pixels() {
        for (height, width) in [(1, 1), (1, 9), (9, 1), (64, 3), (65, 2), (101, 101), (128, 128)] {
            let size = height * width;
            let full = Mask::new(height, width, vec![1; size]).unwrap();
            assert_eq!(full.to_rle().runs(), [(1, size as u32)]);
            let empty = Mask::new(height, width, vec![0; size]).unwrap();
            assert!(empty.to_rle().is_empty());
            assert_eq!(empty.to_rle().to_string(), "");
            assert!("".parse::<Rle>().unwrap().to_mask(height, width).unwrap() == empty);
            for at in [0, size / 2, size - 1] {
                let (x, y) = (at / height, at % height);
                let mut pixels = vec![0; size];
                pixels[y * width + x] = 1;
                let mask = Mask::new(height, width, pixels).unwrap();
                assert_eq!(mask.to_rle().runs(), [(at as u32 + 1, 1)]);
            }
        }
    }

    #[test]
    fn runs_that_touch_are_read_and_written_as_one() {
        let rle: Rle = " 1 2  3 1 ".parse().unwrap();
        assert_eq!(rle.to_mask(2, 2).unwrap().to_rle().to_string(), "1 3");
        assert_eq!(format!("{rle:?}"), "Rle of 2 runs, 3 pixels");
    }
}
