//! Sections cut into tiles, shuffled, and put together again; the search against all pairs in double precision.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::*;
use crate::Error;
use crate::types::{Dataset, Image, Mask, Sample};

/// Height and width of the tiles: odd, and not equal.
const TILE: (usize, usize) = (21, 29);

fn uniform(random: &mut ChaCha8Rng) -> f32 {
    random.next_u32() as f32 / u32::MAX as f32
}

/// Waves that cross a section of `rows × columns` tiles.
fn earth(seed: u64, (rows, columns): (usize, usize)) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let waves: Vec<[f32; 3]> = (0..40)
        .map(|_| [uniform(&mut random) - 0.5, uniform(&mut random) - 0.5, 6.3 * uniform(&mut random)])
        .collect();
    let (height, width) = (rows * TILE.0, columns * TILE.1);
    let value = |y: usize, x: usize| {
        let sum: f32 = waves.iter().map(|[a, b, c]| (a * x as f32 + b * y as f32 + c).sin()).sum();
        (0.5 + sum / 40.0).clamp(0.0, 1.0)
    };
    (0..height * width).map(|p| value(p / width, p % width)).collect()
}

/// The tile at a row and column of a section that is so many columns wide.
fn cut(earth: &[f32], columns: usize, (row, column): (usize, usize)) -> Image {
    let at = |p: usize| {
        let (y, x) = (row * TILE.0 + p / TILE.1, column * TILE.1 + p % TILE.1);
        earth[y * columns * TILE.1 + x]
    };
    Image::new(TILE.0, TILE.1, (0..TILE.0 * TILE.1).map(at).collect()).unwrap()
}

/// An id that says nothing of the order, and the place after a dash.
fn id(section: usize, row: usize, column: usize) -> String {
    let hash = (1 + section * 10_007 + row * 101 + column).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    format!("{hash:08x}-{section}.{row}.{column}")
}

fn place(id: &str) -> (usize, usize, usize) {
    let mut parts = id.split('-').nth(1).unwrap().split('.').map(|part| part.parse().unwrap());
    (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
}

fn sample(id: String, image: Image) -> Sample {
    Sample { id, z: None, image, mask: None }
}

/// All tiles of a section but those left out; every third has a mask.
fn tiles(section: usize, (rows, columns): (usize, usize), without: &[(usize, usize)]) -> Vec<Sample> {
    let earth = earth(section as u64, (rows, columns));
    let places = (0..rows * columns).map(|i| (i / columns, i % columns));
    let kept = places.filter(|place| !without.contains(place));
    kept.map(|(row, column)| {
        let image = cut(&earth, columns, (row, column));
        let salt = image.pixels.iter().map(|&p| u8::from(p > 0.5)).collect();
        let mask = ((row + column) % 3 == 0).then(|| Mask::new(TILE.0, TILE.1, salt).unwrap());
        Sample { mask, ..sample(id(section, row, column), image) }
    })
    .collect()
}

/// Tiles of a section are where they were cut, up to one shift.
fn assert_in_place(section: &Section) {
    let (number, row, column) = place(&section.tiles()[0].id);
    let shift = (
        row as isize - section.tiles()[0].row as isize,
        column as isize - section.tiles()[0].column as isize,
    );
    for tile in section.tiles() {
        let at = (number, (tile.row as isize + shift.0) as usize, (tile.column as isize + shift.1) as usize);
        assert_eq!(place(&tile.id), at);
    }
}

/// Two sections, one with holes, blank tiles, and a tile that is there twice under another name.
fn puzzle() -> Dataset {
    let mut samples = tiles(1, (5, 6), &[]);
    samples.extend(tiles(2, (3, 4), &[(1, 1), (2, 3)]));
    let blank = |i: usize, grey: f32| {
        sample(format!("{i:02}-blank"), Image::new(TILE.0, TILE.1, vec![grey; TILE.0 * TILE.1]).unwrap())
    };
    samples.extend([blank(0, 0.0), blank(1, 0.0), blank(2, 0.5)]);
    Dataset::from_samples(samples).unwrap()
}

#[test]
fn tiles_come_together_as_they_were_cut() {
    let dataset = puzzle();
    let mosaics = Mosaics::find(&dataset, &MosaicSearch::default()).unwrap();
    let sizes: Vec<_> = mosaics.sections().iter().map(|s| (s.len(), s.rows(), s.columns())).collect();
    assert_eq!(sizes, [(30, 5, 6), (10, 3, 4)]);
    mosaics.sections().iter().for_each(assert_in_place);
    let counts = mosaics.counts;
    assert_eq!((counts.images, counts.blank), (43, 3));
    // Of 31 pairs side by side; at the ends of a section some edges are near each other by chance.
    assert!((28..=34).contains(&counts.right) && counts.left == counts.right, "{counts:?}");
    assert!(counts.contradictions <= 2, "{counts:?}");
    for id in mosaics.ids().iter().filter(|id| !id.contains("blank")) {
        let (section, row, column) = place(id);
        let found = mosaics.neighbours(id).unwrap();
        let expected = |row: isize, column: isize| {
            let (rows, columns) = if section == 1 { (5, 6) } else { (3, 4) };
            let hole = section == 2 && [(1, 1), (2, 3)].contains(&(row, column));
            let inside = row >= 0 && column >= 0 && row < rows && column < columns && !hole;
            inside.then(|| self::id(section, row as usize, column as usize))
        };
        let (row, column) = (row as isize, column as isize);
        let name = |neighbour: &Option<Neighbour>| neighbour.as_ref().map(|n| n.id.clone());
        assert_eq!(name(&found.up), expected(row - 1, column), "above {id}");
        assert_eq!(name(&found.down), expected(row + 1, column), "below {id}");
        assert_eq!(name(&found.left), expected(row, column - 1), "left of {id}");
        assert_eq!(name(&found.right), expected(row, column + 1), "right of {id}");
        assert!(found.right.is_none_or(|right| right.distance.is_some_and(|d| d > 0.0 && d < 3.0)));
    }
    assert_eq!(mosaics.neighbours("00-blank").unwrap(), Neighbours::default());
    let groups = mosaics.groups();
    assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [30, 10]);
    assert!(groups.iter().all(|group| group.is_sorted()));
}

