//! Mixup (Zhang et al. 2017, <https://arxiv.org/abs/1710.09412>): images and targets of a batch, two by two.

use super::Augment;
use super::draws::{Draws, Stream, beta};

/// How the samples of an epoch are mixed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mixup {
    alpha: f64,
    seed: u64,
    epoch: usize,
}

impl Augment {
    /// Of one epoch; none where it is off.
    pub(crate) fn mixing(&self, seed: u64, epoch: usize) -> Option<Mixup> {
        (self.mixup > 0.0).then_some(Mixup { alpha: self.mixup, seed, epoch })
    }
}

impl Mixup {
    /// The share of the sample at `index` of the dataset in its mix.
    pub(crate) fn share(&self, index: usize) -> f32 {
        let draws = Draws::new(self.seed, self.epoch, index, 1.0);
        beta(&mut draws.start_of(Stream::Mixup), self.alpha) as f32
    }
}

/// Each of `all` mixed with the next one, the last with the first: `share` of its own values, the rest of the other's. The order of
/// a batch is random already, so the next one is a random one.
pub(crate) fn mix(all: &[Vec<f32>], shares: &[f32]) -> Vec<Vec<f32>> {
    let next = all.iter().cycle().skip(1);
    let blend = |((own, next), &share): ((&Vec<f32>, &Vec<f32>), &f32)| {
        own.iter().zip(next).map(|(own, next)| share * own + (1.0 - share) * next).collect()
    };
    all.iter().zip(next).zip(shares).map(blend).collect()
}
