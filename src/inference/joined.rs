//! Parts of what was predicted, and parts joined.

use crate::inference::Probabilities;
use crate::types::{common_names, numbered};
use crate::{Error, Result};
use std::collections::HashMap;

impl Probabilities {
    /// The probabilities of these images, in the order of the ids as in a dataset.
    ///
    /// # Errors
    /// [`Error::Id`] when one was not predicted, or is given twice.
    pub fn select(&self, ids: &[&str]) -> Result<Probabilities> {
        let places: HashMap<&str, usize> = self.ids.iter().map(String::as_str).zip(0..).collect();
        let place = |id: &&str| {
            places.get(id).map(|&at| (self, at)).ok_or_else(|| Error::Id {
                id: id.to_string(),
                why: "was not predicted; `ids` lists those that were".into(),
            })
        };
        let chosen = of_images(self.class_names(), ids.iter().map(place).collect::<Result<_>>()?)?;
        Ok(chosen.with_submission_format(self.submission_format()))
    }

    /// The probabilities of different images together, in the order of their ids as in a dataset: of the folds of a
    /// cross-validation, say. Classes are called as in the first, or where nobody has named those as in the first that has names.
    ///
    /// # Errors
    /// [`Error::Id`] when an id is there twice; [`Error::Shape`] when they have other classes.
    pub fn join(all: &[Probabilities]) -> Result<Probabilities> {
        let names = all.iter().filter(|one| !one.is_empty()).map(Probabilities::class_names);
        let names = names_of_all("joined probabilities", names)?;
        let images = all.iter().flat_map(|one| (0..one.len()).map(move |at| (one, at))).collect();
        let joined = of_images(&names, images)?;
        Ok(joined
            .with_submission_format(all.first().map(Probabilities::submission_format).unwrap_or_default()))
    }
}

/// The names of the classes of all: those of the first, or where nobody has named these those of the first that has names.
///
/// # Errors
/// [`Error::Shape`] when they are other classes.
pub(super) fn names_of_all<'a>(
    what: &str,
    mut all: impl Iterator<Item = &'a [String]>,
) -> Result<Vec<String>> {
    let Some(mut names) = all.next() else { return Ok(numbered(1)) };
    for other in all {
        names = common_names(names, other).ok_or_else(|| Error::Shape {
            what: what.into(),
            expected: format!("of the classes {} as those of the first", names.join(", ")),
            got: other.join(", "),
            hint: "put together what models of the same classes predicted".into(),
        })?;
    }
    Ok(names.to_vec())
}

