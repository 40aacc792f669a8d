//! How much salt the masks have.

use crate::Result;
use crate::plot::chart::{Axis, Layer, Panel, Sheet, Ticks, histogram};
use crate::plot::explore::known_masks;
use crate::plot::explore::numbers::mean;
use crate::plot::figure::Figure;
use crate::plot::style::{BLUE, FAINT_INK, VERMILLION};
use crate::plot::text::{count, counted, percent};
use crate::plot::words::Words;
use crate::types::{Dataset, MaskStatistics, coverage_class};

/// Classes of coverage, 0 to 10.
pub(super) const CLASSES: usize = 11;

impl Dataset {
    /// How much salt the masks have: the coverage of those with salt in 20 equal steps, their salt pixels on a
    /// logarithmic scale, and all masks by class of coverage.
    ///
    /// ```
    /// let salt = tgs_salt::Competition::sample()?;
    /// assert_eq!(salt.train.plot_coverage()?.width(), 1900);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Figure`](crate::Error::Figure) when no image has a mask; as [`Dataset::coverages`].
    pub fn plot_coverage(&self) -> Result<Figure> {
        let masks: Vec<MaskStatistics> = known_masks(self, "of coverage")?.into_iter().flatten().collect();
        let salt: Vec<MaskStatistics> = masks.iter().copied().filter(|mask| mask.area > 0).collect();
        let empty = masks.len() - salt.len();
        let words = Words::of(self);
        let title = format!(
            "{} in {}: {} ({}) without any, mean coverage {}",
            words.start(),
            counted(masks.len(), "mask"),
            count(empty),
            percent(empty as f64 / masks.len() as f64),
            percent(mean(masks.iter().map(|mask| mask.coverage))),
        );
        let sheet = Sheet { what: "of coverage", title, columns: 3, height: 640 };
        sheet.draw(&[
            linear(&salt, &words).into(),
            logarithmic(&salt, &words).into(),
            classes(&masks, &words).into(),
        ])
    }
}

fn linear(salt: &[MaskStatistics], words: &Words) -> Panel {
    let values: Vec<f64> = salt.iter().map(|mask| 100.0 * mask.coverage).collect();
    let (middle, some) = (mean(values.iter().copied()), !salt.is_empty());
    let title = format!("Coverage, {} with {}", counted(salt.len(), "mask"), words.some());
    Panel::new(title, Axis::new("coverage, % of the image").over((0.0, 100.0)), Axis::new("masks per 5 %"))
        .layer(Layer::bars("", BLUE, histogram(&values, (0.0, 100.0), 20)))
        .layers(some.then(|| Layer::vertical(format!("mean {middle:.1} %"), VERMILLION, middle)))
}

/// About five steps to a power of ten, up to the whole image: each holds at least one whole number.
fn logarithmic(salt: &[MaskStatistics], words: &Words) -> Panel {
    let values: Vec<f64> = salt.iter().map(|mask| libm::log10(mask.area as f64)).collect();
    let pixels = salt.iter().map(|mask| mask.area as f64 / mask.coverage).fold(10.0, f64::max);
    // A little more, so that rounding puts no full mask outside.
    let high = libm::log10(pixels) + 1e-9;
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    let x = Axis::new(format!("{}, logarithmic", words.pixels())).ticks(Ticks::Counts).over((0.0, high));
    let median = sorted.get(sorted.len() / 2).map(|&median| {
        let label = format!("median {}", count(libm::pow(10.0, median).round() as usize));
        Layer::vertical(label, VERMILLION, median)
    });
    Panel::new("Size, the same masks", x, Axis::new("masks"))
        .layer(Layer::bars("", BLUE, histogram(&values, (0.0, high), (5.0 * high).round() as usize)))
        .layers(median)
}

fn classes(masks: &[MaskStatistics], words: &Words) -> Panel {
    let mut counts = [0.0; CLASSES];
    masks.iter().for_each(|mask| counts[coverage_class(mask.coverage)] += 1.0);
    let names = (0..CLASSES).map(|class| class.to_string()).collect();
    let x = Axis::new("coverage class, tenths of the image").ticks(Ticks::Names(names));
    let (none, some): (Vec<f64>, Vec<f64>) =
        counts.iter().enumerate().map(|(class, &n)| if class == 0 { (n, 0.0) } else { (0.0, n) }).unzip();
    Panel::new(format!("Classes, {} in all", counted(masks.len(), "mask")), x, Axis::new("masks"))
        .layer(Layer::group(words.none(), FAINT_INK, &none, (0, 1)))
        .layer(Layer::group(words.some(), BLUE, &some, (0, 1)))
}
