//! How deep the images lie, and how much salt there is at which depth.

use crate::Result;
use crate::plot::chart::{Axis, Layer, Panel, Sheet, density, histogram, round_bins, side_by_side};
use crate::plot::explore::numbers::{binned, ends, mean, pearson, quantile, spearman, written};
use crate::plot::explore::{known_depths, known_masks, missing};
use crate::plot::figure::Figure;
use crate::plot::style::{self, BLUE, FAINT_INK, VERMILLION};
use crate::plot::text::counted;
use crate::plot::words::Words;
use crate::types::{Competition, Dataset};

use plotters::style::RGBColor;

/// What a panel of depths covers, and the width of its bars.
type Bins = ((f64, f64), usize);

/// About how many bars a histogram of depths has.
const BARS: usize = 24;
/// Into how many bins of depth coverage is averaged.
const BINS: usize = 15;

impl Competition {
    /// The depths of train and test, each as a histogram with its density, and both densities on each other.
    ///
    /// ```
    /// let salt = tgs_salt::Competition::sample()?;
    /// assert_eq!(salt.plot_depths()?.width(), 1900);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Figure`](crate::Error::Figure) when train or test has no depths.
    pub fn plot_depths(&self) -> Result<Figure> {
        let train = known_depths(&self.train, "of the depths of train")?;
        let test = known_depths(&self.test, "of the depths of test")?;
        let bins = round_bins(ends(train.iter().chain(&test).copied()), BARS);
        let panels = [("Train", &train, BLUE), ("Test", &test, VERMILLION)];
        // One scale for both.
        let high = panels.iter().map(|(_, z, _)| highest(z, bins)).fold(0.0, f64::max);
        let mut all: Vec<Panel> = panels
            .iter()
            .map(|&(name, z, color)| {
                distribution(format!("{name}, {}", counted(z.len(), "image")), z, color, (bins, 1.06 * high))
            })
            .collect();
        let curves = panels.iter().filter_map(|&(name, z, color)| curve(name, z, color, bins));
        let both =
            Panel::new("Densities of both", depth_axis(bins), Axis::new(per(bins)).over((0.0, 1.06 * high)));
        all.push(both.layers(curves));
        side_by_side("of depths", all)
    }
}

impl Dataset {
    /// The depths as a histogram with its density (Gaussian kernel, Scott's rule), mean and median.
    ///
    /// # Errors
    /// [`Error::Figure`](crate::Error::Figure) when no image has a depth.
    pub fn plot_depths(&self) -> Result<Figure> {
        let mut z = known_depths(self, "of depths")?;
        let bins = round_bins(ends(z.iter().copied()), BARS);
        let high = 1.06 * highest(&z, bins);
        let panel = distribution(format!("Depth of {}", counted(z.len(), "image")), &z, BLUE, (bins, high));
        z.sort_by(f64::total_cmp);
        let (mean, median) = (mean(z.iter().copied()), quantile(&z, 0.5));
        let panel = panel
            .layer(Layer::vertical(format!("mean {mean:.0} ft"), VERMILLION, mean))
            .layer(Layer::vertical(format!("median {median:.0} ft"), FAINT_INK, median));
        side_by_side("of depths", vec![panel])
    }

