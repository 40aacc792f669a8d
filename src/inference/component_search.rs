//! The score of masks cleaned by every pair of least sizes.

use crate::Result;
use crate::metrics::{Overlap, STEPS_PER_IMAGE, none_or_middle};
use crate::postprocess::{ComponentRule, Connectivity};
use crate::types::Mask;
use rayon::prelude::*;
use std::ops::Range;

/// How many least sizes are tried of objects, and of holes: up to a tenth of an image.
const SIZES: usize = 201;

/// The rule whose masks score best: objects and holes of 0 to a tenth of an image by steps of 1/2000 of it, all pairs. Of equally
/// good ones a part that does nothing, else the middle of the widest range, of objects first.
pub(super) fn choose(truths: &[Mask], masks: &[Mask], connectivity: Connectivity) -> Result<ComponentRule> {
    let pixels = truths.iter().map(|truth| truth.height() * truth.width()).max().unwrap_or(0);
    let step = (pixels / STEPS_PER_IMAGE).max(1);
    // The score of an image is the mean over its classes, so that a sum over all of them has its best in the same place.
    let of_image = |(truth, mask): (&Mask, &Mask)| {
        let one = |class| Ok(fields(&truth.class(class)?, &mask.class(class)?, step, connectivity));
        (0..truth.classes()).map(one).collect::<Result<Vec<_>>>()
    };
    let fields: Vec<Vec<Vec<Field>>> = truths.par_iter().zip(masks).map(of_image).collect::<Result<_>>()?;
    let hits = table(fields.iter().flatten().flatten());
    let by_object: Vec<u64> = hits.iter().map(|row| row.iter().max().copied().unwrap_or(0)).collect();
    let object = none_or_middle(&by_object);
    let hole = hits.get(object).map_or(0, |row| none_or_middle(row));
    Ok(ComponentRule { min_object: object * step, min_hole: hole * step, connectivity })
}

/// Sizes at which an image's clean mask is one and the same, by their places in the grid.
struct Field {
    objects: Range<usize>,
    holes: Range<usize>,
    hits: u64,
}

/// The hits of all images, `[object][hole]`.
fn table<'a>(fields: impl Iterator<Item = &'a Field>) -> Vec<Vec<u64>> {
    // Each field as four corners, of which two running sums make the field again.
    let mut corners = vec![vec![0i64; SIZES + 1]; SIZES + 1];
    for Field { objects, holes, hits } in fields {
        for (object, hole, sign) in [
            (objects.start, holes.start, 1),
            (objects.start, holes.end, -1),
            (objects.end, holes.start, -1),
            (objects.end, holes.end, 1),
        ] {
            corners[object][hole] += sign * *hits as i64;
        }
    }
    let mut above = vec![0i64; SIZES];
    let sums = corners.iter().take(SIZES).map(|row| {
        let mut left = 0;
        let sums = row.iter().zip(&mut above).map(|(corner, above)| {
            left += corner;
            *above += left;
            // Never below 0: it is a sum of hits.
            *above as u64
        });
        sums.collect()
    });
    sums.collect()
}

/// All that can come of one mask of one class.
fn fields(truth: &Mask, mask: &Mask, step: usize, connectivity: Connectivity) -> Vec<Field> {
    let components = mask.components(connectivity);
    let area = |at: usize| match components.labels[at] {
        0 => 0,
        label => components.list[label as usize - 1].area,
    };
    let mut fields = Vec::new();
    for objects in ranges(components.list.iter().map(|component| component.area), step) {
        let least = (objects.start * step).max(1);
        let kept = mask.with(|at| area(at) >= least);
        for (holes, hits) in filled(truth, &kept, step, connectivity) {
            fields.push(Field { objects: objects.clone(), holes, hits });
        }
    }
    fields
}

/// The hits of a mask with its holes filled: ranges of least sizes, each with what they give.
fn filled(truth: &Mask, mask: &Mask, step: usize, connectivity: Connectivity) -> Vec<(Range<usize>, u64)> {
    let (labels, areas) = mask.holes(connectivity);
    let mut salt = vec![0; areas.len()];
    for (&label, &pixel) in labels.iter().zip(truth.pixels()) {
        salt[label as usize] += usize::from(pixel);
    }
    let mut overlap = Overlap::of(truth.pixels(), mask.pixels());
    let mut holes: Vec<usize> = (1..areas.len()).collect();
    holes.sort_unstable_by_key(|&hole| areas[hole]);
    let mut next = 0;
    let one = |range: Range<usize>| {
        while let Some(&hole) = holes.get(next).filter(|&&hole| areas[hole] < range.start * step) {
            overlap.both += salt[hole];
            overlap.either += areas[hole] - salt[hole];
            next += 1;
        }
        (range, overlap.hits())
    };
    ranges(areas[1..].iter().copied(), step).into_iter().map(one).collect()
}

