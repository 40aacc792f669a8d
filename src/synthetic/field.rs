//! Smooth functions of the plane and the seeded dice they are drawn from, the same bits on every platform.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Seeded draws. Only `+ - * /`, `sqrt` and `libm` touch the values, so no platform rounds differently.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// An independent stream of the seed: which thread draws it, and when, cannot matter.
    pub fn new(seed: u64, stream: u64) -> Dice {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Dice(rng)
    }

    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `[low, high)`.
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * ((self.0.next_u32() >> 8) as f32 / 16_777_216.0)
    }

    pub fn chance(&mut self, p: f32) -> bool {
        self.uniform(0.0, 1.0) < p
    }

    /// A whole number in `0..n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.uniform(0.0, n as f32) as usize).min(n.saturating_sub(1))
    }

    /// Standard normal (Box and Muller).
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * libm::logf(1.0 - self.uniform(0.0, 1.0))).sqrt();
        radius * libm::cosf(self.uniform(0.0, std::f32::consts::TAU))
    }

    /// Log-normal around a median; `spread` is the standard deviation of the logarithm.
    pub fn around(&mut self, median: f32, spread: f32) -> f32 {
        median * libm::expf(spread * self.normal().clamp(-2.5, 2.5))
    }
}

/// Node and weights of the quadratic B-spline at `p` node spacings: no creases, hence no lattice to be seen.
#[inline]
fn spline(p: f32) -> (usize, [f32; 3]) {
    // By way of i32: a cast to a 64-bit integer is several times as slow.
    let node = (p + 0.5) as i32 as usize;
    let t = p - node as f32;
    (node, [0.5 * (0.5 - t) * (0.5 - t), 0.75 - t * t, 0.5 * (0.5 + t) * (0.5 + t)])
}

const PERIOD: usize = 128;
/// Keeps positions positive, so that a cast is a floor; a multiple of the period.
const SHIFT: f32 = (8 * PERIOD) as f32;

/// Values per row: the period and its first two nodes again, so that three neighbours are always in a row.
const STRIDE: usize = PERIOD + 2;

/// Smooth Gaussian noise of unit variance and unit node spacing, periodic after 128 nodes.
pub(super) struct Noise(Vec<f32>);

impl Noise {
    pub fn new(dice: &mut Dice) -> Noise {
        // 1 / 0.55 undoes what the spline smooths away of the variance, on average over a cell.
        let nodes: Vec<f32> = (0..PERIOD * PERIOD).map(|_| dice.normal() / 0.55).collect();
        let wrapped = |i: usize| nodes[i / STRIDE % PERIOD * PERIOD + i % STRIDE % PERIOD];
        Noise((0..STRIDE * STRIDE).map(wrapped).collect())
    }

    #[inline]
    pub fn at(&self, x: f32, z: f32) -> f32 {
        let (column, wx) = spline(x + SHIFT);
        let (row, wz) = spline(z + SHIFT);
        let near = &self.0[row % PERIOD * STRIDE + column % PERIOD..][..2 * STRIDE + 3];
        let line = |j: usize| wx[0] * near[j] + wx[1] * near[j + 1] + wx[2] * near[j + 2];
        wz[0] * line(0) + wz[1] * line(STRIDE) + wz[2] * line(2 * STRIDE)
    }

    /// Band-limited noise of about unit variance, of vertical wavelength around `4 * dz` nodes: a difference has no
    /// mean.
    #[inline]
    pub fn band(&self, x: f32, z: f32, dz: f32) -> f32 {
        0.8 * (self.at(x, z + dz) - self.at(x, z - dz))
    }
}

/// Values on a coarse grid over a section, interpolated smoothly between its nodes and held beyond its rim.
pub(super) struct Lattice {
    columns: usize,
    rows: usize,
    values: Vec<f32>,
}

/// Position of pixel `p` in node spacings, so far from the rim that three nodes are always there.
#[inline]
fn node(p: f32, nodes: usize) -> f32 {
    ((p + MARGIN) / STEP).clamp(0.5, nodes as f32 - 1.6)
}

/// Pixels between the nodes of a [`Lattice`].
pub(super) const STEP: f32 = 6.0;
/// Pixels by which a [`Lattice`] reaches beyond its section on every side.
pub(super) const MARGIN: f32 = 60.0;

