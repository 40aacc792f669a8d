//! Which samples go where, when some of them must not be parted.

use std::cmp::Reverse;
use std::collections::HashMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::stratify::shuffle;
use crate::{Error, Result};

/// The number of each sample's group; a sample in no group is a group of its own. Ids that no sample has are left aside.
///
/// # Errors
/// [`Error::Id`] when an id is in two groups.
pub(crate) fn group_numbers(ids: &[String], groups: &[Vec<String>]) -> Result<Vec<usize>> {
    let mut group_of = HashMap::new();
    for (number, id) in groups.iter().enumerate().flat_map(|(i, ids)| ids.iter().map(move |id| (i, id))) {
        if group_of.insert(id.as_str(), number).is_some_and(|other| other != number) {
            let why = "is in two groups; expected groups without a common id".into();
            return Err(Error::Id { id: id.clone(), why });
        }
    }
    // Numbers without a gap, in the order of the samples.
    let mut numbers = HashMap::new();
    let key = |(i, id): (usize, &String)| group_of.get(id.as_str()).copied().unwrap_or(groups.len() + i);
    Ok(ids
        .iter()
        .enumerate()
        .map(key)
        .map(|key| {
            let next = numbers.len();
            *numbers.entry(key).or_insert(next)
        })
        .collect())
}

/// How many groups, or classes, there are: one more than the highest number.
pub(crate) fn count(group: &[usize]) -> usize {
    group.iter().max().map_or(0, |max| max + 1)
}

/// For each sample the number of its part: whole groups, so that every class comes near to its share in each part. There are no
/// more parts than groups, and no part stays empty.
///
/// The largest groups are placed first, each where the classes' squared deviations from what they should be, `Σ (n − t)² / t`,
/// grow least; single samples, class by class, even out what is left. Among equals the part that is emptiest takes the group.
pub(crate) fn assign(group: &[usize], classes: &[usize], shares: &[f64], seed: u64) -> Vec<usize> {
    let groups = largest_first(group, classes, seed);
    let mut totals = vec![0usize; count(classes)];
    classes.iter().for_each(|&class| totals[class] += 1);
    let mut parts: Vec<Part> =
        shares.iter().map(|&share| Part { share, size: 0, classes: vec![0; totals.len()] }).collect();
    let mut part_of = vec![0; group.len()];
    for (placed, samples) in groups.iter().enumerate() {
        let counts = count_classes(samples, classes);
        let empty = parts.iter().filter(|part| part.size == 0).count();
        let must_fill = groups.len() - placed <= empty;
        let cost = |&p: &usize| (parts[p].cost(&counts, &totals), parts[p].size as f64 / parts[p].share);
        let order = |a: &usize, b: &usize| {
            let (a, b) = (cost(a), cost(b));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        };
        let open = (0..parts.len()).filter(|&p| !must_fill || parts[p].size == 0);
        let Some(best) = open.min_by(order) else { break };
        parts[best].take(&counts);
        samples.iter().for_each(|&i| part_of[i] = best);
    }
    part_of
}

/// The samples of each group: large groups first, then single samples class by class, those that are alike in random order.
fn largest_first(group: &[usize], classes: &[usize], seed: u64) -> Vec<Vec<usize>> {
    let mut groups = vec![Vec::new(); count(group)];
    group.iter().enumerate().for_each(|(i, &g)| groups[g].push(i));
    groups.retain(|samples| !samples.is_empty());
    shuffle(&mut groups, &mut ChaCha8Rng::seed_from_u64(seed));
    groups.sort_by_key(|samples| match samples[..] {
        [one] => (Reverse(1), classes[one]),
        _ => (Reverse(samples.len()), 0),
    });
    groups
}

/// The classes of some samples, and how many are of each.
fn count_classes(samples: &[usize], classes: &[usize]) -> Vec<(usize, usize)> {
    let mut counts: Vec<(usize, usize)> = Vec::new();
    for &i in samples {
        match counts.iter_mut().find(|(class, _)| *class == classes[i]) {
            Some((_, count)) => *count += 1,
            None => counts.push((classes[i], 1)),
        }
    }
    counts
}

/// What a part has so far.
struct Part {
    /// Of all samples.
    share: f64,
    size: usize,
    /// Samples of each class.
    classes: Vec<usize>,
}

impl Part {
    /// How much `Σ (n − t)² / t` grows by samples of these classes.
    fn cost(&self, counts: &[(usize, usize)], totals: &[usize]) -> f64 {
        let one = |&(class, more): &(usize, usize)| {
            let target = self.share * totals[class] as f64;
            let (now, more) = (self.classes[class] as f64, more as f64);
            more * (2.0 * now + more - 2.0 * target) / target
        };
        counts.iter().map(one).sum()
    }

