//! How alike neighbouring traces are, how grey values follow each other, how disordered the layers are.

use super::plane::{Axis, Outside, Plane};
use super::traces::less_mean;

/// Semblance (Neidell & Taner, Geophysics 1971; Marfurt et al., Geophysics 1998) of the `size` traces in a window of `size`
/// rows, each trace less its mean: `Σ_t (Σ_j x_tj)² / (J Σ_t Σ_j x_tj²)`; 1 where there is no energy.
pub(super) fn coherence(plane: &Plane, size: usize) -> Plane {
    let traces = less_mean(plane);
    let ones = vec![1.0; size];
    let stacked = traces.correlate(&ones, Axis::X, Outside::Reflect).map(|v| v * v);
    let stacked = stacked.correlate(&ones, Axis::Y, Outside::Reflect);
    let energy = traces.map(|v| v * v).window_sums(size);
    stacked.zip(&energy, |stacked, energy| match size as f64 * energy {
        energy if energy < 1e-12 => 1.0,
        energy => stacked / energy,
    })
}

/// Disorder by the structure tensor, averaged by a Gaussian: `2 λ₂ / (λ₁ + λ₂)` of its eigenvalues `λ₁ ≥ λ₂`
/// (after Randen et al., Three-dimensional texture attributes for seismic data analysis, SEG 2000); 0 where there is no
/// gradient.
pub(super) fn chaos(plane: &Plane, sigma: f64) -> Plane {
    let (dx, dy) = (plane.sobel(Axis::X, Outside::Nearest), plane.sobel(Axis::Y, Outside::Nearest));
    let mean = |a: &Plane, b: &Plane| a.zip(b, |a, b| a * b).gaussian(sigma, Outside::Nearest);
    let (xx, yy, xy) = (mean(&dx, &dx), mean(&dy, &dy), mean(&dx, &dy));
    let spread = xx.zip(&yy, |xx, yy| (xx - yy) / 2.0).zip(&xy, libm::hypot);
    let trace = xx.zip(&yy, |xx, yy| xx + yy);
    trace.zip(&spread, |trace, spread| match trace {
        trace if trace < 1e-12 => 0.0,
        trace => 2.0 * (trace / 2.0 - spread) / trace,
    })
}

/// Levels of grey between amplitude 0 and 1 that are told apart in a co-occurrence matrix.
const LEVELS: usize = 8;
/// Neighbours to the right, above right, above and above left.
const STEPS: [[isize; 2]; 4] = [[0, 1], [-1, 1], [-1, 0], [-1, -1]];

/// Which property of a co-occurrence matrix (Haralick, Shanmugam & Dinstein 1973).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Property {
    Contrast,
    Energy,
}

/// `skimage.feature.graycoprops` of the symmetric matrix of each window of `size` × `size`, at distance 1, averaged over
/// the four directions.
pub(super) fn glcm(plane: &Plane, size: usize, property: Property) -> Plane {
    let level = |v: f64| libm::floor(v * LEVELS as f64).clamp(0.0, (LEVELS - 1) as f64);
    let padded = plane.map(level).pad(size / 2, Outside::Reflect);
    let grey: Vec<usize> = padded.values.iter().map(|&v| v as usize).collect();
    let mut values = Vec::with_capacity(plane.values.len());
    for y in 0..plane.height {
        for x in 0..plane.width {
            let window = Window { grey: &grey, width: padded.width, top: y, left: x, size };
            values.push(STEPS.iter().map(|&step| window.property(step, property)).sum::<f64>() / 4.0);
        }
    }
    plane.like(values)
}

/// A part of an image of levels.
struct Window<'a> {
    grey: &'a [usize],
    width: usize,
    top: usize,
    left: usize,
    size: usize,
}

impl Window<'_> {
    /// Of the pairs at one step. Pairs are counted whatever their order: one off the diagonal stands at two places of the
    /// symmetric matrix with half its weight, one on the diagonal at one place with all of it.
    fn property(&self, [down, right]: [isize; 2], property: Property) -> f64 {
        let offset = down * self.width as isize + right;
        let columns = self.size - right.unsigned_abs();
        let (first_row, first) = (down.unsigned_abs(), usize::from(right < 0));
        let mut counts = [[0u32; LEVELS]; LEVELS];
        let (mut contrast, mut squares) = (0, 0);
        for y in self.top + first_row..self.top + self.size {
            let start = y * self.width + self.left + first;
            let others = start.saturating_add_signed(offset);
            let pairs = self.grey[start..start + columns].iter().zip(&self.grey[others..others + columns]);
            for (&a, &b) in pairs {
                let count = &mut counts[a.min(b)][a.max(b)];
                // (c + 1)² − c², twice on the diagonal.
                squares += (2 * *count + 1) << u32::from(a == b);
                *count += 1;
                contrast += a.abs_diff(b).pow(2);
            }
        }
        let total = ((self.size - first_row) * columns).max(1) as f64;
        match property {
            Property::Contrast => contrast as f64 / total,
            Property::Energy => libm::sqrt(f64::from(squares) / 2.0) / total,
        }
    }
}