#[test]
fn pictures_are_those_that_were_cut() {
    let dataset = puzzle();
    let mosaics = Mosaics::find(&dataset, &MosaicSearch::default()).unwrap();
    let section = mosaics.section(0).unwrap();
    assert_eq!(section.image(&dataset).unwrap().pixels, earth(1, (5, 6)));
    let mask = section.mask(&dataset).unwrap();
    let labelled = section.tiles().iter().filter(|t| (t.row + t.column) % 3 == 0).count();
    let salt: usize = section
        .tiles()
        .iter()
        .filter(|t| (t.row + t.column) % 3 == 0)
        .map(|t| cut(&earth(1, (5, 6)), 6, (t.row, t.column)).pixels.iter().filter(|&&p| p > 0.5).count())
        .sum();
    assert!(labelled == 10 && mask.area() == salt && salt > 0, "{salt}");
    // Of a part of the tiles, those are drawn.
    let one = &section.tiles()[7].id;
    let part = section.image(&dataset.select(&[one]).unwrap()).unwrap();
    let whole = section.image(&dataset).unwrap();
    let inside = |p: usize| (p / (6 * TILE.1) / TILE.0, p % (6 * TILE.1) / TILE.1) == (1, 1);
    assert!((0..part.pixels.len()).all(|p| part.pixels[p] == if inside(p) { whole.pixels[p] } else { 0.0 }));
    assert!(matches!(section.image(&dataset.select(&["00-blank"]).unwrap()), Err(Error::Id { .. })));
    let small = sample(one.clone(), Image::new(2, 2, vec![0.0; 4]).unwrap());
    let other = Dataset::from_samples(vec![small]).unwrap();
    assert!(matches!(section.image(&other), Err(Error::Shape { .. })));
}

