//! The permutohedral lattice: Gaussian filtering in a few dimensions, in time linear in the number of points.
//!
//! A. Adams, J. Baek, A. Davis: *Fast High-Dimensional Filtering Using the Permutohedral Lattice*, Eurographics 2010.
//! Points of `d` dimensions are laid into the hyperplane `Σ x = 0` of `d + 1`, which the lattice cuts into simplices. A value
//! is spread over the `d + 1` corners of its simplex by barycentric weights (splat), each corner is mixed with its two
//! neighbours along each of the `d + 1` axes, `¼ ½ ¼` up to a factor (blur), and read back as it was spread (slice).

use super::table::{BITS, Table};

/// The farthest that a coordinate in the lattice may be from 0: rounding and keys are exact up to there.
pub(super) const REACH: f32 = (1u32 << 21) as f32;
/// Brings coordinates above 0.
const BIAS: i32 = 1 << 23;
/// Added and taken off again, it rounds to the nearest integer, a half to even.
const ROUND: f32 = 12_582_912.0;

/// A lattice for points of `V - 1` dimensions, whose simplices have `V` corners.
pub(super) struct Lattice<const V: usize> {
    /// For each point the numbers of its simplex's corners, from 1.
    pub(super) corners: Vec<[u32; V]>,
    /// For each point its share of each corner.
    pub(super) weights: Vec<[f32; V]>,
    /// Axis by axis, each vertex's neighbours on both sides; 0 where there is none, whose value is 0.
    neighbours: Vec<[u32; 2]>,
    /// How many vertices some point is beside.
    vertices: usize,
}

/// The simplex that a point lies in.
struct Simplex<const V: usize> {
    /// The key of its corner of remainder 0.
    key: u128,
    /// Place of each coordinate among their differences from that corner, the largest first.
    rank: [i32; V],
    weights: [f32; V],
}

impl<const V: usize> Default for Lattice<V> {
    fn default() -> Self {
        Lattice { corners: vec![], weights: vec![], neighbours: vec![], vertices: 0 }
    }
}

impl<const V: usize> Lattice<V> {
    /// What a blur of all axes makes too large.
    pub(super) const GAIN: f32 = 1.0 / (1.0 + 1.0 / (1u32 << (V - 1)) as f32);

    /// A lattice of these points, `V - 1` coordinates each in units of the Gaussian's standard deviation.
    pub(super) fn place(&mut self, points: &[f32], table: &mut Table) {
        table.clear();
        self.corners.clear();
        self.weights.clear();
        let scale = scale::<V>();
        let mut last: Option<(u128, [i32; V], [u32; V])> = None;
        for point in points.chunks_exact(V - 1) {
            let simplex = simplex(point, &scale);
            let corners = match last {
                // Neighbouring pixels often share a simplex.
                Some((key, rank, corners)) if key == simplex.key && rank == simplex.rank => corners,
                _ => corners(&simplex, table),
            };
            last = Some((simplex.key, simplex.rank, corners));
            self.corners.push(corners);
            self.weights.push(simplex.weights);
        }
        self.join(table);
    }

    /// Finds each vertex's neighbours.
    fn join(&mut self, table: &Table) {
        self.vertices = table.keys().len();
        self.neighbours.clear();
        self.neighbours.resize(V * self.vertices, [0; 2]);
        let ones = (0..V - 1).fold(0, |sum, axis| sum + unit(axis, V));
        for axis in 0..V {
            let step = (V as u128 * unit(axis, V)).wrapping_sub(ones);
            let all = &mut self.neighbours[axis * self.vertices..][..self.vertices];
            for (i, &key) in table.keys().iter().enumerate() {
                // Who is after me, has me before.
                let next = table.find(key.wrapping_add(step));
                if next != 0 {
                    all[i][0] = next;
                    all[next as usize - 1][1] = i as u32 + 1;
                }
            }
        }
    }

