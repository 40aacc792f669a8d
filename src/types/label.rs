//! A mask as it is kept where there are many.

use crate::types::{Mask, Rle};
use crate::{Error, Result};

/// The runs of each class, 8 bytes each: of clouds at 350×525 pixels about 5 kB for four classes, which are 735 kB of pixels. Only a
/// mask of noise, as an untrained network gives, takes no less than its pixels.
#[derive(Clone)]
pub(crate) struct Label {
    rles: Vec<Rle>,
    height: usize,
    width: usize,
}

impl Label {
    pub(crate) fn of(mask: &Mask) -> Label {
        Label::of_planes(std::slice::from_ref(mask))
    }

    /// Of one mask or more of one size: the classes of all of them, in order.
    pub(crate) fn of_planes(masks: &[Mask]) -> Label {
        let (height, width) = masks.first().map_or((0, 0), |mask| (mask.height(), mask.width()));
        let planes = masks.iter().flat_map(Mask::planes);
        Label { rles: planes.map(|plane| Rle::of_plane(plane, height, width)).collect(), height, width }
    }

    /// The mask that it was made of.
    pub(crate) fn mask(&self) -> Mask {
        Mask::of_runs(self.height, self.width, &self.rles)
    }

    /// One class, counted from 0.
    ///
    /// # Errors
    /// [`Error::Config`] when there is no such class.
    pub(crate) fn class(&self, class: usize) -> Result<Label> {
        let Some(rle) = self.rles.get(class) else {
            let expected = format!("below the number of classes, {}", self.rles.len());
            return Err(Error::Config { field: "class", got: class.to_string(), expected });
        };
        Ok(Label { rles: vec![rle.clone()], ..*self })
    }

    /// The runs of each class.
    pub(crate) fn rles(&self) -> &[Rle] {
        &self.rles
    }

    /// Height and width.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.height, self.width)
    }

    /// The runs of each class, height and width.
    pub(super) fn into_runs(self) -> (Vec<Rle>, (usize, usize)) {
        (self.rles, (self.height, self.width))
    }

    /// True when no pixel is of any class.
    pub(crate) fn is_empty(&self) -> bool {
        self.rles.iter().all(Rle::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    #[test]
    fn masks_come_back_class_by_class() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for round in 0..2000 {
            let mut below = |n: usize| random.next_u32() as usize % n;
            let (height, width, classes) = (1 + below(70), 1 + below(20), 1 + below(4));
            let planes: Vec<Mask> = (0..classes)
                .map(|class| {
                    // Empty, sparse, dense and full ones.
                    let salt = [0, 3, 50, 97, 100][(round + class) % 5];
                    let pixels = (0..height * width).map(|_| u8::from(below(100) < salt)).collect();
                    Mask::new(height, width, pixels).unwrap()
                })
                .collect();
            let mask = Mask::stack(&planes).unwrap();
            let label = Label::of(&mask);
            assert!(label.mask() == mask && Label::of_planes(&planes).mask() == mask, "{mask:?}");
            assert_eq!(label.is_empty(), mask.is_empty());
            for (class, plane) in planes.iter().enumerate() {
                assert!(label.class(class).unwrap().mask() == *plane, "class {class} of {mask:?}");
                assert_eq!(label.rles()[class], plane.to_rle());
            }
            assert!(matches!(label.class(classes), Err(Error::Config { field: "class", .. })));
        }
    }
}
