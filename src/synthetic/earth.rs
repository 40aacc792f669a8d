//! The sediments: sequences of layers, folded, dragged up by the salt, cut by an unconformity and by faults.

use super::field::{Dice, Lattice, Noise, ramp};
use super::section::{HEIGHT, WIDTH};
use super::wavelet::{Seismogram, layers};

/// One depositional sequence: where its layers lie and what they reflect.
pub(super) struct Sequence {
    /// Stratigraphic depth of a point: layers are where it is constant.
    depth: Lattice,
    /// Which trace of the seismogram has the wavelength of that place, counted along the layers' normal.
    level: Lattice,
    seismogram: Seismogram,
}

/// A fault: what lies beyond its line has slipped down.
struct Fault {
    x: f32,
    lean: f32,
    throw: f32,
    tip: f32,
}

/// The sediments of a section, without the salt that pierces them.
pub(super) struct Earth {
    young: Sequence,
    old: Sequence,
    /// Stratigraphic depth (of the young sequence) of the sea floor and of the unconformity.
    sea_floor: f32,
    unconformity: f32,
    faults: Vec<Fault>,
}

/// What the sediments are around.
pub(super) struct Around<'a> {
    pub noise: &'a Noise,
    /// Signed distance to the salt, and how much salt lies above.
    pub salt: &'a Lattice,
    pub shadow: &'a Lattice,
    /// Dominant wavelength in the middle of the section, in pixels.
    pub wavelength: f32,
}

/// A sea floor above everything.
const NO_SEA: f32 = -500.0;

impl Earth {
    pub fn new(dice: &mut Dice, around: &Around) -> Earth {
        let unconformity = if dice.chance(0.6) { HEIGHT * dice.uniform(0.2, 0.9) } else { 1200.0 };
        let sea_floor = if dice.chance(0.3) { dice.uniform(40.0, 150.0) } else { NO_SEA };
        let drag = dice.uniform(0.2, 1.8);
        let reach = dice.around(45.0, 0.4);
        let young = Sequence::new(dice, around, (sea_floor, 0.6 * drag, reach, 0.17));
        let old = Sequence::new(dice, around, (NO_SEA, drag, reach, 0.4));
        Earth { young, old, sea_floor, unconformity, faults: faults(dice) }
    }

    /// The salt cut off below the sea floor, where it would have dissolved.
    pub fn buried(&self, salt: Lattice) -> Lattice {
        if self.sea_floor == NO_SEA {
            return salt;
        }
        let cover = |x, z| self.sea_floor + 20.0 - self.young.depth.at(x, z);
        Lattice::from_fn(WIDTH, HEIGHT, |x, z| salt.at(x, z).max(cover(x, z)))
    }

    /// What the layers at a point reflect; 0 in the water.
    ///
    /// `jitter` moves the layers by a little; `blur` is half the width in pixels within which the two sides of a
    /// fault or of the unconformity cannot be told apart.
    #[inline]
    pub fn at(&self, x: f32, z: f32, jitter: f32, blur: f32) -> f32 {
        let slip = |x: f32| self.faults.iter().map(|fault| fault.slip(x, z, 0.01)).sum::<f32>();
        let (left, right) = (slip(x - blur), slip(x + blur));
        let one = self.unfaulted(x, z - left, jitter, blur);
        if left == right {
            return one;
        }
        let soft = self.faults.iter().map(|fault| fault.slip(x, z, blur)).sum::<f32>();
        let t = ((soft - left) / (right - left)).clamp(0.0, 1.0);
        one + t * (self.unfaulted(x, z - right, jitter, blur) - one)
    }

    /// Stratigraphic depth, the faults left out.
    #[inline]
    pub fn depth(&self, x: f32, z: f32) -> f32 {
        let depth = self.young.depth.at(x, z);
        if depth < self.unconformity { depth } else { self.old.depth.at(x, z) }
    }

    #[inline]
    fn unfaulted(&self, x: f32, z: f32, jitter: f32, blur: f32) -> f32 {
        let depth = self.young.depth.at(x, z);
        let below = ramp((depth - self.unconformity) / blur);
        let read =
            |sequence: &Sequence, depth: f32| sequence.seismogram.at(sequence.level.at(x, z), depth + jitter);
        let mut sum = 0.0;
        if below < 1.0 {
            sum += (1.0 - below) * read(&self.young, depth);
        }
        if below > 0.0 {
            sum += below * read(&self.old, self.old.depth.at(x, z));
        }
        sum
    }

