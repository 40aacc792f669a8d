//! For each edge the nearest of those that may lie opposite, by a matrix product.
//!
//! `|a − b|² = |a|² + |b|² − 2 a·b`, so the nearest `b` has the largest `a·b − |b|² / 2`. Each product is summed over the pixels
//! in order, a multiplication and an addition at a time, whatever the width of the vectors: the same bits on every machine.
//! The best three are compared again by their distances in double precision.

use rayon::prelude::*;

use super::edges::Edges;

/// Rows and columns of the products that are summed at a time: as many as registers hold.
const ROWS: usize = 4;
const COLUMNS: usize = 16;
/// Rows that one thread takes at a time; a multiple of [`ROWS`].
const BLOCK: usize = 1024;
/// How many of the best are kept until they are compared exactly.
const KEPT: usize = 3;

/// The nearest edge of another image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Nearest {
    pub(super) image: u32,
    pub(super) distance: f64,
    /// The distance of the second nearest; infinite where there is none.
    pub(super) second: f64,
}

/// The nearest of `b` for each of `a`, and of `a` for each of `b`, in their order; of equally near ones the first. An image is
/// no neighbour of itself.
pub(super) fn nearest(a: &Edges, b: &Edges) -> (Vec<Option<Nearest>>, Vec<Option<Nearest>>) {
    let (rows, columns) = (Packed::<ROWS>::new(a), Packed::<COLUMNS>::new(b));
    let starts: Vec<usize> = (0..a.images.len()).step_by(BLOCK).collect();
    let blocks: Vec<(Vec<Best>, Vec<Best>)> =
        starts.into_par_iter().map(|start| block(&rows, &columns, start)).collect();
    let mut forward = Vec::with_capacity(a.images.len());
    let mut backward = vec![Best::NONE; columns.images.len()];
    for (of_rows, of_columns) in blocks {
        forward.extend(of_rows);
        for (all, more) in backward.iter_mut().zip(of_columns) {
            more.index.into_iter().zip(more.score).for_each(|(index, score)| all.take(score, index));
        }
    }
    let exact = |best: Vec<Best>, from: &Edges, to: &Edges| {
        let one = |row: usize| best[row].exact(from.of(row), to);
        (0..from.images.len()).into_par_iter().map(one).collect()
    };
    (exact(forward, a, b), exact(backward, b, a))
}

/// The best of those seen, the best first; of equally good ones the one with the lower index.
#[derive(Clone, Copy)]
struct Best {
    score: [f32; KEPT],
    /// Rows of [`Edges`].
    index: [u32; KEPT],
}

impl Best {
    const NONE: Best = Best { score: [f32::NEG_INFINITY; KEPT], index: [u32::MAX; KEPT] };

    fn last(&self) -> f32 {
        self.score[KEPT - 1]
    }

    /// Takes a candidate if it is better than the last one. Candidates come with ascending indices.
    fn take(&mut self, score: f32, index: u32) {
        let Some(at) = self.score.iter().position(|&kept| score > kept) else { return };
        self.score[at..].rotate_right(1);
        self.index[at..].rotate_right(1);
        (self.score[at], self.index[at]) = (score, index);
    }

