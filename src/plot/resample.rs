//! Enlarging and reducing for the eye.

use crate::transform::{Taps, weigh};

/// How values between pixels come about.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kernel {
    /// Catmull-Rom, for amplitudes: waves stay smooth and sharp. Outside is the nearest pixel; the result is in `[0, 1]`.
    Wave,
    /// Quadratic B-spline, for masks: borders without stairs, 0.5 where the border is, and a single pixel stays above
    /// 0.5. Outside is 0.
    Border,
}

/// `pixels` of size `from` (height, width) at size `to`; reducing averages over all pixels below.
pub(crate) fn resample(pixels: &[f32], from: (usize, usize), to: (usize, usize), kernel: Kernel) -> Vec<f32> {
    let (rows, columns) = (taps(from.0, to.0, kernel), taps(from.1, to.1, kernel));
    let mut result = weigh(pixels, from.1, &rows, &columns);
    if kernel == Kernel::Wave {
        result.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
    }
    result
}

/// For each of `to` pixels: which of `from` pixels count, and how much.
fn taps(from: usize, to: usize, kernel: Kernel) -> Vec<Taps> {
    let step = from as f64 / to as f64;
    let (stretch, reach) = (step.max(1.0), if kernel == Kernel::Wave { 2.0 } else { 1.5 });
    let one = |out: usize| {
        let centre = (out as f64 + 0.5) * step - 0.5;
        let (first, last) =
            ((centre - reach * stretch).ceil() as i64, (centre + reach * stretch).floor() as i64);
        let weights: Vec<(i64, f64)> =
            (first..=last).map(|at| (at, kernel.weight((at as f64 - centre).abs() / stretch))).collect();
        let sum: f64 = weights.iter().map(|w| w.1).sum();
        let end = from as i64 - 1;
        let kept = weights.into_iter().filter(|w| kernel == Kernel::Wave || (0..=end).contains(&w.0));
        kept.map(|(at, weight)| (at.clamp(0, end) as usize, (weight / sum) as f32)).collect()
    };
    (0..to).map(one).collect()
}

impl Kernel {
    fn weight(self, x: f64) -> f64 {
        match self {
            Kernel::Border if x < 0.5 => 0.75 - x * x,
            Kernel::Border => 0.5 * (1.5 - x).max(0.0).powi(2),
            Kernel::Wave if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Kernel::Wave => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_size_is_the_same_image() {
        let pixels: Vec<f32> = (0..12).map(|p| p as f32 / 12.0).collect();
        let same = resample(&pixels, (3, 4), (3, 4), Kernel::Wave);
        assert!(same.iter().zip(&pixels).all(|(a, b)| (a - b).abs() < 1e-6), "{same:?}");
    }

    #[test]
    fn constant_stays_constant_and_only_masks_fade() {
        for to in [(1, 1), (2, 9), (50, 31)] {
            let smooth = resample(&[0.25; 35], (5, 7), to, Kernel::Wave);
            assert!(smooth.iter().all(|v| (v - 0.25).abs() < 1e-5), "{to:?} {smooth:?}");
        }
        let faded = resample(&[1.0; 9], (1, 9), (9, 9 * 9), Kernel::Border);
        let row = &faded[4 * 81..5 * 81];
        assert!(row[0] > 0.35 && row[0] < 0.5 && row[40] > 0.7, "about half at the border: {row:?}");
    }

    #[test]
    fn reducing_averages() {
        let stripes: Vec<f32> = (0..1000).map(|p| (p % 2) as f32).collect();
        let reduced = resample(&stripes, (1, 1000), (1, 10), Kernel::Wave);
        assert!(reduced.iter().all(|v| (v - 0.5).abs() < 0.06), "{reduced:?}");
    }
}
