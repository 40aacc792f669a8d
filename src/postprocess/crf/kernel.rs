//! A Gaussian kernel between all pixels, normalised as pydensecrf does by default.

use super::lattice::Lattice;
use super::table::Table;

/// `N^-½ K N^-½`, `K` the Gaussian kernel of a lattice and `N` the diagonal matrix of its row sums.
#[derive(Default)]
pub(super) struct Kernel<const V: usize> {
    lattice: Lattice<V>,
}

impl<const V: usize> Kernel<V> {
    /// The kernel of points of `V - 1` coordinates each, in units of the standard deviation.
    pub(super) fn place(&mut self, points: &[f32], table: &mut Table, buffers: &mut [Vec<f32>; 2]) {
        let lattice = &mut self.lattice;
        lattice.place(points, table);
        lattice.splat_and_blur(&vec![1.0; lattice.corners.len()], buffers);
        let vertices = &buffers[0];
        for (corners, weights) in lattice.corners.iter().zip(&mut lattice.weights) {
            let sum = Lattice::<V>::GAIN * slice(vertices, corners, weights);
            let scale = 1.0 / (sum + 1e-20).sqrt();
            // Values are multiplied by the same before splatting and after slicing: once, in the weights.
            weights.iter_mut().for_each(|weight| *weight *= scale);
        }
    }

    /// Adds `strength` times the filtered values to `sums`.
    pub(super) fn add(&self, strength: f32, values: &[f32], sums: &mut [f32], buffers: &mut [Vec<f32>; 2]) {
        self.lattice.splat_and_blur(values, buffers);
        let strength = strength * Lattice::<V>::GAIN;
        let points = self.lattice.corners.iter().zip(&self.lattice.weights);
        for (sum, (corners, weights)) in sums.iter_mut().zip(points) {
            *sum += strength * slice(&buffers[0], corners, weights);
        }
    }
}

/// What the corners of a point say of it.
fn slice<const V: usize>(vertices: &[f32], corners: &[u32; V], weights: &[f32; V]) -> f32 {
    corners.iter().zip(weights).map(|(&corner, weight)| weight * vertices[corner as usize]).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How far a smooth and a jumping plane of values are off when filtered by the kernel instead of by its definition over
    /// all pairs: in the mean and at most, of the largest value.
    fn off<const V: usize>(points: &[f32]) -> [f64; 2] {
        let n = points.len() / (V - 1);
        let (mut kernel, mut buffers) = (Kernel::<V>::default(), <[Vec<f32>; 2]>::default());
        kernel.place(points, &mut Table::default(), &mut buffers);
        let at = |i: usize| &points[i * (V - 1)..][..V - 1];
        let gauss = |i: usize, j: usize| {
            let squares = at(i).iter().zip(at(j)).map(|(a, b)| f64::from(a - b).powi(2));
            (-0.5 * squares.sum::<f64>()).exp()
        };
        let sums: Vec<f64> = (0..n).map(|i| (0..n).map(|j| gauss(i, j)).sum()).collect();
        let planes = [|i: usize| (i % 16) as f32 / 15.0, |i: usize| if i < 100 { 1.0 } else { 0.25 }];
        let each = planes.map(|values| {
            let values: Vec<f32> = (0..n).map(values).collect();
            let mut got = vec![0.0; n];
            kernel.add(1.0, &values, &mut got, &mut buffers);
            let exact = |i: usize| -> f64 {
                (0..n).map(|j| gauss(i, j) * f64::from(values[j]) / (sums[i] * sums[j]).sqrt()).sum()
            };
            let exact: Vec<f64> = (0..n).map(exact).collect();
            let largest = exact.iter().fold(0.0f64, |max, &x| max.max(x));
            let off = got.iter().zip(&exact).map(|(&a, b)| (f64::from(a) - b).abs() / largest);
            off.fold([0.0f64; 2], |[sum, most], off| [sum + off / n as f64, most.max(off)])
        });
        [each[0][0].max(each[1][0]), each[0][1].max(each[1][1])]
    }

    /// The lattice mixes linearly, and only along vertices that some point is beside: where points are few, and where the
    /// plane ends, it is off by some percent, as pydensecrf's (`tests/dense_crf.rs` compares them to five digits).
    #[test]
    fn it_is_about_the_gaussian_over_all_pairs() {
        let grid = |i: usize, sxy: f32| [(i % 16) as f32 / sxy, (i / 16) as f32 / sxy];
        let plane: Vec<f32> = (0..256).flat_map(|i| grid(i, 3.0)).collect();
        let colour = |i: usize| if (i % 16) + (i / 16) < 15 { 0.4 } else { 1.6 } + (i % 7) as f32 * 0.05;
        let space: Vec<f32> = (0..256).flat_map(|i| grid(i, 8.0).into_iter().chain([colour(i); 3])).collect();
        let [mean, most] = off::<3>(&plane);
        assert!(mean < 0.01 && most < 0.05, "d = 2: {mean:.4}, at most {most:.4}");
        let [mean, most] = off::<6>(&space);
        assert!(mean < 0.03 && most < 0.11, "d = 5: {mean:.4}, at most {most:.4}");
    }
}
