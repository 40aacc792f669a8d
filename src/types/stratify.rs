//! Which samples go where, so that every class is in its proportion on both sides.
//!
//! Everything here is integers from ChaCha8 and a fixed order, so a seed gives the same split on every platform.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};

/// What the two sides of a split, or the folds of a cross-validation, have in common.
///
/// ```
/// use tgs_salt::prelude::*;
/// let salt = Competition::sample()?;
/// let (train, valid) = salt.train.split_by(0.2, Stratify::CoverageAndDepth, 42)?;
/// assert_eq!((train.len(), valid.len()), (320, 80));
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stratify {
    /// The share of salt, by [`coverage_class`](super::coverage_class).
    #[default]
    Coverage,
    /// The depth, by tenths of the samples; those without a depth are a class of their own. Needs no masks.
    Depth,
    /// The share of salt, and the depth within each class of it: as many classes of depth, ten at most, as leave 20
    /// samples in each.
    CoverageAndDepth,
}

/// Into how many classes depths are divided at most.
const DEPTH_CLASSES: usize = 10;

/// How many samples a class of coverage and depth has at least: fewer, and a fifth of them is a matter of chance again.
const LEAST_IN_CELL: usize = 20;

/// The class of depth of each sample: its tenth, or 10 without a depth. Equal depths are of one class.
pub(crate) fn depth_classes(depths: &[Option<f32>]) -> Vec<usize> {
    quantile_classes(depths, DEPTH_CLASSES)
}

/// Classes of coverage divided further by depth, each by quantiles of its own.
pub(crate) fn divide_by_depth(classes: &[usize], depths: &[Option<f32>]) -> Vec<usize> {
    let mut cells = vec![0; classes.len()];
    for class in 0..=classes.iter().max().copied().unwrap_or(0) {
        let members: Vec<usize> = (0..classes.len()).filter(|&i| classes[i] == class).collect();
        let depths: Vec<Option<f32>> = members.iter().map(|&i| depths[i]).collect();
        let known = depths.iter().flatten().count();
        let within = quantile_classes(&depths, (known / LEAST_IN_CELL).clamp(1, DEPTH_CLASSES));
        for (i, within) in members.into_iter().zip(within) {
            // Cells of one class of coverage follow each other, so `deal` keeps those classes even too.
            cells[i] = class * (DEPTH_CLASSES + 1) + within;
        }
    }
    cells
}

/// The class of each depth among `classes` of about one size, or [`DEPTH_CLASSES`] without a depth.
fn quantile_classes(depths: &[Option<f32>], classes: usize) -> Vec<usize> {
    let mut sorted: Vec<f32> = depths.iter().flatten().copied().collect();
    sorted.sort_by(f32::total_cmp);
    let edges: Vec<f32> =
        (1..classes).filter_map(|class| sorted.get(class * sorted.len() / classes).copied()).collect();
    let class = |z: f32| edges.partition_point(|&edge| edge <= z);
    depths.iter().map(|z| z.map_or(DEPTH_CLASSES, class)).collect()
}

/// For each sample, true where it is held out. `0 < fraction < 1`, at least two samples.
///
/// `round(fraction · n)` samples are held out, shared over the classes in proportion. A class with two or more members
/// keeps at least one on either side, wherever the held-out side has room for one of each class.
pub(crate) fn hold_out(classes: &[usize], fraction: f64, seed: u64) -> Vec<bool> {
    let members = shuffled_members(classes, seed);
    let mut held = vec![false; classes.len()];
    for (class, &quota) in members.iter().zip(&quotas(&members, classes.len(), fraction)) {
        for &i in &class[..quota] {
            held[i] = true;
        }
    }
    held
}

/// For each sample the number of its fold, `0..k`. The classes are dealt out like cards, one after the other, so the
/// folds differ by at most one sample, and a class with two or more members is never in one fold alone.
pub(crate) fn deal(classes: &[usize], k: usize, seed: u64) -> Vec<usize> {
    let mut fold = vec![0; classes.len()];
    for (card, &i) in shuffled_members(classes, seed).iter().flatten().enumerate() {
        fold[i] = card % k;
    }
    fold
}

