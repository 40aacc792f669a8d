use super::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

const BOTH: [Connectivity; 2] = [Connectivity::Four, Connectivity::Eight];

/// Of any size up to 14×14, from nearly empty to nearly full.
fn random_mask(random: &mut ChaCha8Rng) -> Mask {
    let (height, width) = (1 + random.next_u32() as usize % 14, 1 + random.next_u32() as usize % 14);
    let density = 1 + random.next_u32() % 9;
    let pixels = (0..height * width).map(|_| u8::from(random.next_u32() % 10 < density)).collect();
    Mask::new(height, width, pixels).unwrap()
}

/// Labels by flooding from each first pixel: slow and plain.
fn flooded(mask: &Mask, value: u8, connectivity: Connectivity) -> Vec<u32> {
    let (height, width) = (mask.height() as i64, mask.width() as i64);
    let mut labels = vec![0; mask.pixels().len()];
    let mut count = 0;
    for start in 0..labels.len() {
        if mask.pixels()[start] != value || labels[start] > 0 {
            continue;
        }
        count += 1;
        let mut open = vec![start as i64];
        while let Some(at) = open.pop() {
            if labels[at as usize] > 0 {
                continue;
            }
            labels[at as usize] = count;
            for (dy, dx) in (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dy, dx))) {
                let (y, x) = (at / width + dy, at % width + dx);
                let is_near = connectivity == Connectivity::Eight || dy == 0 || dx == 0;
                let inside = (0..height).contains(&y) && (0..width).contains(&x);
                if is_near && inside && mask.pixels()[(y * width + x) as usize] == value {
                    open.push(y * width + x);
                }
            }
        }
    }
    labels
}

fn flipped(mask: &Mask, rows: bool) -> Mask {
    let (height, width) = (mask.height(), mask.width());
    let from = |at: usize| match rows {
        true => (height - 1 - at / width) * width + at % width,
        false => at / width * width + width - 1 - at % width,
    };
    mask.with(|at| mask.pixels()[from(at)] == 1)
}

fn transposed(mask: &Mask) -> Mask {
    let (height, width) = (mask.height(), mask.width());
    let pixels = (0..height * width).map(|at| mask.pixels()[at % height * width + at / height]).collect();
    Mask::new(width, height, pixels).unwrap()
}

#[test]
fn labels_are_those_of_flooding() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for round in 0..2000 {
        let mask = random_mask(&mut random);
        for connectivity in BOTH {
            let expected = flooded(&mask, 1, connectivity);
            assert_eq!(mask.components(connectivity).labels, expected, "round {round}, {connectivity:?}");
            let (holes, areas) = mask.holes(connectivity);
            assert_eq!(holes, flooded(&mask, 0, connectivity), "round {round}, {connectivity:?}");
            assert_eq!(areas.iter().sum::<usize>(), mask.pixels().len() - mask.area());
        }
    }
}

#[test]
fn boxes_hold_their_components() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for _ in 0..500 {
        let mask = random_mask(&mut random);
        let components = mask.components(Connectivity::Eight);
        for component in &components.list {
            let own = (0..mask.pixels().len()).filter(|&at| components.labels[at] == component.label);
            let own: Vec<(usize, usize)> = own.map(|at| (at / mask.width(), at % mask.width())).collect();
            assert_eq!(component.area, own.len());
            let (ys, xs) = (own.iter().map(|at| at.0), own.iter().map(|at| at.1));
            assert_eq!(component.rows, ys.clone().min().unwrap()..ys.max().unwrap() + 1);
            assert_eq!(component.columns, xs.clone().min().unwrap()..xs.max().unwrap() + 1);
        }
    }
}

#[test]
fn cleaning_is_idempotent_and_blind_to_direction() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut changed = 0;
    for round in 0..2000 {
        let mask = random_mask(&mut random);
        let connectivity = BOTH[round % 2];
        let rule = ComponentRule {
            min_object: random.next_u32() as usize % 20,
            min_hole: random.next_u32() as usize % 20,
            connectivity,
        };
        let clean = rule.clean(&mask);
        changed += usize::from(clean != mask);
        assert_eq!(rule.clean(&clean), clean, "round {round}");
        assert_eq!(rule.clean(&flipped(&mask, true)), flipped(&clean, true), "round {round}");
        assert_eq!(rule.clean(&flipped(&mask, false)), flipped(&clean, false), "round {round}");
        assert_eq!(rule.clean(&transposed(&mask)), transposed(&clean), "round {round}");
        // Holes of a mask are objects of its opposite.
        let opposite = mask.with(|at| mask.pixels()[at] == 0);
        let dropped = opposite.remove_small_objects(rule.min_hole, connectivity);
        let filled = mask.remove_small_holes(rule.min_hole, connectivity);
        assert_eq!(dropped, filled.with(|at| filled.pixels()[at] == 0));
    }
    assert!(changed > 500, "{changed} of 2000 masks changed: too few to test anything");
}

#[test]
fn sizes_are_kept_from_the_least_on() {
    let mask = Mask::new(3, 6, vec![1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let left = |size, connectivity| mask.remove_small_objects(size, connectivity).area();
    for (size, four, eight) in [(0, 5, 5), (1, 5, 5), (2, 3, 5), (3, 3, 3), (4, 0, 0)] {
        assert_eq!(left(size, Connectivity::Four), four, "size {size}");
        assert_eq!(left(size, Connectivity::Eight), eight, "size {size}");
    }
    assert_eq!(format!("{:?}", mask.components(Connectivity::Four)), "Components 3×6: 3, of 1 to 3 pixels");
}

#[test]
fn classes_are_cleaned_each_by_itself() {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    for _ in 0..300 {
        let first = random_mask(&mut random);
        let second = first.with(|_| random.next_u32() % 2 == 0);
        let both = Mask::stack(&[first.clone(), second.clone()]).unwrap();
        for connectivity in BOTH {
            let rule = ComponentRule { min_object: 4, min_hole: 3, connectivity };
            let clean = rule.clean(&both);
            assert_eq!(clean, Mask::stack(&[rule.clean(&first), rule.clean(&second)]).unwrap());
            let (first, second) = (first.components(connectivity), second.components(connectivity));
            let all = both.components(connectivity).list;
            let (start, end) = all.split_at(first.list.len());
            assert_eq!(start, first.list);
            let number = first.list.len() as u32;
            let moved = |c: &Component| Component { label: c.label + number, class: 1, ..c.clone() };
            assert_eq!(end, second.list.iter().map(moved).collect::<Vec<_>>());
        }
    }
}

#[test]
fn objects_go_before_holes_are_filled() {
    // A ring of 8 pixels around a hole of 1.
    let ring = Mask::new(3, 3, vec![1, 1, 1, 1, 0, 1, 1, 1, 1]).unwrap();
    assert!(ComponentRule::default().min_object(9).min_hole(2).clean(&ring).is_empty());
    assert_eq!(ComponentRule::default().min_object(8).min_hole(2).clean(&ring).area(), 9);
    let rule = ComponentRule::default().min_object(30).connectivity(Connectivity::Eight);
    let line = "ComponentRule: objects of 30 pixels or more, holes of 0 or more, 8-connected";
    assert_eq!(format!("{rule:?}"), line);
    assert_eq!(serde_json::from_str::<ComponentRule>("{\"min_object\":7}").unwrap().min_object, 7);
}
