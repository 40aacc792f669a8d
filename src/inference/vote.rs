//! The vote of several models' masks.

use crate::Result;
use crate::inference::Masks;
use crate::inference::mean::disagree;
use crate::types::{Label, Mask};
use rayon::prelude::*;

const WHAT: &str = "vote of masks";

impl Masks {
    /// Of several models' masks of the same images the one on which more than half of the models agree, pixel by pixel and class
    /// by class; half of them are not enough. [`Ensemble::predict_each`](crate::Ensemble::predict_each) gives what each predicts;
    /// [`Probabilities::mean`](crate::Probabilities::mean) also knows how sure each is.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, few) = Competition::sample()?.train.split(0.01, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let [low, mid, high] = [0.3, 0.5, 0.7].map(|threshold| model.predict(&few)?.threshold(threshold));
    /// let (low, mid, high) = (low?, mid?, high?);
    /// assert_eq!(Masks::vote(&[low, mid.clone(), high])?.get(&few.ids()[0])?, mid.get(&few.ids()[0])?);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) without any, or when ids, classes or sizes differ.
    pub fn vote(all: &[Masks]) -> Result<Masks> {
        let Some(first) = all.first() else {
            return Err(disagree(WHAT, "at least one model's", "none"));
        };
        if all.iter().any(|one| one.ids != first.ids) {
            return Err(disagree(WHAT, "the same ids in the same order in each", "different ids"));
        }
        all.iter().try_for_each(Masks::check_unedited)?;
        let one = |i: usize| of_image(&all.iter().map(|one| one.labels()[i].mask()).collect::<Vec<_>>());
        let labels = (0..first.len()).into_par_iter().map(|i| Ok(Label::of(&one(i)?)));
        Ok(first.with_labels(labels.collect::<Result<_>>()?))
    }
}

/// One image's masks, at least one.
fn of_image(masks: &[Mask]) -> Result<Mask> {
    let size = |mask: &Mask| (mask.classes(), mask.height(), mask.width());
    if masks.iter().any(|mask| size(mask) != size(&masks[0])) {
        return Err(disagree(WHAT, "masks of the same classes and size", "different ones"));
    }
    let mut others = masks[1..].iter().map(Mask::planes).collect::<Vec<_>>();
    masks[0].map_planes((masks[0].height(), masks[0].width()), |plane| {
        let mut votes: Vec<usize> = plane.iter().map(|&p| usize::from(p)).collect();
        for plane in others.iter_mut().filter_map(Iterator::next) {
            votes.iter_mut().zip(plane).for_each(|(votes, &p)| *votes += usize::from(p));
        }
        votes.iter().map(|votes| u8::from(2 * votes > masks.len())).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn masks(id: &str, planes: &[[u8; 4]]) -> Masks {
        let planes: Vec<Mask> = planes.iter().map(|p| Mask::new(2, 2, p.to_vec()).unwrap()).collect();
        let names = (0..planes.len()).map(|i| i.to_string()).collect();
        let mask = if planes.len() == 1 { planes[0].clone() } else { Mask::stack(&planes).unwrap() };
        Masks::new(vec![id.into()], Arc::new(names), vec![Label::of(&mask)], None)
    }

    #[test]
    fn more_than_half_decide_pixel_by_pixel_and_class_by_class() {
        let all = [
            masks("a", &[[1, 1, 0, 0], [1, 0, 0, 1]]),
            masks("a", &[[1, 0, 1, 0], [1, 0, 0, 0]]),
            masks("a", &[[1, 1, 0, 0], [0, 1, 0, 1]]),
        ];
        let voted = Masks::vote(&all).unwrap().get("a").unwrap();
        assert_eq!(voted.class(0).unwrap().pixels(), [1, 1, 0, 0]);
        assert_eq!(voted.class(1).unwrap().pixels(), [1, 0, 0, 1]);
        let tie = Masks::vote(&all[..2]).unwrap().get("a").unwrap();
        assert_eq!(tie.class(0).unwrap().pixels(), [1, 0, 0, 0]);
        assert_eq!(Masks::vote(&all[..1]).unwrap().get("a").unwrap(), all[0].get("a").unwrap());
    }

    #[test]
    fn only_masks_of_the_same_images_vote() {
        let one = masks("a", &[[1, 1, 0, 0]]);
        assert!(Masks::vote(&[]).is_err());
        let two_classes = masks("a", &[[1, 1, 0, 0], [1, 0, 0, 1]]);
        for other in [masks("b", &[[1, 1, 0, 0]]), two_classes] {
            let line = Masks::vote(&[one.clone(), other]).unwrap_err().to_string();
            assert!(line.starts_with("vote of masks: expected"), "{line}");
        }
    }
}