    fn take(&mut self, counts: &[(usize, usize)]) {
        for &(class, more) in counts {
            self.classes[class] += more;
            self.size += more;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::RngCore;

    /// Groups of one to ten samples, most of them of one, of one class or of neighbouring ones.
    fn random_case(random: &mut ChaCha8Rng) -> (Vec<usize>, Vec<usize>) {
        let groups = 5 + random.next_u32() as usize % 120;
        let (mut group, mut classes) = (vec![], vec![]);
        for number in 0..groups {
            let size = [1, 1, 1, 2, 3, 10][random.next_u32() as usize % 6];
            let class = (random.next_u32() % 11).min(random.next_u32() % 14) as usize;
            for _ in 0..size {
                group.push(number);
                classes.push((class + random.next_u32() as usize % 2).min(10));
            }
        }
        (group, classes)
    }

    #[test]
    fn groups_stay_together_and_parts_are_even() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for round in 0..300 {
            let (group, classes) = random_case(&mut random);
            let k = 2 + round % 4;
            let part = assign(&group, &classes, &vec![1.0 / k as f64; k], round as u64);
            for (i, j) in (0..group.len()).zip(1..group.len()) {
                assert!(group[i] != group[j] || part[i] == part[j], "round {round}: {i} and {j} are parted");
            }
            let sizes: Vec<usize> = (0..k).map(|p| part.iter().filter(|&&q| q == p).count()).collect();
            let fair = group.len() as f64 / k as f64;
            assert!(sizes.iter().all(|&size| size > 0), "{sizes:?}");
            assert!(sizes.iter().all(|&size| (size as f64 - fair).abs() <= 15.0), "round {round}: {sizes:?}");
        }
    }

    #[test]
    fn single_samples_are_dealt_evenly() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        for round in 0..100 {
            let (_, classes) = random_case(&mut random);
            let group: Vec<usize> = (0..classes.len()).collect();
            let k = 2 + round % 5;
            let part = assign(&group, &classes, &vec![1.0 / k as f64; k], round as u64);
            let count = |p: usize, class: Option<usize>| {
                (0..classes.len()).filter(|&i| part[i] == p && class.is_none_or(|c| c == classes[i])).count()
            };
            for class in (0..11).map(Some).chain([None]) {
                let counts: Vec<usize> = (0..k).map(|p| count(p, class)).collect();
                let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
                assert!(most - least <= 1, "round {round}, class {class:?}: {counts:?}");
            }
        }
    }

    #[test]
    fn a_fifth_is_a_fifth_of_every_class() {
        // 40 groups of 5 and 800 single samples, of 4 classes.
        let group: Vec<usize> = (0..1000).map(|i| if i < 200 { i / 5 } else { i }).collect();
        let classes: Vec<usize> = (0..1000).map(|i| if i < 200 { i / 5 % 4 } else { i % 4 }).collect();
        let part = assign(&group, &classes, &[0.8, 0.2], 3);
        for class in 0..4 {
            let held = (0..1000).filter(|&i| classes[i] == class && part[i] == 1).count();
            assert!(held.abs_diff(50) <= 1, "{held} of class {class}");
        }
    }

    #[test]
    fn no_part_is_empty_and_a_seed_means_the_same_everywhere() {
        // Two large groups, and a hundredth for the second part: it gets the smaller one all the same.
        let group: Vec<usize> = (0..30).map(|i| usize::from(i >= 20)).collect();
        let part = assign(&group, &[0; 30], &[0.99, 0.01], 1);
        assert!((0..30).all(|i| part[i] == group[i]));
        let group: Vec<usize> = (0..14).map(|i| if i < 4 { i / 2 } else { i }).collect();
        let classes: Vec<usize> = (0..14).map(|i| i % 3).collect();
        let thirds = [1.0 / 3.0; 3];
        assert_eq!(assign(&group, &classes, &thirds, 42), assign(&group, &classes, &thirds, 42));
        assert_ne!(assign(&group, &classes, &thirds, 42), assign(&group, &classes, &thirds, 43));
    }

    #[test]
    fn groups_are_numbered_by_their_samples() {
        let text = |ids: &[&str]| ids.iter().map(|id| id.to_string()).collect::<Vec<_>>();
        let ids = text(&["a", "b", "c", "d", "e"]);
        let groups = [text(&["x", "d", "b"]), text(&["y"]), text(&["e", "a"])];
        assert_eq!(group_numbers(&ids, &groups).unwrap(), [0, 1, 2, 1, 0]);
        assert_eq!(group_numbers(&ids, &[]).unwrap(), [0, 1, 2, 3, 4]);
        assert_eq!(count(&[0, 1, 2, 1, 0]), 3);
        let twice = [text(&["a", "b"]), text(&["c", "a"])];
        assert!(matches!(group_numbers(&ids, &twice), Err(Error::Id { id, .. }) if id == "a"));
    }
}
