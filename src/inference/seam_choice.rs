//! Which rules for seams serve masks best.

use crate::Result;
use crate::inference::carry::Seams;
use crate::inference::{ChosenSeamRules, SeamRuleScore};
use crate::metrics::mean_precision;
use crate::postprocess::SeamRules;
use crate::types::Mask;

/// The best of all sets of rules, the smallest of equally good ones.
pub(super) fn choose(truths: &[Mask], masks: &[Mask], seams: &[Seams]) -> Result<ChosenSeamRules> {
    // The rules are for masks of one class, of which this is exact.
    let hits = |i: usize, mask: &Mask| Ok((10.0 * mean_precision(&truths[i], mask)?).round() as u64);
    let before: Vec<u64> = (0..masks.len()).map(|i| hits(i, &masks[i])).collect::<Result<_>>()?;
    let total: u64 = before.iter().sum();
    // Only images with a known neighbour change.
    let open: Vec<usize> = (0..masks.len()).filter(|&i| !seams[i].is_empty()).collect();
    let score = |hits: u64| hits as f64 / (10 * masks.len()) as f64;
    // What a set makes of each open image: its hits, and whether the mask is another one.
    let outcomes = |rules: &SeamRules| -> Result<Vec<(u64, bool)>> {
        let one = |&i: &usize| {
            let carried = seams[i].carried(&masks[i], rules)?;
            Ok((hits(i, &carried)?, carried != masks[i]))
        };
        open.iter().map(one).collect()
    };
    let unchanged = total - open.iter().map(|&i| before[i]).sum::<u64>();
    let sum = |outcomes: &[(u64, bool)]| unchanged + outcomes.iter().map(|outcome| outcome.0).sum::<u64>();
    let mut best = (SeamRules::none(), total);
    for rules in by_size() {
        let hits = sum(&outcomes(&rules)?);
        if hits > best.1 {
            best = (rules, hits);
        }
    }
    let alone = (0..SeamRules::NAMES.len()).map(|rule| {
        let outcomes = outcomes(&set(1 << rule))?;
        let gain = |(at, outcome): (usize, &(u64, bool))| outcome.0.cmp(&before[open[at]]);
        let gains: Vec<std::cmp::Ordering> = outcomes.iter().enumerate().map(gain).collect();
        Ok(SeamRuleScore {
            name: SeamRules::NAMES[rule],
            mean_precision: score(sum(&outcomes)),
            changed: outcomes.iter().filter(|outcome| outcome.1).count(),
            better: gains.iter().filter(|gain| gain.is_gt()).count(),
            worse: gains.iter().filter(|gain| gain.is_lt()).count(),
        })
    });
    let alone = alone.collect::<Result<_>>()?;
    Ok(ChosenSeamRules { rules: best.0, before: score(total), mean_precision: score(best.1), alone })
}

/// The set with the rules whose bits are set.
fn set(bits: usize) -> SeamRules {
    SeamRules::none().switched(std::array::from_fn(|rule| bits >> rule & 1 == 1))
}

/// All sets, small ones first.
fn by_size() -> Vec<SeamRules> {
    let mut sets: Vec<usize> = (0..1 << SeamRules::NAMES.len()).collect();
    sets.sort_by_key(|bits| bits.count_ones());
    sets.into_iter().map(set).collect()
}
