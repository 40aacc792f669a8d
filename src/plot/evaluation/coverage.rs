//! `masks.plot_coverage(&test)`: how much salt is predicted, beside how much there is.

use crate::Result;
use crate::inference::{ImageScore, Masks};
use crate::plot::chart::{Axis, Layer, Panel, Ticks, side_by_side};
use crate::plot::evaluation::{image_scores, images};
use crate::plot::figure::Figure;
use crate::plot::style::{PREDICTED, TRUE};
use crate::plot::text::count;
use crate::plot::words::Words;
use crate::types::{Dataset, coverage_class};

impl Masks {
    /// How many images have no salt, and how those with salt are distributed over the classes of coverage: predicted, and true
    /// where masks are known. Images without salt would dwarf all classes and stand apart.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, valid) = Competition::sample()?.train.split(0.05, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let masks = model.predict(&valid)?.threshold(0.5)?;
    /// assert_eq!(masks.plot_coverage(&valid)?.width(), 1900);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Figure`](crate::Error::Figure) when the dataset is empty; [`Error::Id`](crate::Error::Id) when an image was not
    /// predicted; as [`Dataset::get`].
    pub fn plot_coverage(&self, dataset: &Dataset) -> Result<Figure> {
        let scores = image_scores("coverage", self, dataset)?;
        let known = scores.iter().filter_map(|score| score.known.as_ref()).map(|known| known.coverage);
        let all = [
            ("true", TRUE, Classes::of(known)),
            ("predicted", PREDICTED, Classes::of(scores.iter().map(|score| score.predicted))),
        ];
        let series: Vec<_> = all.into_iter().filter(|(_, _, classes)| classes.images() > 0).collect();
        let highest =
            series.iter().flat_map(|(_, _, classes)| classes.shares()[1..].to_vec()).fold(0.0, f64::max);
        let top = if highest > 0.0 { 1.06 * highest } else { 1.0 };
        let y = |top: f64| Axis::new("share of all images, %").over((0.0, top));
        let words = Words::of(dataset).called(self.class_names());
        let names = Ticks::Names(vec![words.none(), words.some().into()]);
        let mut presence = Panel::new(title(&scores, &words), Axis::new("").ticks(names), y(100.0));
        let names = (1..11).map(|class| format!("≤ {}", 10 * class)).collect();
        let x = Axis::new(format!("{}, % of the image", words.some())).ticks(Ticks::Names(names));
        let how_much = if words.classes() == 1 { words.with("How much") } else { "How much".into() };
        let mut sizes = Panel::new(format!("{how_much}, where there is any"), x, y(top));
        for (i, (name, color, classes)) in series.iter().enumerate() {
            let place = (i, series.len());
            let empty = format!("{name}: {} without {}", count(classes.0[0]), words.some());
            presence = presence.layer(Layer::group(empty, *color, &classes.presence(), place));
            sizes = sizes.layer(Layer::group(*name, *color, &classes.shares()[1..], place));
        }
        side_by_side("coverage", vec![presence, sizes])
    }
}

fn title(scores: &[ImageScore], words: &Words) -> String {
    let start = words.start();
    match scores.iter().filter(|score| score.known.is_some()).count() {
        known if known > 0 && known < scores.len() => {
            format!("{start} or none ({}, {} with a mask)", images(scores.len()), count(known))
        }
        _ => format!("{start} or none ({})", images(scores.len())),
    }
}

/// Images of each class of coverage.
struct Classes([usize; 11]);

impl Classes {
    fn of(coverages: impl Iterator<Item = f64>) -> Classes {
        let mut classes = [0; 11];
        coverages.for_each(|coverage| classes[coverage_class(coverage)] += 1);
        Classes(classes)
    }

    fn images(&self) -> usize {
        self.0.iter().sum()
    }

    /// Per cent of all images.
    fn shares(&self) -> [f64; 11] {
        self.0.map(|images| 100.0 * images as f64 / self.images() as f64)
    }

    /// Per cent without and with salt.
    fn presence(&self) -> [f64; 2] {
        let none = self.shares()[0];
        [none, 100.0 - none]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_all_images() {
        let classes = Classes::of([0.0, 0.0, 0.0001, 0.1, 1.0].into_iter());
        assert_eq!(classes.0, [2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(classes.presence(), [40.0, 60.0]);
        assert_eq!((classes.shares()[1], classes.shares()[10]), (40.0, 20.0));
    }
}
