use super::*;
use crate::inference::Probabilities;
use crate::postprocess::MosaicSearch;
use crate::types::{Image, Sample};

const ROWS: usize = 6;
const COLUMNS: usize = 3;
const SIZE: usize = 24;

fn id(row: usize, column: usize) -> String {
    format!("r{row}c{column}")
}

/// The tile of a section of waves.
fn image(row: usize, column: usize) -> Image {
    let wave = |y: f32, x: f32| {
        let waves = (1..30).map(|k| {
            let k = k as f32;
            (y * (0.37 * k).sin() * 0.5 + x * (0.73 * k).cos() * 0.5 + k * k).sin()
        });
        0.5 + waves.sum::<f32>() / 60.0
    };
    let at = |at: usize| ((row * SIZE + at / SIZE) as f32, (column * SIZE + at % SIZE) as f32);
    Image::new(SIZE, SIZE, (0..SIZE * SIZE).map(|p| wave(at(p).0, at(p).1)).collect()).unwrap()
}

/// Salt where `salt` of a row and a column is true.
fn mask(salt: impl Fn(usize, usize) -> bool) -> Mask {
    Mask::new(SIZE, SIZE, (0..SIZE * SIZE).map(|at| u8::from(salt(at / SIZE, at % SIZE))).collect()).unwrap()
}

/// Column 0 of the section: an empty tile, then salt that begins amid a tile, goes on as a vertical mask to the bottom. Column 1:
/// salt that fills its tile from the middle down, then the inside of the salt, whose masks are empty. Column 2: nothing.
fn truth(row: usize, column: usize) -> Mask {
    match (column, row) {
        (0, 0) | (2, _) => mask(|_, _| false),
        (0, 1) => mask(|y, x| x < 9 && y >= 12),
        (0, _) => mask(|_, x| x < 9),
        (1, 0) => mask(|y, x| y > 5 + x / 4),
        _ => mask(|_, _| false),
    }
}

fn tiles() -> impl Iterator<Item = (usize, usize)> {
    (0..ROWS * COLUMNS).map(|i| (i / COLUMNS, i % COLUMNS))
}

/// The tiles at these places, with masks.
fn dataset(places: &[(usize, usize)], masks: impl Fn(usize, usize) -> Option<Mask>) -> Dataset {
    let sample = |&(row, column): &(usize, usize)| Sample {
        id: id(row, column),
        z: None,
        image: image(row, column),
        mask: masks(row, column),
    };
    Dataset::from_samples(places.iter().map(sample).collect()).unwrap()
}

fn mosaics() -> Mosaics {
    let all: Vec<_> = tiles().collect();
    let mosaics = Mosaics::find(&dataset(&all, |_, _| None), &MosaicSearch::default()).unwrap();
    assert_eq!(mosaics.section(0).unwrap().len(), ROWS * COLUMNS, "{mosaics:?}");
    mosaics
}

fn predicted(dataset: &Dataset, masks: impl Fn(&str) -> Mask) -> Masks {
    let map = |id: &String| {
        let mask = masks(id);
        let pixels = mask.pixels().iter().map(|&p| f32::from(p)).collect();
        Image::new(mask.height(), mask.width(), pixels).unwrap()
    };
    let maps = dataset.ids().iter().map(map).collect();
    Probabilities::new(dataset.ids(), maps).threshold(0.5).unwrap()
}

/// What a network says that sees some salt in the middle of each tile.
fn speck(_: &str) -> Mask {
    mask(|y, x| (8..14).contains(&y) && (8..14).contains(&x))
}

/// Tiles of these rows are known.
fn parts(known: &[usize]) -> (Dataset, Dataset) {
    let (train, valid): (Vec<_>, Vec<_>) = tiles().partition(|(row, _)| known.contains(row));
    let labelled = |row, column| Some(truth(row, column));
    (dataset(&train, labelled), dataset(&valid, labelled))
}

#[test]
fn the_nearest_known_mask_within_reach_decides() {
    let mosaics = mosaics();
    let (train, valid) = parts(&[2]);
    let masks = predicted(&valid, speck);
    let carried = |rules: &SeamRules| masks.carry(&mosaics, &train, rules).unwrap();
    let down = SeamRules::none().vertical_above(true).none_above(true);
    for (reach, changed) in [(1, vec![3]), (2, vec![3, 4]), (3, vec![3, 4, 5])] {
        let carried = carried(&down.reach(reach));
        for row in [0, 1, 3, 4, 5] {
            let expected = |column| if changed.contains(&row) { truth(2, column) } else { speck("") };
            for column in 0..COLUMNS {
                assert_eq!(
                    carried.get(&id(row, column)).unwrap(),
                    expected(column),
                    "reach {reach}, row {row}"
                );
            }
        }
    }
    let up = carried(&SeamRules::none().vertical_below(true).none_below(true));
    assert_eq!(up.get(&id(1, 0)).unwrap(), truth(2, 0));
    assert!(up.get(&id(1, 2)).unwrap().is_empty());
    assert_eq!(up.get(&id(0, 0)).unwrap(), speck(""), "rules from below are of direct neighbours");
}