#[test]
fn a_tile_that_is_there_twice_is_ambiguous() {
    let mut samples = tiles(1, (4, 4), &[]);
    let twin = Sample { id: "twin".into(), ..samples[5].clone() };
    samples.push(twin);
    let dataset = Dataset::from_samples(samples).unwrap();
    // Both are as near, so neither is clearly the nearest, and the place stays empty.
    let mosaics = Mosaics::find(&dataset, &MosaicSearch::default()).unwrap();
    assert_eq!((mosaics.len(), mosaics.sections()[0].len()), (1, 15));
    assert_in_place(&mosaics.sections()[0]);
    // Whoever does not ask for that gets one of them, and the other is left out.
    let search = MosaicSearch::default().compatibility(0.0).mutual(false);
    let mosaics = Mosaics::find(&dataset, &search).unwrap();
    assert_eq!((mosaics.sections()[0].len(), mosaics.counts.contradictions > 0), (16, true));
}

#[test]
fn links_that_contradict_each_other_are_left_out() {
    use super::assembly::assemble;
    use super::links::Link;
    let link = |first, second, is_vertical, distance| Link { first, second, is_vertical, distance };
    // 0 1 over 2 3; then 3 right of 0, and 4 at the place of 1.
    let links = [
        link(0, 1, false, 1.0),
        link(0, 2, true, 2.0),
        link(2, 3, false, 3.0),
        link(1, 3, true, 4.0),
        link(0, 3, false, 5.0),
        link(0, 4, false, 6.0),
    ];
    let (sections, contradictions) = assemble(6, &links);
    assert_eq!((sections.len(), contradictions), (1, 2));
    let mut tiles = sections[0].clone();
    let start = tiles.iter().find(|tile| tile.0 == 0).unwrap().1;
    tiles.iter_mut().for_each(|tile| tile.1 = (tile.1.0 - start.0, tile.1.1 - start.1));
    tiles.sort();
    assert_eq!(tiles, [(0, (0, 0)), (1, (0, 1)), (2, (1, 0)), (3, (1, 1))]);
    // A ring cannot lie in a row.
    let ring = [link(0, 1, false, 1.0), link(1, 2, false, 1.0), link(2, 0, false, 1.0)];
    assert_eq!(assemble(3, &ring).1, 1);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let dataset = puzzle();
    let find = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mosaics = Mosaics::find(&dataset, &MosaicSearch::default().compatibility(0.0)).unwrap();
            let all: Vec<Neighbours> =
                mosaics.ids().iter().map(|id| mosaics.neighbours(id).unwrap()).collect();
            (all, mosaics.groups(), mosaics.counts)
        })
    };
    assert_eq!(find(1), find(2));
    assert_eq!(find(1), find(5));
}

#[test]
fn what_cannot_be_searched_is_an_error() {
    let dataset = puzzle();
    for search in [
        MosaicSearch::default().extrapolate(1.5),
        MosaicSearch::default().extrapolate(f64::NAN),
        MosaicSearch::default().up(0.0),
        MosaicSearch::default().down(-1.0),
        MosaicSearch::default().left(f64::NAN),
        MosaicSearch::default().right(0.0),
        MosaicSearch::default().compatibility(1.0),
    ] {
        assert!(matches!(Mosaics::find(&dataset, &search), Err(Error::Config { .. })), "{search:?}");
    }
    let find = |samples: Vec<Sample>| {
        Mosaics::find(&Dataset::from_samples(samples).unwrap(), &MosaicSearch::default())
    };
    assert!(matches!(find(vec![]), Err(Error::Config { .. })));
    let small = Image::new(5, 7, vec![0.5; 35]).unwrap();
    let mixed =
        vec![sample("a".into(), small.clone()), sample("b".into(), Image::new(7, 5, vec![0.5; 35]).unwrap())];
    let line = find(mixed).unwrap_err().to_string();
    assert!(line.contains("image b: expected 5×7 as the first image, got 7×5"), "{line}");
    let mut odd = small.clone();
    odd.pixels[3] = f32::NAN;
    assert!(matches!(find(vec![sample("a".into(), odd)]), Err(Error::Image { id, .. }) if id == "a"));
    let lone = find(vec![sample("a".into(), small)]).unwrap();
    assert!(lone.is_empty() && lone.section(0).is_err() && lone.neighbours("b").is_err());
    assert_eq!(format!("{lone:?}"), "Mosaics of 1 images: 0 of them in 0 sections");
    let pixel = |grey: f32| sample(format!("{grey}"), Image::new(1, 1, vec![grey]).unwrap());
    assert!(find(vec![pixel(0.1), pixel(0.2)]).unwrap().is_empty());
}
