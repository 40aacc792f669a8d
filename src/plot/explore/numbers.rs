//! The numbers below the figures and tables: bins of depth as `pandas.cut` makes them, correlations, means in bins.

/// Equally wide bins of depth, as of `pandas.cut(z, n)`: each is open below and closed above, and the first one starts a
/// thousandth of the whole range lower, so that the least depth is in it.
pub(super) struct DepthBins {
    edges: Vec<f64>,
}

impl DepthBins {
    /// `n` bins, at least 1, over depths of which there is at least one.
    pub(super) fn new(depths: &[f64], n: usize) -> DepthBins {
        let (low, high) = ends(depths.iter().copied());
        let wider = |v: f64| if v == 0.0 { 0.001 } else { 0.001 * v.abs() };
        let equal = low == high;
        let (low, high) = if equal { (low - wider(low), high + wider(high)) } else { (low, high) };
        let step = (high - low) / n as f64;
        let mut edges: Vec<f64> = (0..n).map(|i| low + i as f64 * step).chain([high]).collect();
        if !equal {
            edges[0] -= 0.001 * (high - low);
        }
        DepthBins { edges }
    }

    pub(super) fn len(&self) -> usize {
        self.edges.len() - 1
    }

    /// The bin of a depth.
    pub(super) fn of(&self, z: f64) -> usize {
        self.edges.partition_point(|&edge| edge < z).clamp(1, self.len()) - 1
    }

    #[cfg(any(test, feature = "frames"))]
    /// `(50.096, 352.333]`: three decimals, or as many as tell the edges apart.
    pub(super) fn labels(&self) -> Vec<String> {
        let rounded = |digits: i32| {
            let scale = libm::pow(10.0, f64::from(digits));
            self.edges.iter().map(|edge| (edge * scale).round_ties_even() / scale).collect::<Vec<f64>>()
        };
        let differ = |edges: &Vec<f64>| edges.windows(2).all(|pair| pair[0] < pair[1]);
        let edges = (3..12).map(rounded).find(differ).unwrap_or_else(|| self.edges.clone());
        edges.windows(2).map(|pair| format!("({:?}, {:?}]", pair[0], pair[1])).collect()
    }
}

/// The least and the greatest.
pub(super) fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}

/// The mean; NaN of nothing.
pub(super) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

/// Pearson's correlation; NaN where one side does not vary.
pub(super) fn pearson(points: &[(f64, f64)]) -> f64 {
    let (x, y) = (mean(points.iter().map(|p| p.0)), mean(points.iter().map(|p| p.1)));
    let sum = |of: fn((f64, f64)) -> f64| points.iter().map(|p| of((p.0 - x, p.1 - y))).sum::<f64>();
    sum(|(x, y)| x * y) / (sum(|(x, _)| x * x) * sum(|(_, y)| y * y)).sqrt()
}

/// Spearman's correlation: Pearson's of the ranks, equal values having the mean of theirs.
pub(super) fn spearman(points: &[(f64, f64)]) -> f64 {
    let (x, y) = (ranks(points.iter().map(|p| p.0)), ranks(points.iter().map(|p| p.1)));
    pearson(&x.into_iter().zip(y).collect::<Vec<_>>())
}

fn ranks(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<(f64, usize)> = values.zip(0..).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = vec![0.0; sorted.len()];
    let mut first = 0;
    for equal in sorted.chunk_by(|a, b| a.0 == b.0) {
        let rank = first as f64 + (equal.len() as f64 - 1.0) / 2.0;
        equal.iter().for_each(|&(_, at)| ranks[at] = rank);
        first += equal.len();
    }
    ranks
}

/// A correlation as it is written.
pub(super) fn written(correlation: f64) -> String {
    match correlation {
        undefined if undefined.is_nan() => "undefined".into(),
        // Not −0.00.
        nothing if nothing.abs() < 0.005 => "0.00".into(),
        some => format!("{some:+.2}").replace('-', "−"),
    }
}

