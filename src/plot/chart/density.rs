//! How values are distributed: histograms, and a kernel density estimate as `scipy.stats.gaussian_kde` has it.

use rayon::prelude::*;

/// Bars `[left, right, count]` of `bins` equally wide bins from `low` to `high`, which belongs to the last one.
/// Values outside are not counted.
pub(crate) fn histogram(values: &[f64], (low, high): (f64, f64), bins: usize) -> Vec<[f64; 3]> {
    let bins = bins.max(1);
    let width = (high - low) / bins as f64;
    let mut counts = vec![0.0; bins];
    for &value in values.iter().filter(|v| (low..=high).contains(*v)) {
        counts[(((value - low) / width) as usize).min(bins - 1)] += 1.0;
    }
    let bar = |(i, count): (usize, f64)| [low + i as f64 * width, low + (i + 1) as f64 * width, count];
    counts.into_iter().enumerate().map(bar).collect()
}

/// A range with round ends around the values from `low` to `high`, and into how many bins of a round width it divides:
/// `about` so many, or down to 2/5 of it.
pub(crate) fn round_bins((low, high): (f64, f64), about: usize) -> ((f64, f64), usize) {
    let width = if high > low { high - low } else { low.abs().max(1.0) };
    let rough = width / about.max(1) as f64;
    let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
    let step = [1.0, 2.0, 5.0].into_iter().map(|m| m * power).find(|&s| s >= rough).unwrap_or(10.0 * power);
    // A single value stands in the middle of three bins.
    let beside = if high > low { 0.0 } else { 1.0 };
    let (first, last) = ((low / step).floor() - beside, (high / step).ceil() + beside);
    let bins = (last - first).max(1.0);
    ((first * step, (first + bins) * step), bins as usize)
}

/// The density of the values at `steps + 1` places from `low` to `high`: a Gaussian of bandwidth `σ · n^(−1/5)` (Scott,
/// 1992; σ with n − 1) over each value. Empty for fewer than two different values, which have no bandwidth.
pub(crate) fn density(values: &[f64], (low, high): (f64, f64), steps: usize) -> Vec<(f64, f64)> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let mean = sorted.iter().sum::<f64>() / n;
    let variance = sorted.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0);
    let bandwidth = variance.sqrt() * libm::pow(n, -0.2);
    // NaN without two values.
    if bandwidth.is_nan() || bandwidth <= 0.0 {
        return vec![];
    }
    // Depths are whole feet: 18,000 images have fewer than a thousand different ones.
    let distinct: Vec<(f64, f64)> = sorted.chunk_by(|a, b| a == b).map(|c| (c[0], c.len() as f64)).collect();
    let scale = n * bandwidth * libm::sqrt(2.0 * std::f64::consts::PI);
    let at = |i: usize| {
        let x = low + (high - low) * i as f64 / steps.max(1) as f64;
        let one = |&(value, times): &(f64, f64)| {
            let far = (x - value) / bandwidth;
            times * libm::exp(-0.5 * far * far)
        };
        (x, distinct.iter().map(one).sum::<f64>() / scale)
    };
    (0..=steps).into_par_iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_closed_below_and_the_last_one_above() {
        let bars = histogram(&[0.0, 0.9, 1.0, 2.0, 2.1, -0.1, f64::NAN], (0.0, 2.0), 2);
        assert_eq!(bars, [[0.0, 1.0, 2.0], [1.0, 2.0, 2.0]]);
    }

    #[test]
    fn round_bins_hold_all_values() {
        assert_eq!(round_bins((51.0, 959.0), 24), ((50.0, 1000.0), 19));
        assert_eq!(round_bins((0.0, 100.0), 100), ((0.0, 100.0), 100));
        for value in [0.0, 7.0, -3.5] {
            let ((low, high), bins) = round_bins((value, value), 24);
            assert!(low < value && value < high && bins < 4, "{value}: {low} {high} {bins}");
        }
    }

    #[test]
    fn the_density_integrates_to_one_and_needs_two_values() {
        let values = [51.0, 306.0, 306.0, 480.0, 612.0, 906.0];
        let curve = density(&values, (-1500.0, 2500.0), 4000);
        assert!((curve.iter().map(|p| p.1).sum::<f64>() - 1.0).abs() < 1e-9);
        assert!([&[][..], &[7.0], &[7.0, 7.0]].iter().all(|v| density(v, (0.0, 9.0), 5).is_empty()));
    }
}
