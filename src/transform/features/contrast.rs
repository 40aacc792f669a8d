//! Grey values spread out: by percentiles, by the histogram of the image (Gonzalez & Woods, Digital Image Processing).

use super::plane::Plane;

/// `skimage.exposure.rescale_intensity`: clipped to `from`, which becomes `to`.
pub(super) fn rescale(plane: &Plane, from: [f64; 2], to: [f64; 2]) -> Plane {
    let span = from[1] - from[0];
    plane.map(|v| match v.clamp(from[0], from[1]) {
        v if span == 0.0 => v.clamp(to[0], to[1]),
        v => (v - from[0]) / span * (to[1] - to[0]) + to[0],
    })
}

/// The percentiles 2 and 98 become 0 and 1; the lower one −1 where it is negative.
pub(super) fn stretch(plane: &Plane) -> Plane {
    let mut sorted = plane.values.clone();
    sorted.sort_by(f64::total_cmp);
    let from = [0.02, 0.98].map(|share| quantile(&sorted, share));
    rescale(plane, from, [if from[0] < 0.0 { -1.0 } else { 0.0 }, 1.0])
}

/// `numpy.quantile`, linear between the two values beside.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (sorted.len() - 1) as f64 * share;
    let (low, part) = (at as usize, at - libm::floor(at));
    let (a, b) = (sorted[low], sorted[(low + 1).min(sorted.len() - 1)]);
    if part < 0.5 { a + (b - a) * part } else { b - (b - a) * (1.0 - part) }
}

const BINS: usize = 256;

/// `skimage.exposure.equalize_hist`: the share of pixels that are not brighter, linear between the middles of 256 bins.
pub(super) fn equalize(plane: &Plane) -> Plane {
    let edges = edges(plane.range());
    let mut counts = [0u64; BINS];
    for &value in &plane.values {
        counts[bin(value, &edges)] += 1;
    }
    let total = plane.values.len() as f64;
    let mut below = 0;
    let shares = counts.map(|count| {
        below += count;
        below as f64 / total
    });
    let middles: Vec<f64> = edges.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0).collect();
    plane.map(|value| interpolate(value, &middles, &shares))
}

/// The borders of equal bins over a range, which is widened to 1 where it is empty, as `numpy.histogram` does.
fn edges([least, most]: [f64; 2]) -> Vec<f64> {
    let [least, most] = if least == most { [least - 0.5, most + 0.5] } else { [least, most] };
    let step = (most - least) / BINS as f64;
    (0..=BINS).map(|i| if i == BINS { most } else { i as f64 * step + least }).collect()
}

/// A value on an edge belongs to the bin above it, the last edge to the last bin.
fn bin(value: f64, edges: &[f64]) -> usize {
    let span = edges[BINS] - edges[0];
    let guess = (((value - edges[0]) / span * BINS as f64) as usize).min(BINS - 1);
    if value < edges[guess] {
        return guess.saturating_sub(1);
    }
    if value >= edges[guess + 1] { (guess + 1).min(BINS - 1) } else { guess }
}

/// `numpy.interp`.
fn interpolate(x: f64, xs: &[f64], ys: &[f64]) -> f64 {
    let above = xs.partition_point(|&at| at <= x);
    match (above.checked_sub(1), xs.get(above)) {
        (None, _) => ys[0],
        (Some(below), None) => ys[below],
        (Some(below), Some(next)) => {
            (ys[above] - ys[below]) / (next - xs[below]) * (x - xs[below]) + ys[below]
        }
    }
}
