//! `probabilities.plot_calibration(&valid)`: whether the probabilities are what they say.

use crate::Result;
use crate::inference::Probabilities;
use crate::metrics::{Calibration, CalibrationBin};
use crate::plot::chart::{Axis, Layer, Panel, Ticks, side_by_side};
use crate::plot::evaluation::images;
use crate::plot::figure::Figure;
use crate::plot::style::{BLUE, FAINT_INK, VERMILLION};
use crate::plot::text::count;
use crate::plot::words::Words;
use crate::types::Dataset;

impl Probabilities {
    /// A reliability diagram over all pixels of `dataset`, and how many of them have which probability: of
    /// [`Probabilities::calibration`] the figure.
    ///
    /// # Errors
    /// As [`Probabilities::evaluate`].
    pub fn plot_calibration(&self, dataset: &Dataset) -> Result<Figure> {
        let share = format!("share of them that is {}", Words::of(dataset).called(self.class_names()).some());
        self.calibration(dataset)?.draw(&share)
    }
}

impl Calibration {
    /// The share of salt found at each probability beside the perfect one, and how many pixels have which probability, on a
    /// logarithmic axis.
    ///
    /// ```
    /// use tgs_salt::{metrics::Calibration, types::{Image, Mask}};
    /// let truths = [Mask::new(1, 4, vec![0, 0, 0, 1])?];
    /// let calibration = Calibration::new(&truths, &[Image::new(1, 4, vec![0.25, 0.25, 0.25, 0.75])?])?;
    /// assert_eq!(calibration.plot()?.width(), 1900);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Figure`](crate::Error::Figure) when it cannot be drawn.
    pub fn plot(&self) -> Result<Figure> {
        self.draw("share of them inside of the masks")
    }

    fn draw(&self, share: &str) -> Result<Figure> {
        side_by_side("calibration", vec![self.diagram(share), self.histogram()])
    }

    fn diagram(&self, share: &str) -> Panel {
        let found = self.bins.iter().map(|bin| (bin.probability, bin.salt)).collect();
        let errors = format!("error: {:.3} expected, {:.3} at most", self.expected_error, self.maximum_error);
        let title = format!("Calibration ({})", images(self.images));
        let x = Axis::new("mean probability of the pixels of a bin").over((0.0, 1.0));
        Panel::new(title, x, Axis::new(share).over((0.0, 1.0)))
            .layer(Layer::area(errors, VERMILLION, self.gaps()))
            .layer(Layer::dashes("perfect", FAINT_INK, vec![(0.0, 0.0), (1.0, 1.0)]))
            .layer(Layer::line("found", BLUE, found))
    }

    /// The area between what is found and what would be perfect, with a point where they cross.
    fn gaps(&self) -> Vec<[f64; 3]> {
        let band = |x: f64, found: f64| [x, x.min(found), x.max(found)];
        let mut gaps: Vec<[f64; 3]> = vec![];
        for (i, bin) in self.bins.iter().enumerate() {
            if let Some(last) = i.checked_sub(1).and_then(|i| self.bins.get(i)) {
                let (before, after) = (last.salt - last.probability, bin.salt - bin.probability);
                if before * after < 0.0 {
                    let x =
                        last.probability + before / (before - after) * (bin.probability - last.probability);
                    gaps.push(band(x, x));
                }
            }
            gaps.push(band(bin.probability, bin.salt));
        }
        gaps
    }

    fn histogram(&self) -> Panel {
        let height = |bin: &CalibrationBin| libm::log10(bin.pixels as f64);
        let bars = self.bins.iter().map(|bin| [bin.low, bin.high, height(bin)]).collect();
        let top = libm::ceil(self.bins.iter().map(height).fold(1.0, f64::max));
        let title = format!("Pixels by probability (n = {} pixels)", count(self.pixels() as usize));
        let y = Axis::new("pixels, logarithmic").ticks(Ticks::Powers).over((0.0, top));
        Panel::new(title, Axis::new("probability").over((0.0, 1.0)), y).layer(Layer::bars("", BLUE, bars))
    }
}
