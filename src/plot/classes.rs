//! Several classes: how often each is there, how many an image has, and which come together.

use crate::plot::chart::{Axis, Heatmap, Layer, Panel, Plot, Scale, Sheet, Ticks};
use crate::plot::figure::Figure;
use crate::plot::style::{self, BLUE};
use crate::plot::text::count;
use crate::types::Dataset;
use crate::{Error, Result};

/// Height of the figure's plots.
const HEIGHT: i32 = 620;

impl Dataset {
    /// How many images have each class, how many classes an image has, and of the images with one class the share with each other
    /// one. The names are [`Dataset::class_names`], the colours those of the overlays.
    ///
    /// ```
    /// let salt = tgs_salt::Competition::sample()?;
    /// assert_eq!(salt.train.plot_classes()?.width(), 1900);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Figure`] when no image has a mask; as [`Dataset::class_areas`].
    pub fn plot_classes(&self) -> Result<Figure> {
        let names = self.class_names();
        let labels = Labels::of(self)?;
        let images = labels.with.len();
        let missing = self.len() - images;
        let left_out = if missing == 0 {
            String::new()
        } else {
            format!(", {} without a mask left out", count(missing))
        };
        let sheet = Sheet {
            what: "classes",
            title: format!("Classes of {} images{left_out}", count(images)),
            columns: 3,
            height: HEIGHT,
        };
        sheet.draw(&[
            labels.counts(names).into(),
            labels.per_image(names.len()).into(),
            Plot::from(labels.together(names)),
        ])
    }
}

/// Which classes each image with a mask has.
struct Labels {
    with: Vec<Vec<bool>>,
}

impl Labels {
    fn of(dataset: &Dataset) -> Result<Labels> {
        let areas = dataset.class_areas()?.into_iter().flatten();
        let with: Vec<Vec<bool>> = areas.map(|areas| areas.iter().map(|&area| area > 0).collect()).collect();
        if with.is_empty() {
            let why = "no image has a mask; use train, or masks by with_masks".into();
            return Err(Error::Figure { what: "classes".into(), why });
        }
        Ok(Labels { with })
    }

    /// How many images have all of these classes.
    fn support(&self, classes: &[usize]) -> usize {
        self.with.iter().filter(|with| classes.iter().all(|&class| with[class])).count()
    }

    fn counts(&self, names: &[String]) -> Panel {
        let layer = |class: usize| {
            let at = class as f64;
            Layer::bars(
                "",
                style::class_color(class),
                vec![[at - 0.4, at + 0.4, self.support(&[class]) as f64]],
            )
        };
        let axis = Axis::new("class").ticks(Ticks::Names(names.to_vec()));
        Panel::new("Images with each class", axis, Axis::new("images")).layers((0..names.len()).map(layer))
    }

    fn per_image(&self, classes: usize) -> Panel {
        let mut images = vec![0.0; classes + 1];
        for with in &self.with {
            images[with.iter().filter(|&&with| with).count()] += 1.0;
        }
        let names = (0..=classes).map(|number| number.to_string()).collect();
        let axis = Axis::new("classes in the image").ticks(Ticks::Names(names));
        Panel::new("Classes per image", axis, Axis::new("images")).layer(Layer::group(
            "",
            BLUE,
            &images,
            (0, 1),
        ))
    }

    fn together(&self, names: &[String]) -> Heatmap {
        let cell = |(row, column): (usize, usize)| {
            let share = self.support(&[row, column]) as f64 / self.support(&[row]) as f64;
            (share, if share.is_nan() { "–".into() } else { format!("{:.0} %", 100.0 * share) })
        };
        let classes = 0..names.len();
        let support = |class: usize| format!("{} ({})", names[class], count(self.support(&[class])));
        Heatmap {
            title: "Classes that come together".into(),
            columns: ("also has".into(), names.to_vec()),
            rows: ("image has (images)".into(), classes.clone().map(support).collect()),
            cells: classes
                .clone()
                .flat_map(|row| classes.clone().map(move |column| (row, column)))
                .map(cell)
                .collect(),
            scale: Scale { title: "share".into(), ends: ["0 %".into(), "100 %".into()] },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Image, Mask, Sample};

    #[test]
    fn images_are_counted_by_what_they_have() {
        let plane = |on: u8| Mask::new(1, 2, vec![on, 0]).unwrap();
        let sample = |(i, classes): (usize, &[u8; 3])| {
            let mask = Mask::stack(&classes.map(plane)).unwrap();
            Sample {
                id: i.to_string(),
                z: None,
                image: Image::new(1, 2, vec![0.1, 0.2]).unwrap(),
                mask: Some(mask),
            }
        };
        let classes = [[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 1, 0]];
        let dataset = Dataset::from_samples(classes.iter().enumerate().map(sample).collect()).unwrap();
        let labels = Labels::of(&dataset).unwrap();
        assert_eq!([0, 1, 2].map(|class| labels.support(&[class])), [3, 2, 0]);
        assert_eq!(labels.support(&[0, 1]), 2);
        let together = labels.together(dataset.class_names());
        assert_eq!(together.rows.1, ["class 1 (3)", "class 2 (2)", "class 3 (0)"]);
        let texts: Vec<&str> = together.cells.iter().map(|cell| cell.1.as_str()).collect();
        assert_eq!(texts, ["100 %", "67 %", "0 %", "100 %", "100 %", "0 %", "–", "–", "–"]);
        let none = dataset.samples().unwrap().into_iter().map(|s| Sample { mask: None, ..s }).collect();
        let line = Dataset::from_samples(none).unwrap().plot_classes().unwrap_err().to_string();
        assert!(line.contains("no image has a mask"), "{line}");
    }
}
