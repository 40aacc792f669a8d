//! What lies beyond the border of an image.

use serde::{Deserialize, Serialize};

/// What a pixel outside of an image is.
///
/// ```
/// use tgs_salt::transform::{Border, Padding};
/// let padded = |border| Padding::to_multiple(1, 3, 7).border(border).pad(&[1u8, 2, 3], f32::from);
/// assert_eq!(padded(Border::Reflect)[..7], [3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0]);
/// assert_eq!(padded(Border::Edge)[..7], [1.0, 1.0, 1.0, 2.0, 3.0, 3.0, 3.0]);
/// assert_eq!(padded(Border::Zero)[21..28], [0.0, 0.0, 1.0, 2.0, 3.0, 0.0, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Border {
    /// Amplitude 0, which is black, and no salt.
    Zero,
    /// The image mirrored at its outermost pixels, which are not repeated: layers go on.
    #[default]
    Reflect,
    /// The outermost pixel, repeated.
    Edge,
}

impl Border {
    /// Which of `size` pixels (at least 1) in a line stands at place `at`; none: a zero.
    pub(super) fn index(self, at: i64, size: usize) -> Option<usize> {
        let last = size as i64 - 1;
        match self {
            _ if (0..=last).contains(&at) => Some(at as usize),
            Border::Zero => None,
            Border::Edge => Some(at.clamp(0, last.max(0)) as usize),
            Border::Reflect => {
                let period = 2 * last.max(1);
                let turn = at.rem_euclid(period);
                Some(turn.min(period - turn).min(last.max(0)) as usize)
            }
        }
    }
}