    /// Coverage against depth: every image with its mean and quartiles in 15 bins of depth, the correlations of Pearson and
    /// Spearman, and beside it the share of masks without salt in the same bins.
    ///
    /// # Errors
    /// [`Error::Figure`](crate::Error::Figure) when no image has both a mask and a depth; as [`Dataset::coverages`].
    pub fn plot_depth_coverage(&self) -> Result<Figure> {
        let what = "of coverage by depth";
        let points = depth_coverage(self, what)?;
        let empty: Vec<(f64, f64)> =
            points.iter().map(|&(z, c)| (z, if c == 0.0 { 100.0 } else { 0.0 })).collect();
        let title = format!(
            "Coverage by depth, {}; correlation {} (Pearson), {} (Spearman)",
            counted(points.len(), "image"),
            written(pearson(&points)),
            written(spearman(&points)),
        );
        let range = round_bins(ends(points.iter().map(|p| p.0)), BARS).0;
        let depth = || Axis::new("depth, ft").over(range);
        let (bins, shares) = (binned(&points, BINS), binned(&empty, BINS));
        let line = bins.iter().map(|bin| (bin.x, bin.mean)).collect();
        let band = bins.iter().map(|bin| [bin.x, bin.quartiles[0], bin.quartiles[1]]).collect();
        let coverage = Axis::new("coverage, % of the image").over((-4.0, 104.0));
        let scatter = Panel::new("Each image", depth(), coverage)
            .layer(Layer::area("middle half", VERMILLION, band))
            .layer(Layer::points("image", BLUE, points))
            .layer(Layer::line("mean", VERMILLION, line));
        let bars = shares.iter().map(|bin| [bin.x - bin.half, bin.x + bin.half, bin.mean]).collect();
        let without = format!("masks without {}", Words::of(self).some());
        let y = Axis::new(format!("{without}, %")).over((0.0, 100.0));
        let share =
            Panel::new(format!("Share of {without}"), depth(), y).layer(Layer::bars("", FAINT_INK, bars));
        Sheet { what, title, columns: 2, height: 640 }.draw(&[scatter.into(), share.into()])
    }
}

/// Depth in feet and coverage in per cent of all that have both.
pub(super) fn depth_coverage(dataset: &Dataset, what: &str) -> Result<Vec<(f64, f64)>> {
    let masks = known_masks(dataset, what)?;
    known_depths(dataset, what)?;
    let both = dataset.depths().into_iter().zip(masks);
    let points: Vec<(f64, f64)> =
        both.filter_map(|(z, mask)| Some((f64::from(z?), 100.0 * mask?.coverage))).collect();
    match points.is_empty() {
        true => Err(missing(what, "no image has both a depth and a mask")),
        false => Ok(points),
    }
}

fn depth_axis(bins: Bins) -> Axis {
    Axis::new("depth, ft").over(bins.0)
}

fn step(((low, high), bars): Bins) -> f64 {
    (high - low) / bars as f64
}

fn per(bins: Bins) -> String {
    format!("images per {} ft, %", step(bins))
}

/// The share of the images in each bar, in per cent.
fn shares(z: &[f64], (range, bars): Bins) -> Vec<[f64; 3]> {
    let share = |[left, right, n]: [f64; 3]| [left, right, 100.0 * n / z.len() as f64];
    histogram(z, range, bars).into_iter().map(share).collect()
}

fn highest(z: &[f64], bins: Bins) -> f64 {
    shares(z, bins).iter().map(|bar| bar[2]).chain(scaled(z, bins).iter().map(|p| p.1)).fold(0.0, f64::max)
}

/// The density on the scale of the bars.
fn scaled(z: &[f64], bins: Bins) -> Vec<(f64, f64)> {
    let scale = 100.0 * step(bins);
    density(z, bins.0, 200).into_iter().map(|(z, y)| (z, scale * y)).collect()
}

/// Nothing where all depths are the same: they have no density.
fn curve(name: &str, z: &[f64], color: RGBColor, bins: Bins) -> Option<Layer> {
    let points = scaled(z, bins);
    (!points.is_empty()).then(|| Layer::line(name, color, points))
}

fn distribution(title: String, z: &[f64], color: RGBColor, (bins, high): (Bins, f64)) -> Panel {
    Panel::new(title, depth_axis(bins), Axis::new(per(bins)).over((0.0, high)))
        .layer(Layer::bars("images", style::lighter(color), shares(z, bins)))
        .layers(curve("density", z, color, bins))
}

/// The densities of several sets of depths on each other.
pub(super) fn densities(sets: &[(&str, Vec<f64>, RGBColor)]) -> Panel {
    let bins = round_bins(ends(sets.iter().flat_map(|set| set.1.iter().copied())), BARS);
    let curves = sets.iter().filter_map(|(name, z, color)| curve(name, z, *color, bins));
    let high = sets.iter().flat_map(|(_, z, _)| scaled(z, bins)).map(|p| p.1).fold(0.0, f64::max);
    // Depths that are all the same have no density.
    let high = if high > 0.0 { 1.06 * high } else { 1.0 };
    Panel::new("Density of depth", depth_axis(bins), Axis::new(per(bins)).over((0.0, high))).layers(curves)
}