/// How many members of each class are held out.
fn quotas(members: &[Vec<usize>], samples: usize, fraction: f64) -> Vec<usize> {
    let sizes: Vec<usize> = members.iter().map(Vec::len).collect();
    // At least and at most so many of a class: one stays on either side, a lone member goes to either.
    let least: Vec<usize> = sizes.iter().map(|&size| usize::from(size >= 2)).collect();
    let most: Vec<usize> = sizes.iter().zip(&least).map(|(&size, &one)| size - one).collect();
    let fair: Vec<f64> = sizes.iter().map(|&size| fraction * size as f64).collect();
    let mut quota: Vec<usize> =
        (0..sizes.len()).map(|class| (fair[class] as usize).clamp(least[class], most[class])).collect();
    let target = ((fraction * samples as f64).round() as usize).clamp(1, samples - 1);
    // The class that has most below its fair share; the lowest class on a tie.
    let by_excess = |quota: &[usize], a: usize, b: usize| {
        (quota[a] as f64 - fair[a]).total_cmp(&(quota[b] as f64 - fair[b]))
    };
    for _ in quota.iter().sum::<usize>()..target {
        let open = (0..sizes.len()).filter(|&class| quota[class] < most[class]);
        let Some(class) = open.min_by(|&a, &b| by_excess(&quota, a, b)) else { break };
        quota[class] += 1;
    }
    for _ in target..quota.iter().sum() {
        // With fewer places than classes, some class has to do without.
        let floor = if (0..sizes.len()).any(|class| quota[class] > least[class]) {
            &least
        } else {
            &vec![0; sizes.len()]
        };
        let open = (0..sizes.len()).rev().filter(|&class| quota[class] > floor[class]);
        let Some(class) = open.max_by(|&a, &b| by_excess(&quota, a, b)) else { break };
        quota[class] -= 1;
    }
    quota
}

/// The samples of each class, classes ascending, shuffled within the class.
fn shuffled_members(classes: &[usize], seed: u64) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); classes.iter().max().map_or(0, |max| max + 1)];
    for (i, &class) in classes.iter().enumerate() {
        members[class].push(i);
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    members.iter_mut().for_each(|class| shuffle(class, &mut random));
    members
}

