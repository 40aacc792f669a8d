//! Random smooth fields (Simard, Steinkraus and Platt 2003): uniform noise, smoothed by a Gaussian.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// How far each pixel is moved, known on a grid and linear between its nodes. The nodes are a third of sigma apart: finer ones
/// show nothing that the Gaussian has left there.
pub(super) struct Field {
    spacing: f64,
    columns: usize,
    /// To the right and down, in pixels, for each node.
    nodes: Vec<[f32; 2]>,
}

impl Field {
    /// Of an image of `size` (height, width). The longest way is drawn from 0 to `amplitude`.
    pub(super) fn new(random: &mut ChaCha8Rng, size: (usize, usize), amplitude: f64, sigma: f64) -> Field {
        let longest = amplitude * random.random::<f64>();
        let spacing = (sigma / 3.0).max(1.0);
        let kernel = gaussian(sigma / spacing);
        let count = |pixels: usize| ((pixels.max(1) - 1) as f64 / spacing) as usize + 2;
        let (rows, columns) = (count(size.0), count(size.1));
        let (high, wide) = (rows + kernel.len() - 1, columns + kernel.len() - 1);
        let mut uniform = || 2.0 * random.random::<f32>() - 1.0;
        // Noise goes on beyond the border, so that the field is as lively there.
        let noise: Vec<[f32; 2]> = (0..high * wide).map(|_| [uniform(), uniform()]).collect();
        let smooth = across(&across(&noise, (high, wide), &kernel), (columns, high), &kernel);
        let length = |node: &[f32; 2]| (node[0] * node[0] + node[1] * node[1]).sqrt();
        let factor = longest as f32 / smooth.iter().map(length).fold(f32::MIN_POSITIVE, f32::max);
        let nodes = smooth.iter().map(|node| node.map(|way| way * factor)).collect();
        Field { spacing, columns, nodes }
    }

    /// How far each of the pixels of row `y` is moved; `line` has one for each.
    pub(super) fn row(&self, y: usize, line: &mut [[f32; 2]]) {
        let (row, down) = self.place(y);
        let node = |row: usize, column: usize| self.nodes[row * self.columns + column];
        let between = |a: [f32; 2], b: [f32; 2], share: f32| [0, 1].map(|i| a[i] + share * (b[i] - a[i]));
        let nodes: Vec<[f32; 2]> =
            (0..self.columns).map(|column| between(node(row, column), node(row + 1, column), down)).collect();
        for (x, way) in line.iter_mut().enumerate() {
            let (column, across) = self.place(x);
            *way = between(nodes[column], nodes[column + 1], across);
        }
    }

    /// The node before a pixel, and the share of the way to the next one.
    fn place(&self, pixel: usize) -> (usize, f32) {
        let at = pixel as f64 / self.spacing;
        (at as usize, (at - (at as usize) as f64) as f32)
    }
}

/// Out to three sigma.
fn gaussian(sigma: f64) -> Vec<f32> {
    let reach = (3.0 * sigma).ceil() as i32;
    (-reach..=reach).map(|x| libm::exp(-0.5 * f64::from(x * x) / (sigma * sigma)) as f32).collect()
}

/// Each line of (`height`, `width`) values summed with the kernel where it fits, as a column: the result is
/// (width − kernel + 1, height).
fn across(values: &[[f32; 2]], (height, width): (usize, usize), kernel: &[f32]) -> Vec<[f32; 2]> {
    let kept = width + 1 - kernel.len();
    let mut result = vec![[0.0; 2]; kept * height];
    for (y, line) in values.chunks_exact(width).enumerate() {
        for x in 0..kept {
            let mut sum = [0f32; 2];
            for (value, weight) in line[x..].iter().zip(kernel) {
                sum = [sum[0] + weight * value[0], sum[1] + weight * value[1]];
            }
            result[x * height + y] = sum;
        }
    }
    result
}