    fn exact(&self, edge: &[f32], others: &Edges) -> Option<Nearest> {
        let candidates = self.index.into_iter().filter(|&index| index != u32::MAX);
        let mut all: Vec<(f64, u32)> =
            candidates.map(|index| (distance(edge, others.of(index as usize)), index)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let &(distance, index) = all.first()?;
        let second = all.get(1).map_or(f64::INFINITY, |second| second.0);
        Some(Nearest { image: others.images[index as usize], distance, second })
    }
}

/// The Euclidean distance of two edges.
pub(super) fn distance(a: &[f32], b: &[f32]) -> f64 {
    let square = |(&a, &b): (&f32, &f32)| (f64::from(a) - f64::from(b)) * (f64::from(a) - f64::from(b));
    a.iter().zip(b).map(square).sum::<f64>().sqrt()
}

/// Edges in groups of `W`: of each group the first pixels, then the second ones. The last group is filled up with edges of zeros
/// that are never best.
struct Packed<const W: usize> {
    length: usize,
    values: Vec<f32>,
    /// Half of each edge's square; infinite for those that fill up.
    halves: Vec<f32>,
    /// As long.
    images: Vec<u32>,
}

impl<const W: usize> Packed<W> {
    fn new(edges: &Edges) -> Packed<W> {
        let count = edges.images.len();
        let padded = count.next_multiple_of(W);
        let mut packed = Packed {
            length: edges.length,
            values: vec![0.0; padded * edges.length],
            halves: vec![f32::INFINITY; padded],
            images: edges.images.clone(),
        };
        packed.images.resize(padded, u32::MAX);
        for row in 0..count {
            let square: f64 = edges.of(row).iter().map(|&value| f64::from(value) * f64::from(value)).sum();
            packed.halves[row] = (0.5 * square) as f32;
            for (k, &value) in edges.of(row).iter().enumerate() {
                packed.values[(row / W * edges.length + k) * W + row % W] = value;
            }
        }
        packed
    }

    /// The group that begins with this row.
    fn group(&self, row: usize) -> &[f32] {
        &self.values[row * self.length..][..W * self.length]
    }
}

/// The best for each row of one block, and for each column among these rows.
fn block(rows: &Packed<ROWS>, columns: &Packed<COLUMNS>, start: usize) -> (Vec<Best>, Vec<Best>) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn with_avx2(rows: &Packed<ROWS>, columns: &Packed<COLUMNS>, start: usize) -> (Vec<Best>, Vec<Best>) {
            best_of_block(rows, columns, start)
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: this machine has it.
            return unsafe { with_avx2(rows, columns, start) };
        }
    }
    best_of_block(rows, columns, start)
}

#[inline(always)]
fn best_of_block(rows: &Packed<ROWS>, columns: &Packed<COLUMNS>, start: usize) -> (Vec<Best>, Vec<Best>) {
    let end = (start + BLOCK).min(rows.images.len());
    let mut of_rows = vec![Best::NONE; end - start];
    let mut of_columns = vec![Best::NONE; columns.images.len()];
    for column in (0..columns.images.len()).step_by(COLUMNS) {
        let group = columns.group(column);
        let halves: [f32; COLUMNS] = std::array::from_fn(|c| columns.halves[column + c]);
        let mut last: [f32; COLUMNS] = [f32::NEG_INFINITY; COLUMNS];
        for row in (start..end).step_by(ROWS) {
            let products = products(rows.group(row), group);
            for (r, products) in (row..).zip(&products) {
                let (half, worst) = (rows.halves[r], of_rows[r - start].last());
                let hit = |c: usize| products[c] - halves[c] > worst || products[c] - half > last[c];
                if (0..COLUMNS).map(|c| u32::from(hit(c))).sum::<u32>() == 0 {
                    continue;
                }
                for c in (0..COLUMNS).filter(|&c| columns.images[column + c] != rows.images[r]) {
                    of_rows[r - start].take(products[c] - halves[c], (column + c) as u32);
                    of_columns[column + c].take(products[c] - half, r as u32);
                    last[c] = of_columns[column + c].last();
                }
            }
        }
    }
    (of_rows, of_columns)
}

/// The products of [`ROWS`] edges with [`COLUMNS`] others.
#[inline(always)]
fn products(rows: &[f32], columns: &[f32]) -> [[f32; COLUMNS]; ROWS] {
    let mut sums = [[0.0; COLUMNS]; ROWS];
    for (a, b) in rows.as_chunks::<ROWS>().0.iter().zip(columns.as_chunks::<COLUMNS>().0) {
        for (sums, &a) in sums.iter_mut().zip(a) {
            for (sum, &b) in sums.iter_mut().zip(b) {
                *sum += a * b;
            }
        }
    }
    sums
}