/// Puts items into a random order (Fisher and Yates).
pub(super) fn shuffle<T>(items: &mut [T], random: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        // A 32-bit draw scaled to 0..=last: the bias is below 2⁻³² · n, and no library may change it.
        let draw = (u64::from(random.next_u32()) * (last as u64 + 1)) >> 32;
        items.swap(last, draw as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Classes as they come: many empty, few full, sometimes a class of one or two.
    fn random_classes(random: &mut ChaCha8Rng) -> Vec<usize> {
        let samples = 2 + random.next_u32() as usize % 300;
        (0..samples).map(|_| (random.next_u32() % 11).min(random.next_u32() % 14) as usize).collect()
    }

    fn count(classes: &[usize], class: usize, side: impl Fn(usize) -> bool) -> usize {
        (0..classes.len()).filter(|&i| classes[i] == class && side(i)).count()
    }

    #[test]
    fn split_keeps_classes_and_fraction() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for round in 0..500 {
            let classes = random_classes(&mut random);
            let fraction = [0.1, 0.2, 0.25, 0.5][round % 4];
            let held = hold_out(&classes, fraction, round as u64);
            let valid = held.iter().filter(|&&h| h).count();
            let target = ((fraction * classes.len() as f64).round() as usize).max(1);
            assert_eq!(valid, target.min(classes.len() - 1), "round {round}");
            let shared = (0..11).filter(|&c| count(&classes, c, |_| true) >= 2).count();
            for class in 0..11 {
                let size = count(&classes, class, |_| true);
                let share = count(&classes, class, |i| held[i]);
                assert!(size < 2 || share < size, "class {class} of {size} lost from train in round {round}");
                assert!(
                    size < 2 || share > 0 || target < shared,
                    "class {class} lost from valid in round {round}"
                );
            }
        }
    }

    #[test]
    fn every_class_gets_its_share() {
        let classes: Vec<usize> = (0..1000).map(|i| if i < 390 { 0 } else { 1 + i % 10 }).collect();
        for fraction in [0.05, 0.2, 1.0 / 3.0, 0.5, 0.8] {
            let held = hold_out(&classes, fraction, 9);
            for class in 0..11 {
                let fair = fraction * count(&classes, class, |_| true) as f64;
                let share = count(&classes, class, |i| held[i]) as f64;
                assert!((share - fair).abs() < 1.0, "class {class}: {share} instead of {fair}");
            }
        }
        // Ten lone members: half of them go to either side.
        let lone: Vec<usize> = (0..10).collect();
        assert_eq!(hold_out(&lone, 0.5, 1).iter().filter(|&&h| h).count(), 5);
    }

    #[test]
    fn folds_are_even_and_no_class_sits_in_one() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        for round in 0..300 {
            let classes = random_classes(&mut random);
            let k = 2 + round % 9;
            let fold = deal(&classes, k, round as u64);
            let sizes: Vec<usize> = (0..k).map(|f| fold.iter().filter(|&&g| g == f).count()).collect();
            assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{sizes:?}");
            for class in 0..11 {
                let size = count(&classes, class, |_| true);
                for f in 0..k {
                    let here = count(&classes, class, |i| fold[i] == f);
                    assert!(here.abs_diff(size / k) <= 1 && (size < 2 || here < size));
                }
            }
        }
    }

    #[test]
    fn depths_are_divided_into_classes_of_one_size() {
        let mut depths: Vec<Option<f32>> = (0..100).map(|i| Some((i * 37 % 100) as f32)).collect();
        depths.extend([None, None]);
        let classes = depth_classes(&depths);
        for (z, class) in depths.iter().zip(&classes) {
            assert_eq!(*class, z.map_or(10, |z| z as usize / 10));
        }
        // Equal depths stay together, however many they are.
        let equal = depth_classes(&[Some(5.0); 30]);
        assert!(equal.iter().all(|&class| class == equal[0]));
        assert_eq!(depth_classes(&[None, None]), [10, 10]);
        assert_eq!(depth_classes(&[]), [0; 0]);
    }

    #[test]
    fn a_class_is_divided_by_its_own_depths_while_it_is_large_enough() {
        // 100 of class 0 at depths 0..100, 39 of class 1 at 1000..1039, one without a depth.
        let classes: Vec<usize> = (0..140).map(|i| usize::from(i >= 100)).collect();
        let z = |i: usize| if i < 100 { i as f32 } else { 900.0 + i as f32 };
        let depths: Vec<Option<f32>> = (0..140).map(|i| (i != 120).then(|| z(i))).collect();
        let cells = divide_by_depth(&classes, &depths);
        for (i, cell) in cells.into_iter().enumerate() {
            let expected = match i {
                0..100 => i / 20,
                120 => 21,
                _ => 11,
            };
            assert_eq!(cell, expected, "sample {i}");
        }
    }

    /// The folds of the finer classes are as even in the coarser ones.
    #[test]
    fn cells_keep_the_classes_of_coverage_even() {
        let mut random = ChaCha8Rng::seed_from_u64(4);
        for round in 0..100 {
            let classes = random_classes(&mut random);
            let depths: Vec<Option<f32>> =
                classes.iter().map(|_| Some((random.next_u32() % 900) as f32)).collect();
            let k = 2 + round % 5;
            let fold = deal(&divide_by_depth(&classes, &depths), k, round as u64);
            for class in 0..11 {
                let size = count(&classes, class, |_| true);
                for f in 0..k {
                    assert!(count(&classes, class, |i| fold[i] == f).abs_diff(size / k) <= 1);
                }
            }
        }
    }

    #[test]
    fn a_seed_means_the_same_split_everywhere() {
        let classes: Vec<usize> = (0..12).map(|i| i % 3).collect();
        let held = |seed| (0..12).filter(|&i| hold_out(&classes, 0.25, seed)[i]).collect::<Vec<_>>();
        assert_eq!(held(42), held(42));
        assert_ne!(held(42), held(43));
        // Written down once: a change here changes every published score.
        assert_eq!(held(42), [2, 3, 4]);
        assert_eq!(deal(&classes, 3, 42), [0, 2, 2, 0, 1, 2, 2, 0, 0, 1, 1, 1]);
    }
}