/// Single images of these classes, sorted by id.
pub(super) fn of_images(names: &[String], mut images: Vec<(&Probabilities, usize)>) -> Result<Probabilities> {
    images.sort_by(|(a, i), (b, j)| a.ids[*i].cmp(&b.ids[*j]));
    let ids: Vec<String> = images.iter().map(|(all, at)| all.ids[*at].clone()).collect();
    if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
        let why = "is there twice; expected different images".into();
        return Err(Error::Id { id: pair[0].clone(), why });
    }
    let classes = names.len();
    images.iter().try_for_each(|(all, _)| all.check_unedited())?;
    let places = |at: usize| at * classes..(at + 1) * classes;
    let maps = images.iter().flat_map(|(all, at)| all.maps()[places(*at)].to_vec()).collect();
    let head = |(all, at): &(&Probabilities, usize)| all.head().map(|head| head[places(*at)].to_vec());
    let presence = images.iter().map(head).collect::<Option<Vec<_>>>().map(|heads| heads.concat());
    Ok(Probabilities::new(ids, maps).with_class_names(names).with_presence(presence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::Masks;
    use crate::postprocess::Crf;
    use crate::types::{Dataset, Image, Sample};

    fn named(ids: &[&str], p: f32) -> Probabilities {
        let image = Image { height: 1, width: 2, pixels: vec![p, 1.0 - p] };
        let ids: Vec<String> = ids.iter().map(|id| id.to_string()).collect();
        let (maps, presence) = (vec![image; ids.len()], vec![p; ids.len()]);
        Probabilities::new(ids, maps).with_presence(Some(presence))
    }

    #[test]
    fn joined_probabilities_are_in_the_order_of_the_ids() {
        let joined = Probabilities::join(&[named(&["b", "d"], 0.25), named(&["a", "c"], 0.75)]).unwrap();
        assert_eq!(joined.ids, ["a", "b", "c", "d"]);
        assert_eq!(joined.presence_head(), Some(vec![0.75, 0.25, 0.75, 0.25]));
        assert_eq!(joined.get("b").unwrap().pixels, [0.25, 0.75]);
        let twice = Probabilities::join(&[named(&["a"], 0.5), named(&["a"], 0.5)]);
        assert!(matches!(twice, Err(Error::Id { id, .. }) if id == "a"));
        assert!(Probabilities::join(&[]).unwrap().is_empty());
    }

    #[test]
    fn only_the_same_classes_go_together() {
        let one = |id: &str, names: &[&str]| {
            let map = Image { height: 1, width: 2, pixels: vec![0.25, 0.75] };
            let maps = vec![map; names.len()];
            let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            Probabilities::new(vec![id.into()], maps).with_class_names(&names)
        };
        let (named, unnamed) = (one("b", &["fish", "sugar"]), one("a", &["class 1", "class 2"]));
        let others = [one("a", &["fish", "gravel"]), one("a", &["sugar", "fish"]), one("a", &["fish"])];
        let refused = |result: Result<Vec<String>>| {
            let line = result.unwrap_err().to_string();
            assert!(line.contains("of the classes fish, sugar as those of the first, got"), "{line}");
        };
        let renamed = |all: &Probabilities| {
            let mut renamed = all.clone();
            renamed.ids = vec!["b".into()];
            renamed
        };
        let names = |all: Probabilities| all.class_names().to_vec();
        let cut = |all: &Probabilities| all.threshold(0.5).unwrap();
        for other in &others {
            refused(Probabilities::join(&[named.clone(), other.clone()]).map(names));
            let same_id = renamed(other);
            refused(named.replace(&same_id).map(names));
            refused(Probabilities::mean(&[named.clone(), same_id.clone()]).map(names));
            let vote = Masks::vote(&[cut(&named), cut(&same_id)]);
            refused(vote.map(|masks| masks.class_names().to_vec()));
        }
        for pair in [[named.clone(), unnamed.clone()], [unnamed.clone(), named.clone()]] {
            assert_eq!(Probabilities::join(&pair).unwrap().class_names(), named.class_names());
            let pair = pair.map(|one| renamed(&one));
            assert_eq!(pair[0].replace(&pair[1]).unwrap().class_names(), named.class_names());
            assert_eq!(Probabilities::mean(&pair).unwrap().class_names(), named.class_names());
            let vote = Masks::vote(&[cut(&pair[0]), cut(&pair[1])]).unwrap();
            assert_eq!(vote.class_names(), named.class_names());
        }
        assert_eq!(named.select(&[]).unwrap().class_names(), named.class_names());
        let empty = Probabilities::join(&[]).unwrap();
        assert_eq!(Probabilities::join(&[empty, named.clone()]).unwrap().len(), 1);
    }

    #[test]
    fn a_part_has_the_images_asked_for() {
        let all = Probabilities::join(&[named(&["b", "d"], 0.25), named(&["a", "c"], 0.75)]).unwrap();
        let part = all.select(&["d", "a"]).unwrap();
        assert_eq!(part.ids, ["a", "d"]);
        assert_eq!(part.presence_head(), Some(vec![0.75, 0.25]));
        assert!(matches!(all.select(&["e"]), Err(Error::Id { id, .. }) if id == "e"));
        assert!(matches!(all.select(&["a", "a"]), Err(Error::Id { id, .. }) if id == "a"));
    }

    #[test]
    fn edited_ids_are_one_line() {
        let mut all = named(&["a", "b"], 0.25);
        all.ids.push("c".into());
        assert!(matches!(all.get("a"), Err(Error::Shape { .. })));
        assert!(matches!(all.select(&["c"]), Err(Error::Shape { .. })));
        assert!(matches!(Probabilities::join(std::slice::from_ref(&all)), Err(Error::Shape { .. })));
        assert!(matches!(all.threshold(0.5), Err(Error::Shape { .. })));
        let mut masks = named(&["a", "b"], 0.25).threshold(0.5).unwrap();
        masks.ids.push("d".into());
        assert!(matches!(masks.get("a"), Err(Error::Shape { .. })));
        assert!(matches!(Masks::vote(std::slice::from_ref(&masks)), Err(Error::Shape { .. })));
        let image = |id: &str| Sample { id: id.into(), z: None, image: all.maps()[0].clone(), mask: None };
        let images = Dataset::from_samples(masks.ids.iter().map(|id| image(id)).collect()).unwrap();
        assert!(matches!(masks.refine(&images, &Crf::default()), Err(Error::Shape { .. })));
        assert!(matches!(masks.image_scores(&images), Err(Error::Shape { .. })));
    }

    #[test]
    fn a_removed_id_moves_no_mask_to_another_image() {
        let whole = named(&["a", "b"], 0.25);
        let sample = |id: &str| {
            let image = whole.maps()[0].clone();
            Sample { id: id.into(), z: None, mask: Some(image.threshold(0.5).unwrap()), image }
        };
        let b = Dataset::from_samples(vec![sample("b")]).unwrap();
        let (mut masks, mut all) = (whole.threshold(0.5).unwrap(), whole.clone());
        masks.ids.remove(0);
        all.ids.remove(0);
        let folder = tempfile::tempdir().unwrap();
        let errors = [
            masks.submit(folder.path().join("submission.csv")).err(),
            masks.get("b").err(),
            masks.mean_precision(&b).err(),
            masks.choose_components(&b).err(),
            b.with_masks(&masks).err(),
            all.get("b").err(),
            all.evaluate(&b).err(),
            all.refine(&b, &Crf::default()).err(),
            Probabilities::mean(&[all.clone(), all]).err(),
        ];
        for (i, error) in errors.into_iter().enumerate() {
            assert!(matches!(error, Some(Error::Shape { .. })), "{i}: {error:?}");
        }
    }
}
