//! One generated section: an earth with salt, and the tiles cut from it.

use super::earth::{Around, Earth, stretched};
use super::field::{Dice, Lattice, Noise, ramp};
use super::salt::salt;
use super::wavelet::ricker;

/// Side of a tile, in pixels.
pub(super) const SIDE: usize = 101;
/// Tiles beside and below each other in a section.
pub(super) const TILES: (usize, usize) = (6, 5);
/// Size of a section, in pixels.
pub(super) const WIDTH: f32 = (TILES.0 * SIDE) as f32;
pub(super) const HEIGHT: f32 = (TILES.1 * SIDE) as f32;

/// An earth, its salt and the look of one survey. Neighbouring tiles continue each other.
pub(super) struct Section {
    earth: Earth,
    salt: Lattice,
    shadow: Lattice,
    noise: Noise,
    wavelength: f32,
    look: Look,
}

/// What acquisition and processing add; amplitudes are relative to the sediments' root mean square.
struct Look {
    top_salt: f32,
    inside: f32,
    grain: f32,
    /// Size of the grains of noise in pixels, across and down, and how they lean.
    grain_size: (f32, f32),
    lean: f32,
    /// Events that migration left crossing the layers.
    smiles: f32,
    /// How far the layers wander from pixel to pixel, in wavelengths.
    jitter: f32,
    /// How jagged the salt's boundary is, in pixels.
    jag: f32,
}

impl Look {
    fn new(dice: &mut Dice, wavelength: f32) -> Look {
        let sign = if dice.chance(0.8) { 1.0 } else { -1.0 };
        Look {
            top_salt: sign * dice.around(3.0, 0.4),
            inside: dice.around(0.7, 0.5),
            grain: dice.around(0.4, 0.6).min(1.0),
            grain_size: (
                (wavelength * dice.around(0.25, 0.5)).max(1.8),
                (wavelength * dice.around(0.25, 0.3)).max(1.6),
            ),
            lean: 0.15 + 0.3 * dice.normal(),
            smiles: dice.around(0.2, 0.6).min(0.5),
            jitter: dice.around(0.035, 0.5),
            jag: dice.uniform(0.0, 2.0).min(0.12 * wavelength),
        }
    }
}

impl Section {
    /// The section of an index: every index is a stream of its own.
    pub fn new(seed: u64, index: u64) -> Section {
        let mut dice = Dice::new(seed, index);
        let noise = Noise::new(&mut dice);
        let wavelength = dice.around(14.5, 0.55).clamp(5.0, 27.0);
        let salt = salt(&mut dice, &noise);
        let shadow = salt.accumulate(|d| ramp(0.5 - d / 10.0));
        let around = Around { noise: &noise, salt: &salt, shadow: &shadow, wavelength };
        let earth = Earth::new(&mut dice, &around);
        let salt = earth.buried(salt);
        let look = Look::new(&mut dice, wavelength);
        Section { earth, salt, shadow, noise, wavelength, look }
    }

    /// Signed distance to the salt of every pixel of a window, row by row.
    fn distances(&self, x0: f32, z0: f32, side: usize) -> Vec<f32> {
        let mut distances = self.salt.window(x0, z0, side, side);
        for (i, d) in distances.iter_mut().enumerate().filter(|(_, d)| d.abs() < 8.0) {
            let (x, z) = (x0 + (i % side) as f32, z0 + (i / side) as f32);
            *d += self.look.jag * (1.0 - *d * *d / 64.0) * self.noise.at(x / 3.5 + 17.0, z / 9.0 + 29.0);
        }
        distances
    }

    /// 1 where the salt is, row by row, of the tile in a column and row of the section.
    pub fn mask(&self, column: usize, row: usize) -> Vec<u8> {
        let distances = self.distances((column * SIDE) as f32, (row * SIDE) as f32, SIDE);
        distances.iter().map(|&d| u8::from(d < 0.0)).collect()
    }

    /// The tile's grey values, row by row: amplitudes stretched so that the weakest is 0 and the strongest 1, in
    /// steps of 1/255.
    pub fn image(&self, column: usize, row: usize) -> Vec<f32> {
        let mut pixels = self.amplitudes((column * SIDE) as f32, (row * SIDE) as f32);
        let low = pixels.iter().copied().fold(f32::INFINITY, f32::min);
        let high = pixels.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let gain = if high - low > 1e-3 { 255.0 / (high - low) } else { 0.0 };
        for pixel in &mut pixels {
            *pixel = ((*pixel - low) * gain + 0.5).min(255.0) as u8 as f32 / 255.0;
        }
        pixels
    }

    /// The seismic amplitudes of a tile, row by row.
    fn amplitudes(&self, x0: f32, z0: f32) -> Vec<f32> {
        // One more pixel on each side, for the gradient.
        let side = SIDE + 2;
        let distances = self.distances(x0 - 1.0, z0 - 1.0, side);
        let shadow = self.shadow.window(x0, z0, SIDE, SIDE);
        let mut pixels = Vec::with_capacity(SIDE * SIDE);
        for (j, shadow) in shadow.chunks_exact(SIDE).enumerate() {
            let z = z0 + j as f32;
            let wavelength = stretched(self.wavelength, z);
            let [up, here, down] = [j, j + 1, j + 2].map(|row| &distances[row * side..][..side]);
            pixels.extend(shadow.iter().enumerate().map(|(i, &shadow)| {
                let gradient = (0.5 * (here[i + 2] - here[i]), 0.5 * (down[i + 1] - up[i + 1]));
                let place =
                    Place { x: x0 + i as f32, z, d: here[i + 1], shadow: ramp(shadow / 80.0), wavelength };
                self.amplitude(&place, gradient)
            }));
        }
        pixels
    }

