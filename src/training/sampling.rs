//! Which images an epoch has.

use crate::training::TrainConfig;
use crate::types::{Dataset, Sample};
use crate::{Error, Result};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

/// Which images an epoch has, for [`TrainConfig::sampling`](crate::TrainConfig::sampling).
///
/// | Sampling | An epoch is |
/// |---|---|
/// | `Shuffled` | every image once |
/// | `Balanced` | as many draws as there are images, by turns one with each class and one without any |
///
/// Balanced is class-aware sampling (Shen, Lin and Huang 2016, <https://arxiv.org/abs/1512.05830>) of images that may have several
/// classes, or none. There is a list of the images with each class, and one of those without any class, where there are such
/// images. Draws go through the lists in turn, so that each gives as many as the others, but for one; each list is shuffled, and
/// shuffled anew when it is used up: of a list, no image comes twice before all have come once. (PyTorch's
/// `WeightedRandomSampler` draws each time from all, and leaves that to chance.) Then the order of the epoch is shuffled.
///
/// An epoch is no pass over the dataset then: images of rare classes come several times, each time augmented differently, and
/// some of the others do not come at all; the lists start afresh with each epoch, in another order. An image with two classes
/// is in two lists. A list of very few images is learnt by heart: look at `Dataset::plot_classes` first.
///
/// ```
/// use tgs_salt::prelude::*;
/// let config = TrainConfig::default().sampling(Sampling::Balanced);
/// assert_eq!(TrainConfig::default().sampling, Sampling::Shuffled);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// Every image once, in an order that is shuffled for each epoch.
    #[default]
    Shuffled,
    /// Images with each class, and without any, equally often.
    Balanced,
}

/// Far from what the order of an epoch takes of its stream.
const DRAWS: u128 = 1 << 48;

/// What is trained on, and which images have which class, which is looked up once for a run.
pub(super) struct TrainingSet {
    dataset: Dataset,
    /// Of balanced sampling.
    groups: Option<Vec<Vec<usize>>>,
}

impl TrainingSet {
    /// # Errors
    /// [`Error::Id`] when classes count and an image has no mask; as [`Dataset::class_areas`].
    pub(super) fn new(dataset: &Dataset, config: &TrainConfig) -> Result<TrainingSet> {
        let groups = match config.sampling {
            Sampling::Shuffled => None,
            Sampling::Balanced => Some(groups(dataset)?),
        };
        Ok(TrainingSet { dataset: dataset.clone(), groups })
    }

    /// How many draws an epoch has: as many as there are images.
    pub(super) fn len(&self) -> usize {
        self.dataset.len()
    }

    /// The image of each draw of an epoch, before their order is shuffled.
    pub(super) fn draws(&self, seed: u64, epoch: usize) -> Vec<usize> {
        match &self.groups {
            None => (0..self.len()).collect(),
            Some(groups) => in_turn(groups, self.len(), &mut stream(seed, epoch, DRAWS)),
        }
    }

    pub(super) fn id(&self, image: usize) -> &str {
        self.dataset.id(image)
    }

    pub(super) fn get(&self, image: usize) -> Result<Sample> {
        self.dataset.get(image)
    }
}

/// In which order the draws of an epoch come.
pub(super) fn shuffled(len: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    order.shuffle(&mut stream(seed, epoch, 0));
    order
}

fn stream(seed: u64, epoch: usize, from: u128) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream((epoch as u64) << 32);
    random.set_word_pos(from);
    random
}

/// The images with each class, and at last those without any; groups without an image are left out.
fn groups(dataset: &Dataset) -> Result<Vec<Vec<usize>>> {
    let classes = dataset.class_names().len();
    let mut groups = vec![vec![]; classes + 1];
    let present: Vec<Option<Vec<bool>>> = match classes {
        // Of one class it is remembered.
        1 => dataset.coverages()?.into_iter().map(|mask| mask.map(|coverage| vec![coverage > 0.0])).collect(),
        _ => {
            let any = |areas: Vec<usize>| areas.into_iter().map(|area| area > 0).collect();
            dataset.class_areas()?.into_iter().map(|areas| areas.map(any)).collect()
        }
    };
    for (i, present) in present.into_iter().enumerate() {
        let Some(present) = present else {
            let id = dataset.ids().swap_remove(i);
            let why = "has no mask, so that balanced sampling cannot know its classes";
            return Err(Error::Id { id, why: why.into() });
        };
        let none = !present.contains(&true);
        let lists = groups.iter_mut().zip(present.into_iter().chain([none]));
        lists.filter(|(_, is_there)| *is_there).for_each(|(group, _)| group.push(i));
    }
    groups.retain(|group| !group.is_empty());
    Ok(groups)
}

/// `count` images, from the groups in turn. Which groups are drawn from once more than others is a matter of chance.
fn in_turn(groups: &[Vec<usize>], count: usize, random: &mut ChaCha8Rng) -> Vec<usize> {
    let mut lists: Vec<(&Vec<usize>, Vec<usize>)> = groups.iter().map(|group| (group, vec![])).collect();
    lists.shuffle(random);
    let mut draws = Vec::with_capacity(count);
    for turn in 0..count {
        let at = turn % lists.len().max(1);
        let Some((group, left)) = lists.get_mut(at) else { break };
        if left.is_empty() {
            left.clone_from(group);
            left.shuffle(random);
        }
        draws.extend(left.pop());
    }
    draws
}

#[cfg(test)]
#[path = "sampling_tests.rs"]
mod tests;
