//! Which rule makes the best masks of probabilities.

use rayon::prelude::*;

use crate::metrics::overlap::Overlap;
use crate::metrics::score::check_same_count;
use crate::metrics::threshold::{Cut, GRID, cuts, middle_of_best, none_or_middle, threshold};
use crate::metrics::{MaskRule, Score};
use crate::types::{Image, Mask};
use crate::{Error, Result};

/// How many least sizes are tried: 0, and so on by steps of 1/2000 of an image.
const SIZES: usize = 401;
pub(crate) const STEPS_PER_IMAGE: usize = 2000;

/// Of a Dice of 1, in whole numbers. Thousands of images have room for their sum.
const DICE: f64 = (1u64 << 40) as f64;

/// How many gates are tried: 0.00, 0.01 … 0.99.
const GATES: usize = 100;

fn gate(i: usize) -> f64 {
    i as f64 / 100.0
}

/// Which parts of a [`MaskRule`] to choose; the threshold always is.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `min_size` | false | choose among least sizes up to a fifth of an image, by steps of 1/2000 of it (5 pixels of 101×101) | |
/// | `gate` | false | choose among gates from 0 to 0.99 by steps of 0.01 | |
/// | `dice` | false | choose what has the best mean Dice, the score of the clouds competition, instead of the best mean precision, that of the salt competition | |
///
/// ```
/// use tgs_salt::metrics::RuleSearch;
/// let search = RuleSearch::default().min_size(true).gate(true);
/// assert!(search.min_size && search.gate);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RuleSearch {
    /// Choose [`MaskRule::min_size`] too.
    pub min_size: bool,
    /// Choose [`MaskRule::gate`] too.
    pub gate: bool,
    /// Choose by the mean Dice instead of the mean precision.
    #[serde(default)]
    pub dice: bool,
}

/// A rule and the score it reaches.
#[derive(Clone, Copy, PartialEq)]
pub struct ChosenRule {
    /// What was chosen.
    pub rule: MaskRule,
    /// What its masks score.
    pub score: Score,
}

impl RuleSearch {
    setters! {
        RuleSearch,
        /// Choose [`MaskRule::min_size`] too.
        min_size: bool,
        /// Choose [`MaskRule::gate`] too.
        gate: bool,
        /// Choose by the mean Dice, the score of the clouds competition, instead of the mean precision.
        dice: bool,
    }

    /// What an overlap scores, in whole numbers: sums of them do not depend on their order.
    fn points(&self) -> fn(&Overlap) -> u64 {
        match self.dice {
            true => |overlap| (overlap.dice() * DICE).round() as u64,
            false => Overlap::hits,
        }
    }

    /// The rule whose masks score best, of all thresholds 0.05, 0.06 … 0.95 with all least sizes and gates together,
    /// for probabilities and presences in `[0, 1]`, each against the truth at the same place.
    ///
    /// Of rules that are equally good, a part that does nothing is preferred, else the middle of the widest range: by
    /// threshold first, then by least size, then by gate. The score is that of the very images that the rule was chosen
    /// on, which flatters it, with three parts more than with one.
    ///
    /// Each image is read once, for its area and its score at each threshold. At one threshold what a rule gains over
    /// empty masks is a sum over the images of its size and presence or more: two running sums over a table of both give
    /// the score of every rule exactly.
    ///
    /// ```
    /// use tgs_salt::{metrics::RuleSearch, types::{Image, Mask}};
    /// let truths = [Mask::new(1, 2, vec![1, 1])?, Mask::new(1, 2, vec![0, 0])?];
    /// let maps = [Image::new(1, 2, vec![0.9, 0.9])?, Image::new(1, 2, vec![0.2, 0.9])?];
    /// let chosen = RuleSearch::default().min_size(true).choose(&truths, &maps, &[1.0, 1.0])?;
    /// assert_eq!((chosen.rule.min_size, chosen.score.mean_precision), (2, 1.0));
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] when there are no images, or numbers or sizes differ; [`Error::Image`] when a probability or a
    /// presence is not a number in `[0, 1]`.
    pub fn choose(&self, truths: &[Mask], probabilities: &[Image], presence: &[f32]) -> Result<ChosenRule> {
        check_same_count(truths.len(), probabilities.len())?;
        check_same_count(truths.len(), presence.len())?;
        let rule = Table::of(*self, truths, probabilities, presence)?.best();
        let masks = probabilities.par_iter().zip(presence).map(|(map, &presence)| rule.mask(map, presence));
        let masks = masks.collect::<Result<Vec<_>>>()?;
        Ok(ChosenRule { rule, score: Score::of(truths, &masks, rule.threshold)? })
    }
}

