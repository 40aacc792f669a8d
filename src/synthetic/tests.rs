//! The survey as a whole: its statistics, its reproducibility, and that masks say what the images show.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::survey;
use crate::types::{Sample, coverage_class};

/// The survey of the notebooks' size, made once for all tests.
fn sample() -> &'static (Vec<Sample>, Vec<Sample>) {
    static SAMPLE: OnceLock<(Vec<Sample>, Vec<Sample>)> = OnceLock::new();
    SAMPLE.get_or_init(|| survey(1, 400, 200).unwrap())
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count)
}

fn coverage(sample: &Sample) -> f64 {
    sample.mask.as_ref().unwrap().coverage()
}

#[test]
fn coverage_is_distributed_as_in_the_competition() {
    let train = &sample().0;
    assert_eq!(train.len(), 400);
    let empty = mean(train.iter().map(|s| f64::from(coverage(s) == 0.0)));
    assert!((0.38..=0.40).contains(&empty), "{empty} of the masks are empty");
    let all = mean(train.iter().map(coverage));
    assert!((0.24..=0.26).contains(&all), "mean coverage {all}");
    // Shares of the classes in the competition's training images.
    let expected = [0.391, 0.144, 0.074, 0.056, 0.047, 0.056, 0.051, 0.043, 0.037, 0.040, 0.061];
    for (class, expected) in expected.into_iter().enumerate() {
        let share = mean(train.iter().map(|s| f64::from(coverage_class(coverage(s)) == class)));
        assert!((share - expected).abs() < 0.01, "class {class}: {share}, expected {expected}");
    }
    let tiny = train.iter().filter(|s| coverage(s) > 0.0 && coverage(s) <= 0.01).count();
    assert!((10..=25).contains(&tiny), "{tiny} tiny masks");
}

#[test]
fn ids_and_depths_look_like_the_competition() {
    let (train, test) = sample();
    let all: Vec<&Sample> = train.iter().chain(test).collect();
    let ids: BTreeSet<&str> = all.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids.len(), 600, "every id once");
    assert!(ids.iter().all(|id| id.len() == 10 && id.bytes().all(|b| b"0123456789abcdef".contains(&b))));
    assert!(train.is_sorted_by_key(|s| &s.id) && test.is_sorted_by_key(|s| &s.id));
    assert!(all.iter().all(|s| s.z.is_some_and(|z| (50.0..=959.0).contains(&z) && z.fract() == 0.0)));
    assert!(test.iter().all(|s| s.mask.is_none()) && train.iter().all(|s| s.mask.is_some()));
    // Salt is rare near the surface.
    let salted = |low: f32, high: f32| {
        let there = train.iter().filter(|s| s.z.is_some_and(|z| (low..high).contains(&z)));
        mean(there.map(|s| f64::from(coverage(s) > 0.0)))
    };
    let (shallow, middle) = (salted(50.0, 250.0), salted(400.0, 700.0));
    assert!(shallow + 0.15 < middle, "{shallow} of the shallow, {middle} of the middle masks have salt");
}

#[test]
fn images_use_the_grey_range_as_the_competition_does() {
    let (train, test) = sample();
    let black = train.iter().filter(|s| s.image.pixels.iter().all(|&p| p == 0.0));
    assert!(black.clone().all(|s| coverage(s) == 0.0), "a black image has an empty mask");
    assert!((4..=20).contains(&black.count()), "a few black images");
    let lit: Vec<&[f32]> = train
        .iter()
        .chain(test)
        .map(|s| &s.image.pixels[..])
        .filter(|p| p.iter().any(|&p| p > 0.0))
        .collect();
    for pixels in &lit {
        assert_eq!(pixels.len(), 101 * 101);
        assert!(pixels.iter().all(|p| (p * 255.0).round() / 255.0 == *p), "eight bits");
        assert!(pixels.contains(&0.0) && pixels.contains(&1.0));
    }
    let moments = |p: &[f32]| {
        let m = mean(p.iter().map(|&p| f64::from(p)));
        (m, mean(p.iter().map(|&p| (f64::from(p) - m).powi(2))).sqrt())
    };
    let (means, spreads): (Vec<f64>, Vec<f64>) = lit.iter().map(|p| moments(p)).unzip();
    // The competition's: 0.483 and 0.111.
    let (level, spread) = (mean(means.into_iter()), mean(spreads.into_iter()));
    assert!(
        (0.46..0.51).contains(&level) && (0.10..0.125).contains(&spread),
        "mean {level}, spread {spread}"
    );
}

