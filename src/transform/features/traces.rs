//! Attributes of the analytic signal of each trace, which is a column of pixels (Taner, Koehler & Sheriff, Complex seismic
//! trace analysis, Geophysics 1979): `z = x + i H(x)`, of the trace `x` less its mean and its Hilbert transform `H(x)`.

use super::plane::{Axis, Plane};
use std::f64::consts::{PI, TAU};

/// An envelope below this has no phase.
const SILENT: f64 = 1e-6;

/// `|z|`: the strength of a reflection, whatever its sign.
pub(super) fn envelope(plane: &Plane) -> Plane {
    let traces = less_mean(plane);
    traces.zip(&hilbert(&traces), libm::hypot)
}

/// The angle of `z` in radians; 0 where the envelope is below 1e−6.
pub(super) fn phase(plane: &Plane) -> Plane {
    let traces = less_mean(plane);
    traces.zip(&hilbert(&traces), |re, im| match libm::hypot(re, im) {
        strength if strength < SILENT => 0.0,
        _ => libm::atan2(im, re),
    })
}

/// Turns of the phase per pixel: central differences of the unwrapped phase. A step of half a turn, but for rounding, is one
/// forwards, so that the last bits decide nothing.
pub(super) fn frequency(plane: &Plane) -> Plane {
    let phase = phase(plane).transpose();
    let unwrapped = |row: &[f64]| {
        let least = 1e-9 - PI;
        let steps = row.windows(2).map(|pair| (pair[1] - pair[0] - least).rem_euclid(TAU) + least);
        let mut turned = 0.0;
        let sums = steps.map(|step| {
            turned += step / TAU;
            turned
        });
        std::iter::once(0.0).chain(sums).collect::<Vec<f64>>()
    };
    let values = phase.rows().flat_map(unwrapped).collect();
    phase.like(values).gradient(Axis::X).transpose()
}

/// Each column less its mean: the grey of no reflection is not half-way in every image.
pub(super) fn less_mean(plane: &Plane) -> Plane {
    let mut means = vec![0.0; plane.width];
    for row in plane.rows() {
        means.iter_mut().zip(row).for_each(|(mean, value)| *mean += value / plane.height as f64);
    }
    plane
        .like(plane.rows().flat_map(|row| row.iter().zip(&means).map(|(value, mean)| value - mean)).collect())
}

/// The imaginary part of `scipy.signal.hilbert` down the columns. At these sizes the sum over all pairs of rows is as fast
/// as a Fourier transform.
fn hilbert(plane: &Plane) -> Plane {
    let kernel = kernel(plane.height);
    let mut values = vec![0.0; plane.values.len()];
    for (y, sums) in values.chunks_exact_mut(plane.width).enumerate() {
        for (from, row) in plane.rows().enumerate() {
            let weight = kernel[(y + plane.height - from) % plane.height];
            if weight != 0.0 {
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
            }
        }
    }
    plane.like(values)
}

/// What an impulse becomes: the sum of `2/n sin(2πkt/n)` over all k up to, but not with, n/2.
fn kernel(n: usize) -> Vec<f64> {
    let weight = |t: usize| {
        let half_turn = PI * t as f64 / n as f64;
        let sign = if t.is_multiple_of(2) { 1.0 } else { -1.0 };
        let last = if n.is_multiple_of(2) { sign * libm::cos(half_turn) } else { sign };
        (libm::cos(half_turn) - last) / (n as f64 * libm::sin(half_turn))
    };
    (0..n).map(|t| if t == 0 { 0.0 } else { weight(t) }).collect()
}