    /// 0 in the water, 1 below the sea floor.
    #[inline]
    pub fn ground(&self, x: f32, z: f32, softness: f32) -> f32 {
        if self.sea_floor == NO_SEA {
            1.0
        } else {
            ramp((self.young.depth.at(x, z) - self.sea_floor) / softness + 1.0)
        }
    }
}

impl Sequence {
    /// `shape` is the first layer's depth, how far and how wide the salt drags the layers up, and how steep they
    /// may lie.
    fn new(dice: &mut Dice, around: &Around, shape: (f32, f32, f32, f32)) -> Sequence {
        let (first, drag, reach, tilt) = shape;
        let &Around { noise, salt, shadow, wavelength, .. } = around;
        let tilt = tilt * dice.normal();
        let (wide, high) = (dice.uniform(110.0, 280.0), dice.uniform(5.0, 35.0));
        let (narrow, low) = (dice.uniform(30.0, 70.0), dice.uniform(0.5, 6.0));
        let rough = wavelength * dice.around(0.08, 0.8).min(0.25);
        let (hummock, o) = (wavelength * dice.uniform(1.2, 3.0), dice.uniform(0.0, 100.0));
        let depth = Lattice::from_fn(WIDTH, HEIGHT, |x, z| {
            let fold = high * noise.at(x / wide + o, 0.5 * z / wide)
                + low * noise.at(x / narrow + o, z / narrow + 60.0);
            let calm = 1.0 - 0.8 * ramp(shadow.at(x, z) / 60.0);
            let lift = drag * reach * libm::expf(-salt.at(x, z).max(0.0) / reach);
            let chaos = rough * (1.0 + 1.5 * (1.0 - calm));
            let grit = chaos * noise.at(x / hummock + 3.0, 1.6 * z / hummock + o);
            z + tilt * (x - 0.5 * WIDTH) + fold * (0.4 + z.max(0.0) / HEIGHT) + lift + grit
        });
        let seismogram = Seismogram::new(&layers(dice, wavelength, first), wavelength);
        let level = Lattice::from_fn(WIDTH, HEIGHT, |x, z| {
            seismogram.level(stretched(wavelength, z) * depth.slope(x, z).clamp(0.4, 5.0))
        });
        Sequence { depth, level, seismogram }
    }
}

/// Wavelength at a depth: attenuation and velocity stretch the wavelet on its way down.
pub(super) fn stretched(wavelength: f32, z: f32) -> f32 {
    wavelength * (0.7 + 0.6 * z.clamp(0.0, HEIGHT) / HEIGHT)
}

impl Fault {
    /// By how many pixels the layers at a point have slipped down, all of it beyond `blur` pixels from the fault.
    #[inline]
    fn slip(&self, x: f32, z: f32, blur: f32) -> f32 {
        // Listric: it flattens with depth. The throw grows from nothing at the tip.
        let line = self.x + self.lean * z * (1.0 + 0.3 * z / HEIGHT);
        let beyond = (x - line) * if self.lean < 0.0 { -1.0 } else { 1.0 };
        if beyond <= -blur {
            return 0.0;
        }
        self.throw * ramp(0.5 + 0.5 * beyond / blur) * ramp((z - self.tip) / 150.0)
    }
}

/// A family of faults that lean the same way, with the odd conjugate.
fn faults(dice: &mut Dice) -> Vec<Fault> {
    let side = if dice.chance(0.5) { 1.0 } else { -1.0 };
    let count = if dice.chance(0.3) { 0 } else { 1 + dice.below(6) };
    (0..count)
        .map(|_| Fault {
            x: dice.uniform(-150.0, WIDTH + 150.0),
            lean: side * dice.uniform(0.3, 0.9) * if dice.chance(0.2) { -1.0 } else { 1.0 },
            throw: dice.around(10.0, 0.6).min(28.0),
            tip: dice.uniform(-200.0, 0.7 * HEIGHT),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_throws_what_lies_beyond_it_and_nothing_above_its_tip() {
        let fault = Fault { x: 100.0, lean: 0.5, throw: 12.0, tip: 0.0 };
        assert_eq!(fault.slip(400.0, 300.0, 1.0), 12.0);
        assert_eq!(fault.slip(10.0, 300.0, 1.0), 0.0);
        assert_eq!(fault.slip(400.0, -5.0, 1.0), 0.0);
    }
}