/// Correlation of pixels that are `(dx, dz)` apart, over the pairs for which `keep` holds at both ends.
fn correlation(pixels: &[f32], (dx, dz): (usize, usize), keep: impl Fn(usize) -> bool) -> f64 {
    let pairs = (0..(101 - dz) * 101)
        .filter(|i| i % 101 + dx < 101)
        .map(|i| (i, i + dx + dz * 101))
        .filter(|&(a, b)| keep(a) && keep(b))
        .map(|(a, b)| (f64::from(pixels[a]), f64::from(pixels[b])));
    let centre = mean(pairs.clone().map(|(a, _)| a));
    mean(pairs.clone().map(|(a, b)| (a - centre) * (b - centre)))
        / mean(pairs.map(|(a, _)| (a - centre).powi(2)))
}

#[test]
fn sediments_are_layered_and_salt_is_weaker() {
    let train = &sample().0;
    let sediments = train.iter().filter(|s| coverage(s) == 0.0 && s.image.pixels.contains(&1.0));
    let layered = mean(sediments.map(|s| {
        correlation(&s.image.pixels, (4, 0), |_| true) - correlation(&s.image.pixels, (0, 4), |_| true)
    }));
    assert!(layered > 0.4, "along layers pixels agree by {layered} more than across");
    // Away from the boundary's own reflection, which is the strongest of all.
    let mut ratios = Vec::new();
    for sample in train.iter().filter(|s| (0.3..0.7).contains(&coverage(s))) {
        let mask = sample.mask.as_ref().unwrap().pixels();
        let same = |i: usize, value: u8| {
            let (x, z) = (i % 101, i / 101);
            let rows = z.saturating_sub(8)..=(z + 8).min(100);
            rows.step_by(4).all(|z| {
                (x.saturating_sub(8)..=(x + 8).min(100)).step_by(4).all(|x| mask[z * 101 + x] == value)
            })
        };
        let spread = |value: u8| {
            let part: Vec<f64> = (0..101 * 101)
                .filter(|&i| same(i, value))
                .map(|i| f64::from(sample.image.pixels[i]))
                .collect();
            let centre = mean(part.iter().copied());
            mean(part.iter().map(|p| (p - centre).powi(2))).sqrt()
        };
        ratios.push(spread(1) / spread(0));
    }
    ratios.retain(|r| r.is_finite());
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    assert!((0.2..0.7).contains(&median), "salt has {median} of the sediments' contrast");
    // Not by contrast alone: in some images the salt is as lively as what is around it.
    assert!(ratios[ratios.len() * 9 / 10] > 0.7);
}

#[test]
fn same_seed_same_bits_with_any_number_of_threads() {
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| survey(7, 30, 15).unwrap())
    };
    let one = with(1);
    assert!(one == with(3));
    assert!(one != survey(8, 30, 15).unwrap());
    // FNV-1a of an image made of everything: a platform that rounds differently fails here.
    let first = &one.0[0];
    let checksum = first.image.pixels.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &p| {
        (hash ^ u64::from((p * 255.0).round() as u8)).wrapping_mul(0x0100_0000_01b3)
    });
    assert_eq!((first.id.as_str(), checksum), ("11cef51a84", 4788646308389186375));
}

#[test]
fn surveys_of_no_and_of_one_sample() {
    let (train, test) = survey(3, 0, 0).unwrap();
    assert!(train.is_empty() && test.is_empty());
    let (train, test) = survey(3, 0, 1).unwrap();
    assert_eq!((train.len(), test.len()), (0, 1));
}
