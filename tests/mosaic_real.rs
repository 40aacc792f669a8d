//! Mosaics of the real competition data, where it is there: set TGS_SALT_DATA, or put it into ../shared/data/tgs-salt.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

use tgs_salt::prelude::*;

fn real() -> Option<Competition> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/tgs-salt");
    let dir = std::env::var_os("TGS_SALT_DATA").map_or_else(beside, PathBuf::from);
    if dir.is_dir() {
        return Some(Competition::open(&dir).unwrap());
    }
    assert!(std::env::var_os("CI").is_none(), "{}: the real data has to be there in CI", dir.display());
    eprintln!("SKIPPED: no real data in {}; set TGS_SALT_DATA to the unpacked Kaggle folder", dir.display());
    None
}

fn timed(all: &Dataset, search: &MosaicSearch) -> Mosaics {
    let start = Instant::now();
    let mosaics = Mosaics::find(all, search).unwrap();
    println!("{:.1} s: {mosaics:?}\n{:?}", start.elapsed().as_secs_f64(), mosaics.counts);
    mosaics
}

/// Training and test images together, and their mosaics; looked for once.
fn found() -> Option<&'static (Competition, Dataset, Mosaics)> {
    static FOUND: OnceLock<Option<(Competition, Dataset, Mosaics)>> = OnceLock::new();
    let find = || {
        let salt = real()?;
        let all = salt.train.join(&salt.test).unwrap();
        let mosaics = timed(&all, &MosaicSearch::default());
        Some((salt, all, mosaics))
    };
    FOUND.get_or_init(find).as_ref()
}

/// The ids of those to the right, or below.
fn pairs(mosaics: &Mosaics, is_vertical: bool) -> Vec<(String, String)> {
    let next = |id: &String| {
        let found = mosaics.neighbours(id).unwrap();
        Some((id.clone(), if is_vertical { found.down?.id } else { found.right?.id }))
    };
    mosaics.ids().iter().filter_map(next).collect()
}

/// The last column and the first one, or the last row and the first one: what meets at a seam.
fn border(mask: &Mask, is_vertical: bool, is_first: bool) -> Vec<u8> {
    let (height, width) = (mask.height(), mask.width());
    let line = |length: usize| if is_first { length - 1 } else { 0 };
    match is_vertical {
        true => (0..width).map(|x| mask.pixels()[line(height) * width + x]).collect(),
        false => (0..height).map(|y| mask.pixels()[y * width + line(width)]).collect(),
    }
}

/// The share of pixels at a seam that have the same label on both sides, of pairs that both have masks; and how many pairs.
fn continuity(masks: &HashMap<String, Mask>, pairs: &[(String, String)], is_vertical: bool) -> (f64, usize) {
    let labelled = pairs.iter().filter_map(|(a, b)| Some((masks.get(a)?, masks.get(b)?)));
    let shares: Vec<f64> = labelled
        .map(|(a, b)| {
            let (a, b) = (border(a, is_vertical, true), border(b, is_vertical, false));
            a.iter().zip(&b).filter(|(a, b)| a == b).count() as f64 / a.len() as f64
        })
        .collect();
    (shares.iter().sum::<f64>() / shares.len().max(1) as f64, shares.len())
}

/// The median of how many feet two images are apart.
fn depth_between(all: &Dataset, pairs: &[(String, String)]) -> f32 {
    let depths: HashMap<String, f32> =
        all.ids().into_iter().zip(all.depths()).filter_map(|(id, z)| Some((id, z?))).collect();
    let mut apart: Vec<f32> =
        pairs.iter().filter_map(|(a, b)| Some((depths.get(a)? - depths.get(b)?).abs())).collect();
    apart.sort_by(f32::total_cmp);
    apart[apart.len() / 2]
}

/// Pairs of images that have nothing to do with each other.
fn strangers(ids: &[String]) -> Vec<(String, String)> {
    let half = ids.len() / 2;
    (0..half).map(|i| (ids[i].clone(), ids[half + (7 * i + 3) % half].clone())).collect()
}

