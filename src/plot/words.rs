//! What captions call what the masks show: salt, another class by its name, or several classes.

use crate::plot::colormap::Colormap;
use crate::plot::style::{self, Legend, Sign};
use crate::plot::text::{feet, percent};
use crate::types::{Dataset, Mask, Sample, numbered};

/// The words of a figure.
pub(crate) struct Words {
    /// Of the classes, at least one.
    names: Vec<String>,
    has_depths: bool,
}

impl Words {
    pub(crate) fn of(dataset: &Dataset) -> Words {
        let has_depths = dataset.entries().any(|entry| entry.z.is_some());
        Words { names: dataset.class_names().to_vec(), has_depths }
    }

    /// Of one sample, which does not know what its classes are called.
    pub(crate) fn of_sample(sample: &Sample) -> Words {
        let classes = sample.mask.as_ref().map_or(1, Mask::classes);
        Words { names: numbered(classes), has_depths: sample.z.is_some() }
    }

    /// The same, the classes so called.
    pub(crate) fn called(self, names: &[String]) -> Words {
        Words { names: names.to_vec(), ..self }
    }

    /// The only class.
    fn one(&self) -> Option<&str> {
        match &self.names[..] {
            [name] => Some(name),
            _ => None,
        }
    }

    pub(crate) fn is_salt(&self) -> bool {
        self.one() == Some("salt")
    }

    pub(crate) fn classes(&self) -> usize {
        self.names.len()
    }

    /// `salt`, `Fish`, `any class`.
    pub(crate) fn some(&self) -> &str {
        self.one().unwrap_or("any class")
    }

    /// As [`Words::some`], at the start of a title.
    pub(crate) fn start(&self) -> String {
        let mut letters = self.some().chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
    }

    /// `no salt`, `no Fish`, `nothing`.
    pub(crate) fn none(&self) -> String {
        self.one().map_or("nothing".into(), |name| format!("no {name}"))
    }

    /// `predicted salt`, `predicted Fish`, `predicted classes`.
    pub(crate) fn with(&self, adjective: &str) -> String {
        format!("{adjective} {}", self.one().unwrap_or("classes"))
    }

    /// `salt pixels`, `pixels of Fish`.
    pub(crate) fn pixels(&self) -> String {
        if self.is_salt() { "salt pixels".into() } else { format!("pixels of {}", self.some()) }
    }

    /// `12.3 % salt`, `Fish 12.3 %`, of several classes `12.3 %`.
    pub(crate) fn share(&self, share: f64) -> String {
        match self.one() {
            Some("salt") => format!("{} salt", percent(share)),
            Some(name) => format!("{name} {}", percent(share)),
            None => percent(share),
        }
    }

    /// How much there is of one class; of several which there are: `Fish · Sugar`.
    pub(crate) fn mask(&self, mask: &Mask) -> String {
        match self.one() {
            _ if mask.is_empty() => self.none(),
            Some(_) => self.share(mask.coverage()),
            None => {
                let there = self.names.iter().zip(mask.planes()).filter(|(_, plane)| plane.contains(&1));
                there.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" · ")
            }
        }
    }

    /// Nothing where no image of the dataset has a depth.
    pub(crate) fn depth(&self, z: Option<f32>) -> Option<String> {
        z.map(feet).or_else(|| self.has_depths.then(|| "depth unknown".into()))
    }

    /// What is known of a sample: how much salt or which classes, how deep.
    pub(crate) fn describe(&self, sample: &Sample) -> String {
        let mask = sample.mask.as_ref().map(|mask| self.mask(mask));
        mask.into_iter().chain(self.depth(sample.z)).collect::<Vec<_>>().join(" · ")
    }

    /// What the outlines are.
    pub(crate) fn legend(&self, colors: Colormap) -> Vec<Legend> {
        let entry = |(class, name): (usize, &String)| {
            let color = if self.classes() == 1 { style::truth(colors) } else { style::class_color(class) };
            Legend::new(Sign::Line(color), name)
        };
        self.names.iter().enumerate().map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Image;

    fn dataset(names: &[&str], z: Option<f32>, on: [u8; 2]) -> Dataset {
        let plane = |on: u8| Mask::new(1, 4, vec![on, 0, 0, 0]).unwrap();
        let planes: Vec<Mask> = on[..names.len()].iter().map(|&on| plane(on)).collect();
        let sample = |id: &str, z: Option<f32>| Sample {
            id: id.into(),
            z,
            image: Image::new(1, 4, vec![0.5; 4]).unwrap(),
            mask: Some(Mask::stack(&planes).unwrap()),
        };
        let all = Dataset::from_samples(vec![sample("a", None), sample("b", z)]).unwrap();
        all.with_class_names(names).unwrap()
    }

    fn described(names: &[&str], z: Option<f32>, on: [u8; 2]) -> [String; 2] {
        let all = dataset(names, z, on);
        [0, 1].map(|i| Words::of(&all).describe(&all.get(i).unwrap()))
    }

    #[test]
    fn salt_is_salt_and_other_classes_have_their_names() {
        let unknown = |text: &str| [format!("{text} · depth unknown"), format!("{text} · 306 ft")];
        assert_eq!(described(&["salt"], Some(306.0), [1, 0]), unknown("25.0 % salt"));
        assert_eq!(described(&["salt"], Some(306.0), [0, 0]), unknown("no salt"));
        assert_eq!(described(&["Fish"], None, [1, 0]), ["Fish 25.0 %"; 2]);
        assert_eq!(described(&["Fish"], None, [0, 0]), ["no Fish"; 2]);
        assert_eq!(described(&["Fish", "Sugar"], None, [1, 1]), ["Fish · Sugar"; 2]);
        assert_eq!(described(&["Fish", "Sugar"], None, [0, 1]), ["Sugar"; 2]);
        assert_eq!(described(&["Fish", "Sugar"], None, [0, 0]), ["nothing"; 2]);
    }

    #[test]
    fn words_fit_into_titles() {
        let words = |names: &[&str]| Words::of(&dataset(names, None, [1, 1]));
        let all = |words: Words| {
            let parts =
                [words.some().into(), words.start(), words.none(), words.with("true"), words.pixels()];
            parts.join(", ")
        };
        assert_eq!(all(words(&["salt"])), "salt, Salt, no salt, true salt, salt pixels");
        assert_eq!(all(words(&["fish"])), "fish, Fish, no fish, true fish, pixels of fish");
        assert_eq!(
            all(words(&["Fish", "Sugar"])),
            "any class, Any class, nothing, true classes, pixels of any class"
        );
    }
}