/// Points by their x, in equally wide bins.
pub(super) struct Binned {
    /// The middle of the bin.
    pub(super) x: f64,
    /// Half of its width.
    pub(super) half: f64,
    pub(super) mean: f64,
    /// First and third quartile, as NumPy interpolates them.
    pub(super) quartiles: [f64; 2],
}

/// The bins that have at least 5 points, of `n` from the least to the greatest x: fewer say little.
pub(super) fn binned(points: &[(f64, f64)], n: usize) -> Vec<Binned> {
    let (low, high) = ends(points.iter().map(|p| p.0));
    let width = (high - low) / n as f64;
    let half = if width > 0.0 { width / 2.0 } else { 0.5 };
    let mut bins = vec![vec![]; n];
    for &(x, y) in points {
        bins[(((x - low) / width) as usize).min(n - 1)].push(y);
    }
    let one = |(i, mut ys): (usize, Vec<f64>)| {
        ys.sort_by(f64::total_cmp);
        let quartiles = [0.25, 0.75].map(|share| quantile(&ys, share));
        Binned { x: low + (i as f64 + 0.5) * width, half, mean: mean(ys.iter().copied()), quartiles }
    };
    bins.into_iter().enumerate().filter(|(_, ys)| ys.len() >= 5).map(one).collect()
}

/// Of sorted values, at least one.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let below = at as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (at - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::chart::density;
    use serde_json::Value;

    /// What `tests/fixtures/eda/generate.py` wrote.
    fn expected() -> Value {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/eda/expected.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn floats(value: &Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    }

    #[test]
    fn bins_are_those_of_pandas() {
        for case in expected()["bins"].as_array().unwrap() {
            let values = floats(&case["values"]);
            let bins = DepthBins::new(&values, case["n"].as_u64().unwrap() as usize);
            assert_eq!(serde_json::json!(bins.labels()), case["labels"]);
            for (edge, expected) in bins.edges.iter().zip(floats(&case["edges"])) {
                assert!((edge - expected).abs() < 1e-9, "{edge} {expected}");
            }
            let codes: Vec<usize> = values.iter().map(|&z| bins.of(z)).collect();
            assert_eq!(serde_json::json!(codes), case["codes"]);
        }
    }

    #[test]
    fn correlations_and_density_are_those_of_scipy() {
        let expected = expected();
        let (z, coverage) = (floats(&expected["z"]), floats(&expected["coverage"]));
        let points: Vec<(f64, f64)> = z.iter().copied().zip(coverage).collect();
        assert!((pearson(&points) - expected["pearson"].as_f64().unwrap()).abs() < 1e-12);
        assert!((spearman(&points) - expected["spearman"].as_f64().unwrap()).abs() < 1e-12);
        let curve = density(&z, (0.0, 1000.0), 20);
        let (x, y) = (floats(&expected["kde"]["x"]), floats(&expected["kde"]["density"]));
        assert_eq!(curve.len(), x.len());
        for ((at, value), (x, y)) in curve.into_iter().zip(x.into_iter().zip(y)) {
            assert!((at - x).abs() < 1e-9 && (value - y).abs() < 1e-12, "{at} {value} {x} {y}");
        }
    }

    #[test]
    fn what_does_not_vary_has_no_correlation() {
        assert!(pearson(&[(1.0, 2.0), (1.0, 3.0)]).is_nan() && spearman(&[]).is_nan());
        assert_eq!([0.123, -0.5, -0.001, f64::NAN].map(written), ["+0.12", "−0.50", "0.00", "undefined"]);
    }

    #[test]
    fn bins_with_few_points_are_left_out() {
        let points: Vec<(f64, f64)> =
            (0..6).map(|i| (0.1 * f64::from(i), f64::from(i))).chain([(9.0, 1.0)]).collect();
        let bins = binned(&points, 3);
        assert_eq!(bins.len(), 1);
        assert_eq!((bins[0].x, bins[0].mean, bins[0].quartiles), (1.5, 2.5, [1.25, 3.75]));
        assert!(binned(&[(1.0, 1.0); 9], 4).len() == 1 && binned(&[], 4).is_empty());
    }
}