/// The grid cut where something of these areas becomes too small.
fn ranges(areas: impl Iterator<Item = usize>, step: usize) -> Vec<Range<usize>> {
    let mut starts: Vec<usize> =
        areas.map(|area| area / step + 1).filter(|&i| i < SIZES).chain([0]).collect();
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().copied().skip(1).chain([SIZES]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    fn hits_of(truth: &Mask, mask: &Mask) -> u64 {
        Overlap::of(truth.pixels(), mask.pixels()).hits()
    }

    /// A truth of a few boxes, and a prediction of them with specks and holes.
    fn example(random: &mut ChaCha8Rng) -> (Mask, Mask) {
        let mut below = |n: usize| random.next_u32() as usize % n;
        let (height, width) = (40, 50);
        let mut draw = |count: usize, most: usize| -> Vec<[usize; 4]> {
            (0..count).map(|_| [below(height), below(width), 1 + below(most), 1 + below(most)]).collect()
        };
        let (boxes, specks) = (draw(2, 25), draw(6, 9));
        let within = |boxes: &[[usize; 4]], at: usize| {
            let (y, x) = (at / width, at % width);
            boxes
                .iter()
                .filter(|b| (b[0]..b[0] + b[2]).contains(&y) && (b[1]..b[1] + b[3]).contains(&x))
                .count()
        };
        let pixels = vec![0; height * width];
        let empty = Mask::new(height, width, pixels).unwrap();
        let truth = if below(4) == 0 { empty.clone() } else { empty.with(|at| within(&boxes, at) > 0) };
        let prediction = empty.with(|at| (truth.pixels()[at] == 1) ^ (within(&specks, at) % 2 == 1));
        (truth, prediction)
    }

    #[test]
    fn every_pair_has_the_score_of_its_masks() {
        let mut random = ChaCha8Rng::seed_from_u64(11);
        let (truths, masks): (Vec<_>, Vec<_>) = (0..12).map(|_| example(&mut random)).unzip();
        for connectivity in [Connectivity::Four, Connectivity::Eight] {
            for step in [1, 3] {
                let each = truths.iter().zip(&masks);
                let all: Vec<Field> =
                    each.flat_map(|(truth, mask)| fields(truth, mask, step, connectivity)).collect();
                let hits = table(all.iter());
                for (object, hole) in [0, 1, 2, 7, 20, 63, 200].into_iter().zip([0, 5, 1, 30, 200, 0, 11]) {
                    let rule =
                        ComponentRule { min_object: object * step, min_hole: hole * step, connectivity };
                    let score = |(truth, mask)| hits_of(truth, &rule.clean(mask));
                    let expected: u64 = truths.iter().zip(&masks).map(score).sum();
                    assert_eq!(hits[object][hole], expected, "{rule:?}");
                }
            }
        }
    }

    #[test]
    fn the_rule_is_the_best_of_all() {
        let mut random = ChaCha8Rng::seed_from_u64(12);
        let (truths, masks): (Vec<_>, Vec<_>) = (0..8).map(|_| example(&mut random)).unzip();
        let score = |rule: ComponentRule| -> u64 {
            let one = |(truth, mask)| hits_of(truth, &rule.clean(mask));
            truths.iter().zip(&masks).map(one).sum()
        };
        let chosen = choose(&truths, &masks, Connectivity::Four).unwrap();
        assert!(score(chosen) > score(ComponentRule::default()), "{chosen:?}");
        for min_object in 0..40 {
            for min_hole in 0..40 {
                let rule = ComponentRule { min_object, min_hole, ..chosen };
                assert!(score(rule) <= score(chosen), "{rule:?} is better than {chosen:?}");
            }
        }
    }

    #[test]
    fn what_changes_nothing_is_not_chosen() {
        let truth = Mask::new(4, 4, vec![1; 16]).unwrap();
        let chosen = choose(std::slice::from_ref(&truth), std::slice::from_ref(&truth), Connectivity::Four);
        assert_eq!(chosen.unwrap(), ComponentRule::default());
    }
}
