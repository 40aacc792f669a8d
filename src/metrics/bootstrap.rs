//! How sure a mean is.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Samples that are drawn anew.
const DRAWS: usize = 1000;
/// How many of the drawn means are left out at each end: 2.5 %.
const OUTSIDE: usize = DRAWS / 40;

/// The 95 % confidence interval of the mean of `values` by the percentile bootstrap (Efron 1979): the middle 95 % of the means
/// of 1,000 samples drawn from the values with replacement. `seed` decides the draws. NaN without values.
pub(crate) fn mean_interval(values: &[f64], seed: u64) -> (f64, f64) {
    if values.is_empty() {
        return (f64::NAN, f64::NAN);
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let n = values.len();
    let mut draw = || values[((u64::from(random.next_u32()) * n as u64) >> 32) as usize];
    let mut means: Vec<f64> = (0..DRAWS).map(|_| (0..n).map(|_| draw()).sum::<f64>() / n as f64).collect();
    means.sort_unstable_by(f64::total_cmp);
    (means[OUTSIDE], means[DRAWS - 1 - OUTSIDE])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_about_two_standard_errors_to_each_side() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i * 37 % 400) / 400.0).collect();
        let mean = values.iter().sum::<f64>() / 400.0;
        let error = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 399.0 / 400.0).sqrt();
        for seed in 0..5 {
            let (low, high) = mean_interval(&values, seed);
            for far in [mean - low, high - mean] {
                assert!((far / error - 1.96).abs() < 0.25, "seed {seed}: {far} of {error}");
            }
            assert_eq!(mean_interval(&values, seed), (low, high));
        }
        assert_ne!(mean_interval(&values, 0), mean_interval(&values, 1));
    }

    #[test]
    fn few_values() {
        assert_eq!(mean_interval(&[0.25], 3), (0.25, 0.25));
        assert_eq!(mean_interval(&[0.5; 9], 3), (0.5, 0.5));
        assert_eq!(mean_interval(&[0.0, 1.0], 3), (0.0, 1.0));
        assert!(mean_interval(&[], 3).0.is_nan());
    }
}
