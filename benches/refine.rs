//! What each means of refining masks is worth on the competition's data: chosen on one half of the validation images and scored on
//! the other, both ways, with the predictions of a small network on the CPU.
//!
//! `cargo bench --profile dev --bench refine -- --epochs 12 --filters 8 --size 64 --seeds 2 --folder runs` (`--first 2 --seeds 1` for
//! the second seed alone; `--together 1` keeps the tiles of a section on one side of the split). What is trained already in the
//! folder is not trained again. The data is looked for in `TGS_SALT_DATA`, else in `../shared/data/tgs-salt`.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use tgs_salt::prelude::*;

const RATE: f64 = 2e-3;

/// Where a validation image may lie.
const PLACES: [&str; 4] = [
    "next to a training image",
    "elsewhere in a section with one",
    "in a section without one",
    "in no section",
];

/// Validation images with what was predicted of them, by each CRF too.
struct Part {
    images: Dataset,
    plain: Probabilities,
    refined: Vec<Probabilities>,
}

impl Part {
    fn of(&self, images: Dataset) -> Result<Part> {
        let ids = images.ids();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let refined = self.refined.iter().map(|refined| refined.select(&ids)).collect::<Result<_>>()?;
        Ok(Part { images, plain: self.plain.select(&ids)?, refined })
    }

    fn rule(&self, probabilities: &Probabilities) -> Result<ChosenRule> {
        probabilities.choose_rule(&self.images, &RuleSearch::default().min_size(true).gate(true))
    }

    /// The best CRF among those of these numbers and its rule.
    fn best_crf(&self, numbers: std::ops::Range<usize>) -> Result<(usize, MaskRule)> {
        let chosen = numbers.map(|i| Ok((i, self.rule(&self.refined[i])?)));
        let chosen = chosen.collect::<Result<Vec<_>>>()?.into_iter();
        // Of equally good ones the first.
        let best =
            chosen.reduce(
                |best, one| {
                    if one.1.score.mean_precision > best.1.score.mean_precision { one } else { best }
                },
            );
        Ok(best.map_or((0, MaskRule::default()), |(i, chosen)| (i, chosen.rule)))
    }
}

struct Job {
    train: Dataset,
    mosaics: Mosaics,
    valid: Part,
    halves: [Part; 2],
}

/// Smoothing alone, then likeness alone, then both.
fn crfs() -> (Vec<Crf>, [std::ops::Range<usize>; 3]) {
    let none = Crf::default().compat_gaussian(0.0);
    let pairs = |a: &[f64], b: &[f64]| -> Vec<(f64, f64)> {
        a.iter().flat_map(|&a| b.iter().map(move |&b| (a, b))).collect()
    };
    let gaussian = pairs(&[1.0, 3.0], &[1.0, 3.0]).into_iter();
    let gaussian = gaussian.map(|(sxy, compat)| none.sxy_gaussian(sxy).compat_gaussian(compat));
    let bilateral = pairs(&[10.0, 80.0], &[5.0, 13.0]).into_iter().flat_map(|(sxy, srgb)| {
        [2.0, 5.0].map(|compat| none.sxy_bilateral(sxy).srgb(srgb).compat_bilateral(compat))
    });
    let both = [2.0, 10.0].map(|compat| Crf::default().compat_bilateral(compat));
    (gaussian.chain(bilateral).chain(both).collect(), [0..4, 4..12, 12..14])
}

/// What makes masks of the second part with what it chooses on the first, and what that is.
type Refining<'a> = dyn Fn(&Part, &Part) -> Result<(Masks, String)> + 'a;

impl Job {
    /// Chosen on one half and scored on the other, both ways.
    fn crossed(&self, name: &str, masks: &Refining) -> Result<f64> {
        let mut sum = 0.0;
        for (choose, score) in [(0, 1), (1, 0)] {
            let (choose, score) = (&self.halves[choose], &self.halves[score]);
            let (masks, what) = masks(choose, score)?;
            let before =
                score.plain.apply(&choose.rule(&choose.plain)?.rule)?.mean_precision(&score.images)?;
            let after = masks.mean_precision(&score.images)?;
            println!("{name}: {what}: {after:.4}, by the rule alone {before:.4}");
            sum += after * score.images.len() as f64;
        }
        Ok(sum / self.valid.images.len() as f64)
    }