/// All that the score of a rule depends on.
struct Table {
    images: Vec<ImageCuts>,
    /// Least sizes that are tried, and the pixels between two of them.
    sizes: usize,
    step: usize,
    gates: usize,
}

struct ImageCuts {
    cuts: [Cut; GRID],
    /// What an empty mask scores.
    empty: u64,
    /// The highest gate that it passes.
    gate: usize,
}

impl Table {
    fn of(search: RuleSearch, truths: &[Mask], probabilities: &[Image], presence: &[f32]) -> Result<Table> {
        let pixels = truths.iter().map(|truth| truth.pixels().len()).max().unwrap_or(0);
        let points = search.points();
        let image = |(i, truth): (usize, &Mask)| {
            Ok(ImageCuts {
                cuts: cuts(i, truth, &probabilities[i], points)?,
                empty: points(&Overlap { both: 0, either: truth.area() }),
                gate: highest_gate(i, presence[i])?,
            })
        };
        Ok(Table {
            images: truths.par_iter().enumerate().map(image).collect::<Result<_>>()?,
            sizes: if search.min_size { SIZES } else { 1 },
            step: (pixels / STEPS_PER_IMAGE).max(1),
            gates: if search.gate { GATES } else { 1 },
        })
    }

    fn best(&self) -> MaskRule {
        let highest = |t| self.points(t).into_iter().flatten().max().unwrap_or(0);
        let by_threshold: Vec<u64> = (0..GRID).into_par_iter().map(highest).collect();
        let t = middle_of_best(&by_threshold);
        let points = self.points(t);
        let by_size: Vec<u64> = points.iter().map(|gates| gates.iter().copied().max().unwrap_or(0)).collect();
        let size = none_or_middle(&by_size);
        let by_gate = points.get(size).map_or(&[][..], |gates| gates.as_slice());
        let best_gate = none_or_middle(by_gate);
        MaskRule { threshold: threshold(t), min_size: size * self.step, gate: gate(best_gate) }
    }

    /// The score of all images at threshold `t`, for each least size and each gate.
    fn points(&self, t: usize) -> Vec<Vec<u64>> {
        let mut gains = vec![vec![0i64; self.gates]; self.sizes];
        for image in &self.images {
            let size = (image.cuts[t].area / self.step).min(self.sizes - 1);
            gains[size][image.gate.min(self.gates - 1)] += image.cuts[t].points as i64 - image.empty as i64;
        }
        let empty: i64 = self.images.iter().map(|image| image.empty as i64).sum();
        // From the largest down: above[m] is what all masks of this size or more gain whose highest gate is m.
        let mut above = vec![0i64; self.gates];
        let mut points = vec![vec![0u64; self.gates]; self.sizes];
        for (gains, points) in gains.iter().zip(&mut points).rev() {
            let mut kept = 0;
            for (gate, points) in points.iter_mut().enumerate().rev() {
                above[gate] += gains[gate];
                kept += above[gate];
                // Never below 0: what empty masks score and the difference to it add up to what masks score.
                *points = (empty + kept) as u64;
            }
        }
        points
    }
}

/// The highest gate of the grid that a presence is not below.
fn highest_gate(i: usize, presence: f32) -> Result<usize> {
    if !(0.0..=1.0).contains(&presence) {
        let why = format!("expected a presence in [0, 1], got {presence}; apply the sigmoid to logits");
        return Err(Error::Image { id: format!("number {i}"), why });
    }
    // The guess may be one too high or too low where 100·p rounds; the grid itself decides.
    let presence = f64::from(presence);
    let guess = ((100.0 * presence) as usize + 1).min(GATES - 1);
    Ok((0..=guess).rev().find(|&i| gate(i) <= presence).unwrap_or(0))
}

impl std::fmt::Debug for ChosenRule {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{:?}; {:?}", self.rule, self.score)
    }
}

#[cfg(test)]
#[path = "rule_search_tests.rs"]
mod tests;
