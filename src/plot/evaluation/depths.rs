//! `masks.plot_depths(&valid)`: whether a model is as good deep down as it is near the surface.

use rayon::prelude::*;

use crate::inference::Masks;
use crate::metrics::mean_interval;
use crate::plot::chart::{Axis, Layer, Panel, round_bins, side_by_side};
use crate::plot::evaluation::images;
use crate::plot::figure::Figure;
use crate::plot::style::{BLUE, FAINT_INK, lighter};
use crate::plot::text::count;
use crate::types::Dataset;
use crate::{Error, Result};

/// About the most bins, and the least feet that they span.
const BINS: usize = 12;

/// The images between two depths.
struct Bin {
    from: f64,
    to: f64,
    scores: Vec<f64>,
}

impl Bin {
    fn middle(&self) -> f64 {
        (self.from + self.to) / 2.0
    }

    fn mean(&self) -> f64 {
        self.scores.iter().sum::<f64>() / self.scores.len() as f64
    }
}

impl Masks {
    /// The competition's score by depth, in bins of a round number of feet, with a 95 % confidence band (percentile bootstrap of
    /// 1,000 samples), and how many images each bin has. Images without a depth are left out.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, valid) = Competition::sample()?.train.split(0.05, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let masks = model.predict(&valid)?.threshold(0.5)?;
    /// assert_eq!(masks.plot_depths(&valid)?.width(), 1900);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Id`] when an image has no mask or was not predicted; [`Error::Figure`] when no image has a depth; as
    /// [`Dataset::get`].
    pub fn plot_depths(&self, dataset: &Dataset) -> Result<Figure> {
        let scores = self.image_scores(dataset)?;
        let mut points = Vec::with_capacity(scores.len());
        for score in &scores {
            let known = score.known()?;
            points.extend(score.z.map(|z| (f64::from(z), known.mean_precision)));
        }
        let bins = bins(&points);
        let (Some(first), Some(last)) = (bins.first(), bins.last()) else {
            let why = "no image has a depth; see depths.csv".into();
            return Err(Error::Figure { what: "score by depth".into(), why });
        };
        let range = (first.from, last.to);
        let without = scores.len() - points.len();
        let panels = vec![score_panel(&bins, &points, range), count_panel(&bins, without, range)];
        side_by_side("score by depth", panels)
    }
}

fn score_panel(bins: &[Bin], points: &[(f64, f64)], range: (f64, f64)) -> Panel {
    let mean = points.iter().map(|point| point.1).sum::<f64>() / points.len() as f64;
    let interval = |(i, bin): (usize, &Bin)| {
        // One image says nothing of how sure its score is.
        let (low, high) = match bin.scores.len() {
            0 | 1 => (f64::NAN, f64::NAN),
            _ => mean_interval(&bin.scores, i as u64),
        };
        [bin.middle(), low, high]
    };
    let band = bins.par_iter().enumerate().map(interval).collect();
    let ends = vec![(range.0, mean), (range.1, mean)];
    let width = bins.first().map_or(0.0, |bin| bin.to - bin.from);
    let means = bins.iter().map(|bin| (bin.middle(), bin.mean())).collect();
    let title = format!("Score by depth ({})", images(points.len()));
    Panel::new(title, Axis::new("depth, ft").over(range), Axis::new("mean precision").over((0.0, 1.0)))
        .layer(Layer::area("95 % confidence", BLUE, band))
        .layer(Layer::dashes(format!("all images: {mean:.3}"), FAINT_INK, ends))
        .layer(Layer::line(format!("bins of {width:.0} ft"), BLUE, means))
}

fn count_panel(bins: &[Bin], without: usize, range: (f64, f64)) -> Panel {
    let bars = bins.iter().map(|bin| [bin.from, bin.to, bin.scores.len() as f64]).collect();
    let title = match without {
        0 => "Images by depth".to_owned(),
        without => format!("Images by depth ({} more without one)", count(without)),
    };
    Panel::new(title, Axis::new("depth, ft").over(range), Axis::new("images")).layer(Layer::bars(
        "",
        lighter(BLUE),
        bars,
    ))
}

/// Bins from the least to the greatest depth, as wide as a round number of feet.
fn bins(points: &[(f64, f64)]) -> Vec<Bin> {
    let finite = || points.iter().filter(|point| point.0.is_finite());
    let (low, high) = finite().fold((f64::MAX, f64::MIN), |(low, high), p| (low.min(p.0), high.max(p.0)));
    if low > high {
        return vec![];
    }
    let ((from, to), count) = round_bins((low, high.max(low + BINS as f64)), BINS);
    let width = (to - from) / count as f64;
    let edge = |i: usize| from + i as f64 * width;
    let mut bins: Vec<Bin> =
        (0..count).map(|i| Bin { from: edge(i), to: edge(i + 1), scores: vec![] }).collect();
    for &(z, score) in finite() {
        // The greatest depth may be the end of the last bin.
        if let Some(bin) = bins.get_mut((((z - from) / width) as usize).min(count - 1)) {
            bin.scores.push(score);
        }
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_round_and_hold_every_depth() {
        let points: Vec<(f64, f64)> = (51..=959).map(|z| (f64::from(z), f64::from(z % 2))).collect();
        let bins = bins(&points);
        assert_eq!((bins[0].from, bins[0].to, bins[9].to, bins.len()), (0.0, 100.0, 1000.0, 10));
        assert_eq!(bins.iter().map(|bin| bin.scores.len()).sum::<usize>(), points.len());
        assert_eq!((bins[1].scores.len(), bins[1].mean(), bins[1].middle()), (100, 0.5, 150.0));
    }

    #[test]
    fn odd_depths() {
        assert!(bins(&[]).is_empty() && bins(&[(f64::NAN, 1.0)]).is_empty());
        let held = |points: &[(f64, f64)]| bins(points).iter().map(|bin| bin.scores.len()).sum::<usize>();
        let one = bins(&[(7.0, 0.3)]);
        assert_eq!((one[0].from, one[0].to, one[0].scores.len()), (7.0, 8.0, 1));
        let far = [(-50.0, 0.0), (1e30, 1.0)];
        assert!(bins(&far).len() <= 13 && held(&far) == 2);
        // The last one is the end of the last bin.
        assert_eq!(held(&[(100.0, 0.0), (200.0, 1.0)]), 2);
    }
}
