//! For each edge the nearest of those that may lie opposite, by a matrix product.
//!
//! `|a − b|² = |a|² + |b|² − 2 a·b`, so the nearest `b` has the largest `a·b − |b|² / 2`. Each product is summed over the pixels
//! in order, a multiplication and an addition at a time, whatever the width of the vectors: the same bits on every machine.
//! The best three are compared again by their distances in double precision.

use rayon::prelude::*;

use super::edges::Edges;

/// Columns of products that are summed at a time: their edges lie in the processor's fastest memory.
const COLUMNS: usize = 64;
/// Rows that one thread takes at a time.
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
    let columns = Packed::new(b);
    let starts: Vec<usize> = (0..a.images.len()).step_by(BLOCK).collect();
    let blocks: Vec<(Vec<Best>, Vec<Best>)> =
        starts.into_par_iter().map(|start| best_of_block(a, &columns, start)).collect();
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

/// Edges in groups of [`COLUMNS`]: of each group the first pixels, then the second ones. The last group is filled up with edges
/// of zeros that are never best.
struct Packed {
    length: usize,
    values: Vec<f32>,
    /// Half of each edge's square; infinite for those that fill up.
    halves: Vec<f32>,
    /// As long.
    images: Vec<u32>,
}

impl Packed {
    fn new(edges: &Edges) -> Packed {
        let count = edges.images.len();
        let padded = count.next_multiple_of(COLUMNS);
        let mut packed = Packed {
            length: edges.length,
            values: vec![0.0; padded * edges.length],
            halves: vec![f32::INFINITY; padded],
            images: edges.images.clone(),
        };
        packed.images.resize(padded, u32::MAX);
        for row in 0..count {
            packed.halves[row] = half_square(edges.of(row));
            for (k, &value) in edges.of(row).iter().enumerate() {
                packed.values[(row / COLUMNS * edges.length + k) * COLUMNS + row % COLUMNS] = value;
            }
        }
        packed
    }
}

fn half_square(edge: &[f32]) -> f32 {
    (0.5 * edge.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>()) as f32
}

/// The best for each row of one block, and for each column among these rows.
fn best_of_block(rows: &Edges, columns: &Packed, start: usize) -> (Vec<Best>, Vec<Best>) {
    let end = (start + BLOCK).min(rows.images.len());
    let halves_of_rows: Vec<f32> = (start..end).map(|row| half_square(rows.of(row))).collect();
    let mut of_rows = vec![Best::NONE; end - start];
    let mut of_columns = vec![Best::NONE; columns.images.len()];
    let groups = columns.values.chunks_exact(COLUMNS * columns.length.max(1));
    for ((group, halves), first) in
        groups.zip(columns.halves.as_chunks::<COLUMNS>().0).zip((0..).step_by(COLUMNS))
    {
        let mut last = [f32::NEG_INFINITY; COLUMNS];
        for ((row, half), best) in (start..).zip(&halves_of_rows).zip(&mut of_rows) {
            let products = products(rows.of(row), group);
            let worst = best.last();
            let hit = |c: usize| products[c] - halves[c] > worst || products[c] - half > last[c];
            if (0..COLUMNS).map(|c| u32::from(hit(c))).sum::<u32>() == 0 {
                continue;
            }
            for (c, (&product, &half_of_column)) in products.iter().zip(halves).enumerate() {
                let (score, back) = (product - half_of_column, product - half);
                let is_itself = columns.images[first + c] == rows.images[row];
                if is_itself || (score <= worst && back <= last[c]) {
                    continue;
                }
                best.take(score, (first + c) as u32);
                of_columns[first + c].take(back, row as u32);
                last[c] = of_columns[first + c].last();
            }
        }
    }
    (of_rows, of_columns)
}

/// The products of an edge with those of a group. Four pixels at a time, so that sums stay in registers; each sum is that of its
/// terms in order.
fn products(edge: &[f32], group: &[f32]) -> [f32; COLUMNS] {
    let mut sums = [0.0f32; COLUMNS];
    let (fours, rest) = edge.as_chunks::<4>();
    let pixels = group.as_chunks::<COLUMNS>().0;
    let (whole, last) = pixels.split_at(pixels.len().min(4 * fours.len()));
    for (a, b) in fours.iter().zip(whole.as_chunks::<4>().0) {
        for (c, sum) in sums.iter_mut().enumerate() {
            *sum = *sum + a[0] * b[0][c] + a[1] * b[1][c] + a[2] * b[2][c] + a[3] * b[3][c];
        }
    }
    for (&a, b) in rest.iter().zip(last) {
        for (sum, &b) in sums.iter_mut().zip(b) {
            *sum += a * b;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    /// Of all of `b`, in double precision.
    fn by_hand(a: &Edges, b: &Edges) -> Vec<Option<Nearest>> {
        let one = |row: usize| {
            let others = (0..b.images.len()).filter(|&other| b.images[other] != a.images[row]);
            let apart = |other: usize| {
                let pairs = a.of(row).iter().zip(b.of(other));
                pairs.map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2)).sum::<f64>().sqrt()
            };
            let mut all: Vec<(f64, usize)> = others.map(|other| (apart(other), other)).collect();
            all.sort_by(|x, y| x.partial_cmp(y).unwrap());
            let &(distance, other) = all.first()?;
            let second = all.get(1).map_or(f64::INFINITY, |second| second.0);
            Some(Nearest { image: b.images[other], distance, second })
        };
        (0..a.images.len()).map(one).collect()
    }

    #[test]
    fn the_nearest_are_those_of_all_pairs() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        for (count, length) in [(1, 5), (2, 1), (3, 101), (70, 33), (1100, 8)] {
            let edges = |missing: u32| Edges {
                length,
                images: (0..count).filter(|image| image % 11 != missing).collect(),
                values: vec![],
            };
            let (mut a, mut b) = (edges(3), edges(5));
            for edges in [&mut a, &mut b] {
                edges.values = (0..edges.images.len() * length)
                    .map(|_| random.next_u32() as f32 / (1u32 << 31) as f32 - 1.0)
                    .collect();
            }
            // Equal edges: the first one counts.
            if count > 20 {
                b.values.copy_within(0..length, 9 * length);
            }
            let (forward, backward) = nearest(&a, &b);
            assert_eq!(forward, by_hand(&a, &b), "{count} of {length}");
            assert_eq!(backward, by_hand(&b, &a), "{count} of {length}");
        }
    }
}