#[test]
fn a_part_of_a_row_goes_one_tile_down() {
    let mosaics = mosaics();
    let (train, valid) = parts(&[1]);
    let carried = predicted(&valid, speck);
    let carried = carried.carry(&mosaics, &train, &SeamRules::none().part_above(true)).unwrap();
    assert_eq!(carried.get(&id(2, 0)).unwrap(), truth(2, 0));
    assert_eq!(carried.get(&id(3, 0)).unwrap(), speck(""));
}

#[test]
fn masks_of_what_is_predicted_stay_unknown() {
    let mosaics = mosaics();
    let (train, valid) = parts(&[0]);
    let masks = predicted(&valid, speck);
    let all = SeamRules::default().part_above(true);
    // All but the direct neighbours of row 0 keep their masks, whatever is labelled beyond it.
    let carried = masks.carry(&mosaics, &train, &all.reach(1)).unwrap();
    for (row, column) in tiles().filter(|(row, _)| *row > 1) {
        assert_eq!(carried.get(&id(row, column)).unwrap(), speck(""), "row {row}, column {column}");
    }
    // Other truths of the validation images give the same masks by the same rules.
    let places: Vec<_> = tiles().filter(|(row, _)| *row > 0).collect();
    let chosen = masks.choose_seam_rules(&mosaics, &train, &valid).unwrap();
    let others = dataset(&places, |_, _| Some(mask(|y, _| y < 3)));
    let other = masks.choose_seam_rules(&mosaics, &train, &others).unwrap();
    assert_eq!(chosen.alone.len(), other.alone.len());
    for (one, other) in chosen.alone.iter().zip(&other.alone) {
        assert_eq!(one.changed, other.changed, "{} looks at masks that are predicted", one.name);
    }
    // Who gives the predicted images as known ones is told so.
    let everything: Vec<_> = tiles().collect();
    let known = dataset(&everything, |row, column| Some(truth(row, column)));
    for error in [
        masks.carry(&mosaics, &known, &all).unwrap_err(),
        masks.choose_seam_rules(&mosaics, &known, &valid).unwrap_err(),
        masks.carry(&mosaics, &valid, &all).unwrap_err(),
    ] {
        assert!(matches!(&error, Error::Id { why, .. } if why.contains("predicted and among")), "{error}");
    }
}

#[test]
fn the_best_rules_are_chosen_and_none_where_none_helps() {
    let mosaics = mosaics();
    let (train, valid) = parts(&[0, 2, 5]);
    let masks = predicted(&valid, speck);
    let chosen = masks.choose_seam_rules(&mosaics, &train, &valid).unwrap();
    let score =
        |rules: &SeamRules| masks.carry(&mosaics, &train, rules).unwrap().mean_precision(&valid).unwrap();
    assert_eq!((score(&SeamRules::none()), score(&chosen.rules)), (chosen.before, chosen.mean_precision));
    for bits in 0u32..1 << SeamRules::NAMES.len() {
        let rules = SeamRules::none().switched(std::array::from_fn(|rule| bits >> rule & 1 == 1));
        let smaller = |a: [bool; 6], b: [bool; 6]| {
            a.map(u8::from).iter().sum::<u8>() < b.map(u8::from).iter().sum::<u8>()
        };
        assert!(score(&rules) <= chosen.mean_precision, "{rules:?} is better than {chosen:?}");
        if smaller(rules.switches(), chosen.rules.switches()) {
            assert!(score(&rules) < chosen.mean_precision, "{rules:?} is as good as {chosen:?}");
        }
        if bits.count_ones() == 1 {
            let alone = &chosen.alone[bits.trailing_zeros() as usize];
            assert_eq!(score(&rules), alone.mean_precision, "{alone:?}");
            assert!(alone.better + alone.worse <= alone.changed);
        }
    }
    assert!(chosen.rules.vertical_above && chosen.rules.full_above && chosen.mean_precision > chosen.before);
    let right = predicted(&valid, |id| {
        let (row, column) = tiles().find(|&(row, column)| super::tests::id(row, column) == id).unwrap();
        truth(row, column)
    });
    let chosen = right.choose_seam_rules(&mosaics, &train, &valid).unwrap();
    assert_eq!((chosen.rules, chosen.mean_precision), (SeamRules::none(), 1.0));
}

#[test]
fn what_is_not_known_is_named() {
    let mosaics = mosaics();
    let (train, valid) = parts(&[2]);
    let masks = predicted(&valid, speck);
    let none = masks.carry(&mosaics, &train, &SeamRules::default().reach(0)).unwrap_err();
    assert!(matches!(none, Error::Config { field: "reach", .. }), "{none}");
    let unlabelled = dataset(&[(2, 0), (2, 1), (2, 2)], |_, _| None);
    let error = masks.carry(&mosaics, &unlabelled, &SeamRules::default()).unwrap_err();
    assert!(matches!(&error, Error::Id { why, .. } if why.contains("has no mask")), "{error}");
    let few = Mosaics::find(&train, &MosaicSearch::default()).unwrap();
    let error = masks.carry(&few, &train, &SeamRules::default()).unwrap_err();
    assert!(matches!(error, Error::Id { .. }), "{error}");
}