    fn amplitude(&self, place: &Place, gradient: (f32, f32)) -> f32 {
        let &Place { x, z, d, shadow, wavelength } = place;
        let ground = self.earth.ground(x, z, wavelength);
        if ground == 0.0 {
            return 0.0;
        }
        let outside = ramp(0.5 + d / (0.5 * wavelength));
        let mut sum = 0.0;
        if outside > 0.0 {
            sum += outside * self.sediment(place);
        }
        if outside < 1.0 {
            sum += (1.0 - outside) * self.look.inside * self.chaos(x, z);
        }
        let quiet = 0.5 + 0.5 * outside + 0.3 * shadow;
        sum += 0.5 * quiet * self.look.grain * self.grain(x, z);
        if d.abs() < 2.0 * wavelength {
            sum += self.boundary(place, gradient);
        }
        sum * ground
    }

    /// Layers, noise along them, and what crosses them near the salt.
    fn sediment(&self, place: &Place) -> f32 {
        let &Place { x, z, d, shadow, wavelength } = place;
        let look = &self.look;
        let wander = self.noise.at(x / (0.7 * wavelength) + 60.0, z / (0.9 * wavelength));
        let layers = self.earth.at(x, z, look.jitter * wavelength * wander, 0.25 * wavelength);
        let depth = self.earth.depth(x, z);
        let bright = (1.0 + 0.3 * self.noise.at(x / 45.0 + 40.0, depth / 20.0) + 0.3 * wander).max(0.1);
        let along = self.noise.band(x / (2.5 * look.grain_size.0), depth / look.grain_size.1 + 40.0, 0.8);
        let mut sum = bright * (1.0 - 0.5 * shadow) * layers + look.grain * along;
        let near = ramp(1.0 - d / 110.0) + 0.5 * shadow;
        if near > 0.02 {
            let (p, q) = ((x + z) / wavelength, (x - z) / wavelength);
            let crossing =
                self.noise.band(0.4 * p, 2.5 * q + 9.0, 0.8) + self.noise.band(0.4 * q + 33.0, 2.5 * p, 0.8);
            sum += near * look.smiles * crossing;
        }
        sum
    }

    /// Band-limited noise of no structure.
    fn grain(&self, x: f32, z: f32) -> f32 {
        let Look { grain_size: (across, down), lean, .. } = self.look;
        self.noise.band((x + lean * z) / across, (z - lean * x) / down + 20.0, 0.8)
    }

    /// Inside the salt nothing is layered: weak blobs and steep streaks.
    fn chaos(&self, x: f32, z: f32) -> f32 {
        let w = self.wavelength;
        let (p, q) = (0.8 * x + 0.6 * z, 0.8 * z - 0.6 * x);
        let sway = 8.0 * self.noise.at(p / 45.0 + 61.0, q / 45.0 + 18.0);
        let streak =
            self.noise.at((x + 0.3 * self.look.lean * z + sway) / (0.35 * w) + 70.0, z / (2.2 * w) + 15.0);
        let blob = self.noise.band(p / (0.9 * w) + 5.0, q / (0.9 * w) + 95.0, 0.8);
        let swell = (0.7 + 0.5 * self.noise.at(p / 50.0 + 2.0, q / 50.0 + 44.0)).max(0.2);
        swell * (0.45 * streak + 0.6 * blob)
    }

    /// The salt's own reflection, along the normal: strong on top, weaker on flanks, reversed at the base.
    fn boundary(&self, place: &Place, gradient: (f32, f32)) -> f32 {
        let &Place { x, z, d, wavelength, .. } = place;
        let slope = (gradient.0 * gradient.0 + gradient.1 * gradient.1).sqrt().max(0.6);
        let cosine = -gradient.1 / slope;
        let bright = 1.0 + 0.35 * self.noise.at(x / 35.0 + 12.0, z / 35.0 + 50.0);
        let broken = 0.3 * self.noise.at(x / (0.6 * wavelength), z / (0.6 * wavelength) + 80.0);
        self.look.top_salt
            * (bright + broken).max(0.1)
            * (0.35 + 0.65 * cosine)
            * ricker(d / slope / (0.8 * wavelength))
    }
}

/// A pixel in its section: position, signed distance to the salt, salt above (0 to 1), local dominant wavelength.
struct Place {
    x: f32,
    z: f32,
    d: f32,
    shadow: f32,
    wavelength: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_tiles_continue_each_other() {
        let section = Section::new(1, 3);
        let (mut agree, mut rough, mut seam) = (0, 0.0, 0.0);
        for row in 0..TILES.1 {
            let z0 = (row * SIDE) as f32;
            let (left, right) = (section.amplitudes(0.0, z0), section.amplitudes(SIDE as f32, z0));
            let (here, there) = (section.mask(0, row), section.mask(1, row));
            for z in 0..SIDE {
                let (end, start) = (z * SIDE + SIDE - 1, z * SIDE);
                agree += usize::from(here[end] == there[start]);
                rough += (left[end] - left[end - 1]).abs();
                seam += (right[start] - left[end]).abs();
            }
        }
        assert!(agree * 100 > 97 * SIDE * TILES.1, "{agree} rows of the masks agree across the seam");
        assert!(seam < 1.5 * rough, "a step of {seam} across the seam, {rough} beside it");
    }

    #[test]
    fn sections_differ_by_seed_and_index() {
        let masks = |seed, index| {
            let section = Section::new(seed, index);
            (0..TILES.0).map(|column| section.mask(column, 3)).collect::<Vec<_>>()
        };
        assert!(masks(1, 0) == masks(1, 0));
        assert!(masks(1, 0) != masks(1, 1) && masks(1, 0) != masks(2, 0));
    }
}
