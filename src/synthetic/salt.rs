//! Salt bodies: diapirs, domes, sheets and walls as a signed distance, negative inside.

use super::field::{Dice, Lattice, Noise};
use super::section::{HEIGHT, WIDTH};

/// A tapering limb between two discs (x, z, radius), in pixels.
type Limb = [(f32, f32, f32); 2];

/// Signed distance in pixels to the salt of a section, about exact near the boundary.
pub(super) fn salt(dice: &mut Dice, noise: &Noise) -> Lattice {
    let size = dice.around(1.0, 0.35);
    let limbs = bodies(dice, size);
    let (reach, bend) = (dice.uniform(35.0, 80.0) * size, dice.uniform(6.0, 16.0));
    let (rough, grain) = (dice.uniform(0.5, 3.5), dice.uniform(9.0, 16.0));
    Lattice::from_fn(WIDTH, HEIGHT, |x, z| {
        // Bent at a large scale, rugged at a small one: no boundary of a real body is a drawn curve.
        let wx = x + bend * noise.at(x / reach + 31.0, z / reach + 7.0);
        let wz = z + bend * noise.at(x / reach + 77.0, z / reach + 90.0);
        let nearest = limbs.iter().map(|limb| distance(limb, wx, wz)).fold(1e4, union);
        nearest + rough * noise.at(x / grain + 11.0, z / (1.5 * grain) + 55.0)
    })
}

/// Distance to a limb: to its axis, less the radius there.
fn distance(limb: &Limb, x: f32, z: f32) -> f32 {
    let [(x0, z0, r0), (x1, z1, r1)] = *limb;
    let (dx, dz) = (x1 - x0, z1 - z0);
    let t = (((x - x0) * dx + (z - z0) * dz) / (dx * dx + dz * dz).max(1e-3)).clamp(0.0, 1.0);
    let (ex, ez) = (x - x0 - t * dx, z - z0 - t * dz);
    (ex * ex + ez * ez).sqrt() - r0 - t * (r1 - r0)
}

/// The nearer of two, with a rounded seam.
fn union(a: f32, b: f32) -> f32 {
    const SEAM: f32 = 14.0;
    let h = (SEAM - (a - b).abs()).max(0.0) / SEAM;
    a.min(b) - h * h * SEAM * 0.25
}

/// What kinds of bodies a section has.
fn bodies(dice: &mut Dice, size: f32) -> Vec<Limb> {
    let mut limbs = Vec::new();
    match dice.uniform(0.0, 1.0) {
        t if t < 0.10 => {}
        t if t < 0.55 => {
            for _ in 0..1 + dice.below(3) {
                diapir(dice, size, &mut limbs);
            }
        }
        t if t < 0.72 => dome(dice, size, &mut limbs),
        t if t < 0.90 => {
            for _ in 0..1 + dice.below(2) {
                sheet(dice, size, &mut limbs);
            }
        }
        _ => {
            dome(dice, 1.5 * size, &mut limbs);
            diapir(dice, 1.3 * size, &mut limbs);
        }
    }
    // The layer that the salt came from.
    if !limbs.is_empty() && dice.chance(0.35) {
        let (z, tilt, r) =
            (HEIGHT + dice.uniform(-20.0, 60.0), 60.0 * dice.normal(), dice.uniform(15.0, 50.0));
        limbs.push([(-100.0, z - tilt, r), (WIDTH + 100.0, z + tilt, r)]);
    }
    limbs
}

/// A stem from below the section that swells into a bulb: steep flanks and an overhang.
fn diapir(dice: &mut Dice, size: f32, limbs: &mut Vec<Limb>) {
    let top = HEIGHT * dice.uniform(-0.4, 0.7);
    let radius = dice.around(55.0, 0.4) * size;
    let mut from = (dice.uniform(-60.0, WIDTH + 60.0), HEIGHT + 80.0, radius * dice.uniform(1.0, 1.8));
    let bulb = dice.uniform(0.75, 1.7);
    let joints = 4;
    for joint in 1..=joints {
        let t = joint as f32 / joints as f32;
        let swell = if joint == joints { bulb } else { dice.uniform(0.65, 1.05) };
        let z = HEIGHT + 80.0 + t * (top + radius * swell - HEIGHT - 80.0);
        let to = (from.0 + 0.35 * radius * dice.normal(), z, radius * swell);
        limbs.push([from, to]);
        from = to;
    }
    if dice.chance(0.3) {
        let reach = dice.uniform(-1.0, 1.0) * 220.0 * size;
        limbs.push([from, (from.0 + reach, from.1 + dice.uniform(-30.0, 60.0), radius * 0.35)]);
    }
}

/// A broad swell of the salt below the section.
fn dome(dice: &mut Dice, size: f32, limbs: &mut Vec<Limb>) {
    let (x, top) = (dice.uniform(0.0, WIDTH), HEIGHT * dice.uniform(-0.25, 0.65));
    let half = dice.uniform(60.0, 180.0) * size;
    let radius = dice.uniform(90.0, 170.0) * size;
    let fall = radius * dice.uniform(0.2, 0.9);
    let crest = (x, top + radius, radius);
    limbs.push([crest, (x - half, top + radius + fall, radius)]);
    limbs.push([crest, (x + half * dice.uniform(0.5, 1.5), top + radius + fall, radius)]);
    limbs.push([crest, (x, HEIGHT + 2.0 * radius, 1.3 * radius)]);
}

/// An allochthonous sheet that climbs away from its feeder; sediments go on below it.
fn sheet(dice: &mut Dice, size: f32, limbs: &mut Vec<Limb>) {
    let thick = dice.around(45.0, 0.45) * size;
    let side = if dice.chance(0.5) { 1.0 } else { -1.0 };
    let mut from =
        (dice.uniform(0.0, WIDTH), HEIGHT * dice.uniform(0.0, 0.8), thick * dice.uniform(0.8, 1.3));
    if dice.chance(0.7) {
        limbs.push([from, (from.0 - side * dice.uniform(0.0, 120.0), HEIGHT + 80.0, 0.6 * thick)]);
    }
    for _ in 0..2 + dice.below(3) {
        let length = dice.uniform(70.0, 200.0);
        let climb = length * dice.uniform(-0.1, 0.45);
        let to = (from.0 + side * length, from.1 - climb, thick * dice.uniform(0.45, 1.25));
        limbs.push([from, to]);
        from = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_is_signed_and_euclidean() {
        let limb = [(0.0, 0.0, 10.0), (100.0, 0.0, 20.0)];
        assert_eq!(distance(&limb, 0.0, -30.0), 20.0);
        assert_eq!(distance(&limb, 100.0, 5.0), -15.0);
        assert_eq!(distance(&limb, 50.0, 15.0), 0.0);
        assert!(union(3.0, 3.0) < 3.0 && union(3.0, 40.0) == 3.0);
    }
}