impl Lattice {
    /// `value(x, z)` in pixels of a section of `width` and `height`.
    pub fn from_fn(width: f32, height: f32, mut value: impl FnMut(f32, f32) -> f32) -> Lattice {
        let nodes = |length: f32| ((length + 2.0 * MARGIN) / STEP) as usize + 2;
        let (columns, rows) = (nodes(width), nodes(height));
        let mut values = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            values.extend((0..columns).map(|c| value(c as f32 * STEP - MARGIN, row as f32 * STEP - MARGIN)));
        }
        Lattice { columns, rows, values }
    }

    #[inline]
    pub fn at(&self, x: f32, z: f32) -> f32 {
        let (column, wx) = spline(node(x, self.columns));
        let (row, wz) = spline(node(z, self.rows));
        let mut sum = 0.0;
        for (j, w) in wz.iter().enumerate() {
            let line = &self.values[(row + j - 1) * self.columns + column - 1..][..3];
            sum += w * (wx[0] * line[0] + wx[1] * line[1] + wx[2] * line[2]);
        }
        sum
    }

    /// The values at every pixel of a window, row by row: what `at` gives, several times as fast.
    pub fn window(&self, x0: f32, z0: f32, width: usize, height: usize) -> Vec<f32> {
        let across: Vec<_> = (0..width).map(|i| spline(node(x0 + i as f32, self.columns))).collect();
        let mut values = Vec::with_capacity(width * height);
        let mut line = vec![0.0; self.columns];
        for j in 0..height {
            let (row, wz) = spline(node(z0 + j as f32, self.rows));
            let [above, here, below] =
                [row - 1, row, row + 1].map(|r| &self.values[r * self.columns..][..self.columns]);
            for (((out, a), h), b) in line.iter_mut().zip(above).zip(here).zip(below) {
                *out = wz[0] * a + wz[1] * h + wz[2] * b;
            }
            values.extend(across.iter().map(|(column, wx)| {
                let near = &line[column - 1..][..3];
                wx[0] * near[0] + wx[1] * near[1] + wx[2] * near[2]
            }));
        }
        values
    }

    /// Length of the gradient at a point, per pixel.
    pub fn slope(&self, x: f32, z: f32) -> f32 {
        let dx = self.at(x + STEP, z) - self.at(x - STEP, z);
        let dz = self.at(x, z + STEP) - self.at(x, z - STEP);
        (dx * dx + dz * dz).sqrt() / (2.0 * STEP)
    }

    /// Replaces each column by a running sum downwards of `thickness(value)`, in pixels.
    pub fn accumulate(&self, thickness: impl Fn(f32) -> f32) -> Lattice {
        let mut values = vec![0.0; self.values.len()];
        for i in self.columns..values.len() {
            let above = i - self.columns;
            values[i] = values[above] + STEP * thickness(self.values[above]);
        }
        Lattice { columns: self.columns, rows: self.rows, values }
    }
}

/// 0 below 0, 1 above 1, smooth between.
#[inline]
pub(super) fn ramp(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_unit_variance_and_streams_differ() {
        let noise = Noise::new(&mut Dice::new(1, 0));
        let values: Vec<f32> =
            (0..40_000).map(|i| noise.at((i % 200) as f32 * 0.61, (i / 200) as f32 * 0.61)).collect();
        let mean = values.iter().sum::<f32>() / 40_000.0;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / 40_000.0;
        assert!(mean.abs() < 0.05 && (0.9..1.1).contains(&variance), "mean {mean}, variance {variance}");
        assert_ne!(Dice::new(1, 0).bits(), Dice::new(1, 1).bits());
    }

    #[test]
    fn a_lattice_reproduces_planes_exactly_enough() {
        let plane = Lattice::from_fn(100.0, 80.0, |x, z| 2.0 * x - 3.0 * z + 1.0);
        for (x, z) in [(0.0, 0.0), (33.3, 71.9), (99.0, -20.0)] {
            assert!((plane.at(x, z) - (2.0 * x - 3.0 * z + 1.0)).abs() < 1e-2);
        }
        assert!((plane.slope(50.0, 40.0) - 13f32.sqrt()).abs() < 1e-3);
    }
}