    /// Spreads, mixes; slicing is left to the caller, who reads vertex `i` at `buffers[0][i]`.
    pub(super) fn splat_and_blur(&self, values: &[f32], buffers: &mut [Vec<f32>; 2]) {
        for buffer in buffers.iter_mut() {
            buffer.clear();
            buffer.resize(self.vertices + 1, 0.0);
        }
        let [from, to] = buffers;
        for ((corners, weights), &value) in self.corners.iter().zip(&self.weights).zip(values) {
            for (&corner, weight) in corners.iter().zip(weights) {
                from[corner as usize] += weight * value;
            }
        }
        if self.vertices == 0 {
            return;
        }
        for neighbours in self.neighbours.chunks_exact(self.vertices) {
            for ((to, &own), &[a, b]) in to[1..].iter_mut().zip(&from[1..]).zip(neighbours) {
                *to = own + 0.5 * (from[a as usize] + from[b as usize]);
            }
            std::mem::swap(from, to);
        }
    }
}

/// One step along a coordinate, in a key; the last one is not in it, being minus the sum of the others.
fn unit(axis: usize, corners: usize) -> u128 {
    if axis + 1 < corners { 1 << (BITS * axis as u32) } else { 0 }
}

/// What a coordinate is multiplied by so that the blur has a standard deviation of 1.
fn scale<const V: usize>() -> [f32; V] {
    let deviation = (2.0f64 / 3.0).sqrt() * V as f64;
    std::array::from_fn(|i| (deviation / (((i + 1) * (i + 2)) as f64).sqrt()) as f32)
}

fn simplex<const V: usize>(point: &[f32], scale: &[f32; V]) -> Simplex<V> {
    // Into the hyperplane of sum 0.
    let mut at = [0.0f32; V];
    let mut sum = 0.0;
    for i in (1..V).rev() {
        let x = point[i - 1] * scale[i - 1];
        at[i] = sum - i as f32 * x;
        sum += x;
    }
    at[0] = sum;
    // The nearest point all of whose coordinates are multiples of V; their sum need not be 0.
    let multiple = at.map(|x| (x * (1.0 / V as f32) + ROUND) - ROUND);
    let mut corner = multiple.map(|m| m * V as f32);
    let excess = multiple.iter().sum::<f32>() as i32;
    let mut rank = [excess; V];
    for i in 0..V {
        for j in i + 1..V {
            let less = i32::from(at[i] - corner[i] < at[j] - corner[j]);
            rank[i] += less;
            rank[j] += 1 - less;
        }
    }
    // Back to sum 0, by the coordinates that were rounded farthest.
    let mut key = 0;
    for i in 0..V {
        let turn = i32::from(rank[i] < 0) - i32::from(rank[i] >= V as i32);
        rank[i] += turn * V as i32;
        corner[i] += (turn * V as i32) as f32;
        key += unit(i, V) * (corner[i] as i32 + BIAS) as u128;
    }
    let rest = std::array::from_fn(|i| (at[i] - corner[i]) * (1.0 / V as f32));
    Simplex { key, rank, weights: barycentric(&rest, &rank) }
}

/// Shares of the corners by remainder, from the coordinates' differences to the corner of remainder 0.
fn barycentric<const V: usize>(rest: &[f32; V], rank: &[i32; V]) -> [f32; V] {
    let mut sorted = [0.0f32; V];
    for (&rest, &rank) in rest.iter().zip(rank) {
        sorted[(rank as usize).min(V - 1)] = rest;
    }
    std::array::from_fn(|remainder| match remainder {
        0 => 1.0 + sorted[V - 1] - sorted[0],
        _ => sorted[V - 1 - remainder] - sorted[V - remainder],
    })
}

/// The numbers of a simplex's corners, by remainder.
fn corners<const V: usize>(simplex: &Simplex<V>, table: &mut Table) -> [u32; V] {
    let mut axis_of = [0; V];
    for (axis, &rank) in simplex.rank.iter().enumerate() {
        axis_of[(rank as usize).min(V - 1)] = axis;
    }
    let ones = (0..V - 1).fold(0, |sum, axis| sum + unit(axis, V));
    let mut key = simplex.key;
    std::array::from_fn(|remainder| {
        let number = table.number(key);
        // From corner to corner every coordinate grows by one, and one of them falls by V.
        let falls = unit(axis_of[V - 1 - remainder], V);
        key = key.wrapping_add(ones).wrapping_sub(V as u128 * falls);
        number
    })
}