#[test]
fn neighbours_continue_each_other() {
    let Some((salt, all, mosaics)) = found() else { return };
    let masks: HashMap<String, Mask> =
        salt.train.samples().unwrap().into_iter().filter_map(|s| Some((s.id, s.mask?))).collect();
    if let Ok(folder) = std::env::var("TGS_SALT_LOOK") {
        mosaics.show(24, all).unwrap().save(format!("{folder}/largest_sections.png")).unwrap();
        mosaics.section(0).unwrap().show(all).unwrap().save(format!("{folder}/largest_section.png")).unwrap();
    }
    let placed: usize = mosaics.sections().iter().map(Section::len).sum();
    assert!((4_800..6_000).contains(&placed), "{placed} images in sections");
    let counts = mosaics.counts;
    assert!((2_600..3_500).contains(&counts.right) && (3_000..4_000).contains(&counts.down), "{counts:?}");
    assert!(counts.contradictions <= 5, "{counts:?}");
    assert!(counts.blank > 400 && mosaics.sections()[0].len() > 60, "{counts:?}");
    let ids = salt.train.ids();
    for (is_vertical, least) in [(true, 0.85), (false, 0.8)] {
        let found = pairs(mosaics, is_vertical);
        let (share, both) = continuity(&masks, &found, is_vertical);
        let (by_chance, _) = continuity(&masks, &strangers(&ids), is_vertical);
        println!(
            "vertical {is_vertical}: {} pairs, masks agree at {share:.3} of {both} seams, {by_chance:.3} by chance",
            found.len()
        );
        assert!(both > 50 && share > least && by_chance < 0.7, "{share} of {both}, {by_chance}");
        // The depths tell nothing: those of neighbours are as far apart as any.
        let (near, any) = (depth_between(all, &found), depth_between(all, &strangers(&all.ids())));
        println!("depths apart: {near} ft, {any} ft by chance");
        assert!(near > 0.8 * any);
    }
}

#[test]
fn the_notebook_finds_little_and_much_of_it_wrong() {
    let Some((_, all, _)) = found() else { return };
    let counts = timed(all, &MosaicSearch::kernel()).counts;
    assert!(counts.contradictions > 0 && counts.up > 2 * counts.down, "{counts:?}");
}

#[test]
fn folds_keep_mosaics_together_and_are_even() {
    let Some((salt, _, mosaics)) = found() else { return };
    let groups = mosaics.groups();
    let group_of: HashMap<&String, usize> =
        groups.iter().enumerate().flat_map(|(i, ids)| ids.iter().map(move |id| (id, i))).collect();
    let coverage =
        |part: &Dataset| part.coverages().unwrap().into_iter().flatten().sum::<f64>() / part.len() as f64;
    let (whole, fair) = (coverage(&salt.train), salt.train.len() as f64 / 5.0);
    let mut worst = [0.0; 2];
    for seed in 0..20 {
        let folds = salt.train.folds_together(5, Stratify::Coverage, seed, &groups).unwrap();
        let mut fold_of: HashMap<usize, usize> = HashMap::new();
        for (f, (train, valid)) in folds.iter().enumerate() {
            assert_eq!(train.len() + valid.len(), salt.train.len());
            for group in valid.ids().iter().filter_map(|id| group_of.get(id)) {
                assert_eq!(*fold_of.entry(*group).or_insert(f), f, "section {group} is in two folds");
            }
        }
        let most =
            |of: &dyn Fn(&Dataset) -> f64| folds.iter().map(|(_, valid)| of(valid)).fold(0.0, f64::max);
        worst[0] += most(&|valid| (coverage(valid) - whole).abs()) / 20.0;
        worst[1] += most(&|valid| (valid.len() as f64 - fair).abs()) / 20.0;
    }
    println!("worst deviation of a fold's mean coverage {:.5}, of its size {:.2}", worst[0], worst[1]);
    assert!(worst[0] < 0.003 && worst[1] <= 1.5, "{worst:?}");
    let (train, valid) = salt.train.split_together(0.2, Stratify::Coverage, 42, &groups).unwrap();
    assert!(valid.len().abs_diff(salt.train.len() / 5) <= 2 && (coverage(&valid) - whole).abs() < 0.005);
    assert_eq!(train.len() + valid.len(), salt.train.len());
}
