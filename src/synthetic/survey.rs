//! The sample survey: tiles drawn from sections so that their statistics are the competition's.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::field::Dice;
use super::section::{SIDE, Section, TILES};
use crate::Result;
use crate::types::{Image, Mask, Sample};

/// Upper ends of the coverage bins, and the share of the competition's training images in each. Bin 0 is the
/// all-black images, bin 1 the other empty masks, bin 2 the tiny masks, and the rest are the coverage classes.
const BINS: [(f64, f64); 15] = [
    (-1.0, 0.020),
    (0.0, 0.371),
    (0.01, 0.042),
    (0.1, 0.102),
    (0.2, 0.074),
    (0.3, 0.056),
    (0.4, 0.047),
    (0.5, 0.056),
    (0.6, 0.051),
    (0.7, 0.043),
    (0.8, 0.037),
    (0.9, 0.040),
    (0.97, 0.028),
    (0.9999, 0.029),
    (1.0, 0.004),
];
/// The bin of images that are salt all over: the competition has none, a survey has many.
const FULL: usize = BINS.len() - 1;
/// Sections generated at a time: a fixed number, so that the outcome does not depend on how many threads there are.
const BATCH: u64 = 12;
/// After so many batches a tile of any coverage is taken.
const PATIENCE: u64 = 40;
/// The stream of the draws that belong to no section.
const SURVEY: u64 = u64::MAX;

/// A tile that was taken.
struct Tile {
    section: usize,
    column: usize,
    row: usize,
    mask: Vec<u8>,
    bin: usize,
    train: bool,
}

/// A survey of `train` samples with masks and `test` samples without, each in order of id.
pub(crate) fn survey(seed: u64, train: usize, test: usize) -> Result<(Vec<Sample>, Vec<Sample>)> {
    let mut dice = Dice::new(seed, SURVEY);
    let (sections, tiles) = take(seed, &mut dice, [quotas(train), quotas(test)]);
    let labels: Vec<(String, f32)> = {
        let ids = ids(&mut dice, tiles.len());
        ids.into_iter().zip(tiles.iter().map(|tile| depth(&mut dice, tile))).collect()
    };
    let draw = |(tile, (id, z)): (&Tile, (String, f32))| -> Result<(bool, Sample)> {
        let black = tile.bin == 0;
        let pixels =
            if black { vec![0.0; SIDE * SIDE] } else { sections[tile.section].image(tile.column, tile.row) };
        let mask = if tile.train { Some(Mask::new(SIDE, SIDE, tile.mask.clone())?) } else { None };
        Ok((tile.train, Sample { id, z: Some(z), image: Image::new(SIDE, SIDE, pixels)?, mask }))
    };
    let mut samples: Vec<(bool, Sample)> =
        tiles.par_iter().zip(labels.into_par_iter()).map(draw).collect::<Result<_>>()?;
    samples.sort_by(|a, b| a.1.id.cmp(&b.1.id));
    let (train, test): (Vec<_>, Vec<_>) = samples.into_iter().partition(|(train, _)| *train);
    let plain = |samples: Vec<(bool, Sample)>| samples.into_iter().map(|(_, sample)| sample).collect();
    Ok((plain(train), plain(test)))
}

/// How many of `n` samples each bin gets: the shares, rounded so that they sum to `n` (largest remainder).
fn quotas(n: usize) -> [usize; BINS.len()] {
    let exact = BINS.map(|(_, share)| share * n as f64);
    let mut counts = exact.map(|e| e as usize);
    let mut order: Vec<usize> = (0..BINS.len()).collect();
    order.sort_by(|&a, &b| (exact[b] - counts[b] as f64).total_cmp(&(exact[a] - counts[a] as f64)));
    let missing = n.saturating_sub(counts.iter().sum());
    for &bin in order.iter().cycle().take(missing) {
        counts[bin] += 1;
    }
    counts
}

/// Generates sections and takes their tiles in order until the quotas of training and test are full.
fn take(seed: u64, dice: &mut Dice, mut quotas: [[usize; BINS.len()]; 2]) -> (Vec<Section>, Vec<Tile>) {
    let (mut sections, mut tiles) = (Vec::new(), Vec::new());
    let mut batch = 0;
    while quotas.iter().flatten().any(|&left| left > 0) {
        let candidates: Vec<(Section, Vec<Vec<u8>>)> = (batch * BATCH..(batch + 1) * BATCH)
            .into_par_iter()
            .map(|index| {
                let section = Section::new(seed, index);
                let masks = (0..TILES.0 * TILES.1).map(|t| section.mask(t % TILES.0, t / TILES.0)).collect();
                (section, masks)
            })
            .collect();
        for (section, masks) in candidates {
            for (t, mask) in masks.into_iter().enumerate() {
                let (column, row) = (t % TILES.0, t / TILES.0);
                if let Some((bin, train)) = place(dice, &mut quotas, &mask, row, batch >= PATIENCE) {
                    tiles.push(Tile { section: sections.len(), column, row, mask, bin, train });
                }
            }
            sections.push(section);
        }
        batch += 1;
    }
    (sections, tiles)
}

/// The bin and the half of the survey that still want a tile like this, if any.
fn place(
    dice: &mut Dice,
    quotas: &mut [[usize; BINS.len()]; 2],
    mask: &[u8],
    row: usize,
    any: bool,
) -> Option<(usize, bool)> {
    let coverage = mask.iter().map(|&p| f64::from(p)).sum::<f64>() / mask.len() as f64;
    let open = |bin: usize| quotas[0][bin] + quotas[1][bin] > 0;
    let own = (1..BINS.len()).find(|&bin| coverage <= BINS[bin].0)?;
    // A tile of no data: where nothing was recorded, above the sediments. The commonest kinds are not all taken
    // from the first sections.
    if (own == 1 || own == FULL) && dice.chance(0.6) {
        return None;
    }
    let bin = if own == 1 && row == 0 && open(0) && dice.chance(0.2) { 0 } else { own };
    let bin = if open(bin) {
        Some(bin)
    } else {
        (0..BINS.len()).find(|&other| any && open(other) && (other > 0 || own == 1))
    }?;
    let (train, test) = (quotas[0][bin], quotas[1][bin]);
    let to_train = dice.below(train + test) < train;
    quotas[usize::from(!to_train)][bin] -= 1;
    Some((bin, to_train))
}

/// Different ids of ten hexadecimal characters, as the competition has them.
fn ids(dice: &mut Dice, count: usize) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut ids = Vec::with_capacity(count);
    while ids.len() < count {
        let id = format!("{:010x}", dice.bits() >> 24);
        if seen.insert(id.clone()) {
            ids.push(id);
        }
    }
    ids
}

/// Depth in whole feet, 50 to 959: it follows the tile's row, since salt is rare near the surface.
fn depth(dice: &mut Dice, tile: &Tile) -> f32 {
    let row = (tile.row as f32 + 0.5) / TILES.1 as f32 - 0.5;
    let salted = tile.mask.contains(&1);
    let (mean, slope, spread) = if salted { (525.0, 180.0, 155.0) } else { (460.0, 320.0, 240.0) };
    let z = mean + slope * row + spread * dice.normal();
    // Beyond the range it is mirrored back, so that no value piles up at its ends.
    let z = if z < 50.0 { 100.0 - z } else { z };
    let z = if z > 959.0 { 1918.0 - z } else { z };
    (z as i32).clamp(50, 959) as f32
}