    fn rows(&self) -> Result<Vec<(&'static str, f64)>> {
        let mut rows = Vec::new();
        let mut row = |name, masks: &Refining| {
            rows.push((name, self.crossed(name, masks)?));
            Ok::<(), Error>(())
        };
        let ruled = |choose: &Part, score: &Part| score.plain.apply(&choose.rule(&choose.plain)?.rule);
        row("threshold 0.5", &|_, score| Ok((score.plain.threshold(0.5)?, String::new())))?;
        row("threshold chosen", &|choose, score| {
            let rule = choose.plain.choose_rule(&choose.images, &RuleSearch::default())?.rule;
            Ok((score.plain.apply(&rule)?, format!("{rule:?}")))
        })?;
        row("threshold, minimal size and gate chosen: the rule", &|choose, score| {
            Ok((ruled(choose, score)?, format!("{:?}", choose.rule(&choose.plain)?)))
        })?;
        let (all, [gaussian, bilateral, both]) = crfs();
        for (name, numbers) in [
            ("Gaussian CRF of the probabilities, then the rule", gaussian),
            ("bilateral CRF of the probabilities, then the rule", bilateral),
            ("both in one CRF, then the rule", both),
        ] {
            row(name, &|choose, score| {
                let (i, rule) = choose.best_crf(numbers.clone())?;
                Ok((score.refined[i].apply(&rule)?, format!("{:?}; {rule:?}", all[i])))
            })?;
        }
        for (name, crf) in [
            ("the rule, then a Gaussian CRF of the masks", Crf::default()),
            ("the rule, then pydensecrf's usual CRF of the masks", Crf::pydensecrf()),
        ] {
            row(name, &|choose, score| {
                Ok((ruled(choose, score)?.refine(&score.images, &crf)?, String::new()))
            })?;
        }
        row("threshold chosen, then components", &|choose, score| {
            let rule = choose.plain.choose_rule(&choose.images, &RuleSearch::default())?.rule;
            let chosen = choose.plain.apply(&rule)?.choose_components(&choose.images)?;
            Ok((score.plain.apply(&rule)?.clean(&chosen.rule), format!("{chosen:?}")))
        })?;
        row("the rule, then components", &|choose, score| {
            let chosen = ruled(choose, choose)?.choose_components(&choose.images)?;
            Ok((ruled(choose, score)?.clean(&chosen.rule), format!("{chosen:?}")))
        })?;
        let carry = |choose: &Part, score: &Part, rules: &SeamRules| {
            ruled(choose, score)?.carry(&self.mosaics, &self.train, rules)
        };
        row("the rule, then seam rules chosen", &|choose, score| {
            let masks = ruled(choose, choose)?;
            let chosen = masks.choose_seam_rules(&self.mosaics, &self.train, &choose.images)?;
            Ok((carry(choose, score, &chosen.rules)?, format!("{chosen:?}")))
        })?;
        row("the rule, then seam rules as they are by default", &|choose, score| {
            Ok((carry(choose, score, &SeamRules::default())?, String::new()))
        })?;
        row("the rule, then all seam rules", &|choose, score| {
            Ok((carry(choose, score, &SeamRules::default().part_above(true))?, String::new()))
        })?;
        row("the rule, components, then seam rules by default", &|choose, score| {
            let chosen = ruled(choose, choose)?.choose_components(&choose.images)?;
            let masks = ruled(choose, score)?.clean(&chosen.rule);
            Ok((masks.carry(&self.mosaics, &self.train, &SeamRules::default())?, String::new()))
        })?;
        Ok(rows)
    }

    /// The score at threshold 0.5 by where an image lies.
    fn by_distance(&self) -> Result<()> {
        let train: HashSet<String> = self.train.ids().into_iter().collect();
        let masks = self.valid.plain.threshold(0.5)?;
        let mut sums: HashMap<(&str, bool), (usize, f64)> = HashMap::new();
        for (i, id) in self.valid.images.ids().iter().enumerate() {
            let Neighbours { up, down, left, right } = self.mosaics.neighbours(id)?;
            let next = [up, down, left, right].into_iter().flatten().any(|other| train.contains(&other.id));
            let section = self.mosaics.section_of(id)?;
            let near = section.is_some_and(|section| section.ids().iter().any(|id| train.contains(id)));
            let Some(truth) = self.valid.images.get(i)?.mask else { continue };
            let place = match (next, near, section) {
                (true, ..) => PLACES[0],
                (_, true, _) => PLACES[1],
                (.., Some(_)) => PLACES[2],
                _ => PLACES[3],
            };
            let sum = sums.entry((place, truth.is_empty())).or_default();
            *sum = (sum.0 + 1, sum.1 + metrics::mean_precision(&truth, &masks.get(id)?)?);
        }
        for place in PLACES {
            let of = |empty| sums.get(&(place, empty)).copied().unwrap_or_default();
            let mean = |(count, sum): (usize, f64)| sum / count.max(1) as f64;
            let (salt, empty) = (of(false), of(true));
            let all = mean((salt.0 + empty.0, salt.1 + empty.1));
            println!(
                "{place}: {} images {all:.4}; {} with salt {:.4}, {} without {:.4}",
                salt.0 + empty.0,
                salt.0,
                mean(salt),
                empty.0,
                mean(empty)
            );
        }
        Ok(())
    }
}

