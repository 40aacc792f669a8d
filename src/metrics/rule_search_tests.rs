//! Against every rule applied by hand.

use super::*;
use crate::metrics::{ThresholdSearch, dice, mean_precision};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

type Example = (Mask, Image, f32);

/// 12×12 pixels; a third has no salt, some with a few loud pixels; presence on the grid's points too.
fn example(random: &mut ChaCha8Rng) -> Example {
    let mut next = |n: u32| random.next_u32() % n;
    let area = if next(3) == 0 { 0 } else { next(60) };
    let (noise, cut) = (next(30), area.saturating_sub(next(20)));
    let truth: Vec<u8> = (0..144).map(|i| u8::from(i < area)).collect();
    let map = (0..144).map(|i| {
        let p = if i < cut { 60 + next(40) } else { next(45 + noise) };
        p.min(100) as f32 / 100.0
    });
    let map = Image::new(12, 12, map.collect()).unwrap();
    let presence = (if area > 0 { 20 + next(81) } else { next(60) }) as f32 / 100.0;
    (Mask::new(12, 12, truth).unwrap(), map, presence)
}

fn naive(examples: &[Example], rule: MaskRule) -> u64 {
    let hits = |(truth, map, presence): &Example| {
        let mask = map.threshold(rule.threshold).unwrap();
        let given_up = mask.area() < rule.min_size || f64::from(*presence) < rule.gate;
        let mask = if given_up { Mask::new(12, 12, vec![0; 144]).unwrap() } else { mask };
        (10.0 * mean_precision(truth, &mask).unwrap()).round() as u64
    };
    examples.iter().map(hits).sum()
}

fn examples(seed: u64, count: usize) -> Vec<Example> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| example(&mut random)).collect()
}

fn choose(search: RuleSearch, examples: &[Example]) -> ChosenRule {
    let truths: Vec<Mask> = examples.iter().map(|e| e.0.clone()).collect();
    let maps: Vec<Image> = examples.iter().map(|e| e.1.clone()).collect();
    let presence: Vec<f32> = examples.iter().map(|e| e.2).collect();
    search.choose(&truths, &maps, &presence).unwrap()
}

/// Every rule of the grid, by hand.
#[test]
fn no_rule_is_better_than_the_chosen_one() {
    for (seed, search) in [(1, [false, false]), (2, [true, false]), (3, [false, true]), (4, [true, true])] {
        let examples = examples(seed, 14);
        let chosen = choose(RuleSearch::default().min_size(search[0]).gate(search[1]), &examples);
        let hits = naive(&examples, chosen.rule);
        assert!((chosen.score.mean_precision - hits as f64 / 140.0).abs() < 1e-12, "{chosen:?}");
        let sizes = if search[0] { SIZES } else { 1 };
        let gates = if search[1] { GATES } else { 1 };
        // No mask has more than 144 pixels, and coarser steps are enough where they have the grid's best.
        for min_size in (0..sizes.min(146)).step_by(3) {
            for g in (0..gates).step_by(if search[0] { 7 } else { 1 }) {
                for t in (0..GRID).step_by(2) {
                    let rule = MaskRule { threshold: threshold(t), min_size, gate: gate(g) };
                    assert!(naive(&examples, rule) <= hits, "{rule:?} beats {chosen:?}");
                }
            }
        }
        assert!(!search[0] || chosen.rule.min_size > 0 || search[1], "{chosen:?} chose nothing");
    }
}

#[test]
fn the_table_is_that_of_applying_each_rule() {
    let examples = examples(5, 25);
    let truths: Vec<Mask> = examples.iter().map(|e| e.0.clone()).collect();
    let maps: Vec<Image> = examples.iter().map(|e| e.1.clone()).collect();
    let presence: Vec<f32> = examples.iter().map(|e| e.2).collect();
    let search = RuleSearch::default().min_size(true).gate(true);
    let table = Table::of(search, &truths, &maps, &presence).unwrap();
    for t in [0, 20, 45, 90] {
        let hits = table.points(t);
        for size in [0, 1, 5, 20, 40, 144, 200] {
            for g in [0, 1, 29, 57, 58, 99] {
                let rule = MaskRule { threshold: threshold(t), min_size: size, gate: gate(g) };
                assert_eq!(hits[size][g], naive(&examples, rule), "{rule:?}");
            }
        }
    }
}

#[test]
fn the_threshold_alone_is_that_of_the_threshold_search() {
    let examples = examples(6, 30);
    let truths: Vec<Mask> = examples.iter().map(|e| e.0.clone()).collect();
    let maps: Vec<Image> = examples.iter().map(|e| e.1.clone()).collect();
    let search = ThresholdSearch::new(&truths, &maps).unwrap();
    let chosen = choose(RuleSearch::default(), &examples);
    assert_eq!(chosen.rule, MaskRule::default().threshold(search.best));
    assert!((chosen.score.mean_precision - search.mean_precision).abs() < 1e-12);
}

#[test]
fn by_dice_no_rule_is_better_either() {
    let examples = examples(7, 20);
    let search = RuleSearch::default().min_size(true).dice(true);
    let chosen = choose(search, &examples);
    let score = |rule: MaskRule| {
        let one =
            |(truth, map, presence): &Example| dice(truth, &rule.mask(map, *presence).unwrap()).unwrap();
        examples.iter().map(one).sum::<f64>() / 20.0
    };
    assert!((chosen.score.dice - score(chosen.rule)).abs() < 1e-12, "{chosen:?}");
    for t in 0..GRID {
        for min_size in 0..145 {
            let rule = MaskRule::default().threshold(threshold(t)).min_size(min_size);
            assert!(score(rule) <= chosen.score.dice + 1e-9, "{rule:?} beats {chosen:?}");
        }
    }
    let other = choose(search.dice(false), &examples);
    assert_ne!(chosen.rule, other.rule, "these examples tell nothing");
    assert!(other.score.dice < chosen.score.dice && chosen.score.mean_precision < other.score.mean_precision);
}

#[test]
fn parts_that_gain_nothing_do_nothing() {
    let mask = Mask::new(1, 4, vec![1, 1, 0, 0]).unwrap();
    let map = Image::new(1, 4, vec![0.9, 0.9, 0.1, 0.1]).unwrap();
    let chosen = choose(RuleSearch::default().min_size(true).gate(true), &[(mask, map, 0.8)]);
    assert_eq!((chosen.rule.min_size, chosen.rule.gate), (0, 0.0));
}

#[test]
fn every_presence_passes_the_gates_up_to_it() {
    for p in (0..=1000).map(|p| p as f32 / 1000.0) {
        let highest = highest_gate(0, p).unwrap();
        for i in 0..GATES {
            assert_eq!(gate(i) <= f64::from(p), i <= highest, "{p} at gate {i}");
        }
    }
    assert!(matches!(highest_gate(3, f32::NAN), Err(Error::Image { .. })));
}