/// How often each rule is right, of labelled tiles one above the other: what it says of a tile, whatever is predicted there.
fn print_support(mosaics: &Mosaics, labelled: &Dataset) -> Result<()> {
    let ids = labelled.ids();
    println!("rule, tiles away: pairs of labelled tiles it speaks of, mean precision of what it says");
    for (rule, name) in SeamRules::NAMES.into_iter().enumerate() {
        let rules = rule_alone(rule);
        for away in 1..=if name.ends_with("above") { 3 } else { 1 } {
            let (mut count, mut sum) = (0, 0.0);
            for (i, id) in ids.iter().enumerate() {
                let Some(section) = mosaics.section_of(id)? else { continue };
                let Some(tile) = section.tiles().iter().find(|tile| tile.id == *id) else { continue };
                let row =
                    if name.ends_with("above") { tile.row.checked_sub(away) } else { Some(tile.row + 1) };
                let other = row.and_then(|row| section.tile(row, tile.column));
                let Some(at) = other.and_then(|other| ids.binary_search(&other.id).ok()) else { continue };
                let (Some(truth), Some(known)) = (labelled.get(i)?.mask, labelled.get(at)?.mask) else {
                    continue;
                };
                let pixels = truth.pixels().len();
                let (none, some) = (vec![0; pixels], (0..pixels).map(|at| u8::from(at == 0)).collect());
                let said = |predicted: Vec<u8>| {
                    let predicted = Mask::new(truth.height(), truth.width(), predicted)?;
                    let (above, below) =
                        if name.ends_with("above") { (Some(&known), None) } else { (None, Some(&known)) };
                    rules.mask(&predicted, above, below)
                };
                let said = [said(none)?, said(some)?];
                // A rule that has its say gives the same whatever is predicted.
                if said[0] == said[1] {
                    (count, sum) = (count + 1, sum + metrics::mean_precision(&truth, &said[0])?);
                }
            }
            println!("{name}, {away}: {count}, {:.3}", sum / f64::from(count.max(1)));
        }
    }
    Ok(())
}

fn rule_alone(rule: usize) -> SeamRules {
    let none = SeamRules::none();
    match rule {
        0 => none.vertical_above(true),
        1 => none.full_above(true),
        2 => none.none_above(true),
        3 => none.part_above(true),
        4 => none.vertical_below(true),
        _ => none.none_below(true),
    }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let text = |name: &str| arguments.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1].clone());
    let value = |name: &str, default: usize| text(name).map_or(Ok(default), |value| value.parse());
    let (epochs, filters, size) = (value("--epochs", 12)?, value("--filters", 8)?, value("--size", 64)?);
    let (first, seeds, together) = (value("--first", 1)?, value("--seeds", 2)?, value("--together", 0)? > 0);
    let folder = text("--folder").map_or_else(|| std::env::temp_dir().join("tgs_salt_refine"), PathBuf::from);
    let data = std::env::var_os("TGS_SALT_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/tgs-salt"),
        PathBuf::from,
    );
    let salt = Competition::open(data)?;
    let mosaics = Mosaics::find(&salt.train.join(&salt.test)?, &MosaicSearch::default())?;
    println!("{mosaics:?}");
    print_support(&mosaics, &salt.train)?;
    let mut table: Vec<(&str, Vec<f64>)> = Vec::new();
    for seed in (first..first + seeds).map(|seed| seed as u64) {
        let (train, valid) = match together {
            true => salt.train.split_together(0.2, Stratify::Coverage, seed, &mosaics.groups())?,
            false => salt.train.split(0.2, seed)?,
        };
        let network = Unet::new(Encoder::Plain).base_filters(filters).seed(seed);
        let mut model = network.input_size(size, size).build(&Device::Cpu)?;
        let run_folder = folder.join(format!("{}-{seed}", if together { "together" } else { "ordinary" }));
        let config = TrainConfig::default().learning_rate(RATE).seed(seed).run_folder(run_folder);
        model.train(&train, &valid, &config.epochs(epochs).patience(epochs).resume(true))?;
        let plain = model.predict(&valid)?;
        let refined = crfs().0.iter().map(|crf| plain.refine(&valid, crf)).collect::<Result<_>>()?;
        let halves = valid.split(0.5, 1)?;
        let valid = Part { images: valid, plain, refined };
        let halves = [valid.of(halves.0)?, valid.of(halves.1)?];
        let job = Job { train, mosaics: mosaics.clone(), valid, halves };
        println!("seed {seed}");
        for (i, (name, score)) in job.rows()?.into_iter().enumerate() {
            match table.get_mut(i) {
                Some(row) => row.1.push(score),
                None => table.push((name, vec![score])),
            }
        }
        job.by_distance()?;
        print_table(&table);
    }
    Ok(())
}

fn print_table(table: &[(&str, Vec<f64>)]) {
    let Some((_, rule)) = table.get(2) else { return };
    println!("\n| | mean precision, each seed | mean | over the rule |\n|---|---|---|---|");
    for (name, scores) in table {
        let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
        let each = scores.iter().map(|score| format!("{score:.4}")).collect::<Vec<_>>().join(", ");
        let (mean, gain) = (mean(scores), mean(scores) - mean(rule));
        println!("| {name} | {each} | {mean:.4} | {gain:+.4} |");
    }
    println!();
}
