//! Contrast limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994), as scikit-image computes it.

use super::contrast::rescale;
use super::plane::Plane;
use crate::transform::Border;

/// Grey values that the mappings lead to.
const LEVELS: usize = 1 << 14;
/// Grey values that are counted apart.
const BINS: usize = 256;

/// Each pixel mapped by the clipped histograms of the tiles about it, linear between their middles. A tile is an eighth of
/// the image each way; a bin holds at most the share `clip_limit` of a tile's pixels, the rest is spread over the others.
pub(super) fn clahe(plane: &Plane, clip_limit: f64) -> Plane {
    let tiles = Tiles::of(plane);
    let maps = tiles.maps(clip_limit);
    let [tall, wide] = tiles.tile;
    let mut values = Vec::with_capacity(plane.values.len());
    for y in tall / 2..tall / 2 + plane.height {
        for x in wide / 2..wide / 2 + plane.width {
            values.push(tiles.mapped(&maps, y, x));
        }
    }
    let mapped = plane.like(values);
    rescale(&mapped, mapped.range(), [0.0, 1.0])
}

/// The bins of an image that is mirrored so far that whole tiles cover it, and half a tile more on each side.
struct Tiles {
    tile: [usize; 2],
    count: [usize; 2],
    bins: Vec<usize>,
}

impl Tiles {
    fn of(plane: &Plane) -> Tiles {
        let size = [plane.height, plane.width];
        let tile = size.map(|s| (s / 8).max(1));
        let count = [0, 1].map(|i| size[i].div_ceil(tile[i]));
        // scikit-image goes by way of 16-bit integers; halves are rounded to even.
        let whole = plane.map(|v| libm::rint(v.clamp(0.0, 1.0) * 65535.0));
        let grey = rescale(&whole, whole.range(), [0.0, (LEVELS - 1) as f64]);
        let place = |i: usize, at: usize| Border::Reflect.index(at as i64 - (tile[i] / 2) as i64, size[i]);
        let columns: Vec<usize> = (0..(count[1] + 1) * tile[1]).filter_map(|x| place(1, x)).collect();
        let rows = (0..(count[0] + 1) * tile[0]).filter_map(|y| place(0, y));
        let bin = |value: f64| libm::rint(value) as usize / (1 + LEVELS / BINS);
        let bins = rows.flat_map(|y| columns.iter().map(move |x| y * plane.width + x));
        Tiles { tile, count, bins: bins.map(|at| bin(grey.values[at])).collect() }
    }

    fn bin(&self, y: usize, x: usize) -> usize {
        self.bins[y * (self.count[1] + 1) * self.tile[1] + x]
    }

    /// For each tile the grey value that each bin becomes.
    fn maps(&self, clip_limit: f64) -> Vec<Vec<f64>> {
        let [tall, wide] = self.tile;
        let pixels = (tall * wide) as f64;
        let limit = if clip_limit > 0.0 { (clip_limit * pixels).max(1.0) } else { pixels } as i64;
        let map = |ty: usize, tx: usize| {
            let mut counts = vec![0i64; BINS];
            for y in tall / 2 + ty * tall..tall / 2 + (ty + 1) * tall {
                for x in wide / 2 + tx * wide..wide / 2 + (tx + 1) * wide {
                    counts[self.bin(y, x)] += 1;
                }
            }
            clip(&mut counts, limit);
            cumulated(&counts, pixels)
        };
        (0..self.count[0])
            .flat_map(|ty| (0..self.count[1]).map(move |tx| (ty, tx)))
            .map(|(ty, tx)| map(ty, tx))
            .collect()
    }

    /// What the four tiles about a pixel make of its bin, summed in single precision as scikit-image does.
    fn mapped(&self, maps: &[Vec<f64>], y: usize, x: usize) -> f64 {
        let bin = self.bin(y, x);
        let near = |i: usize, at: usize| {
            let (block, share) = (at / self.tile[i], (at % self.tile[i]) as f64 / self.tile[i] as f64);
            let last = self.count[i] - 1;
            [(block.saturating_sub(1).min(last), 1.0 - share), (block.min(last), share)]
        };
        let mut sum = 0f32;
        for (ty, down) in near(0, y) {
            for (tx, across) in near(1, x) {
                sum += (maps[ty * self.count[1] + tx][bin] * (across * down)) as f32;
            }
        }
        f64::from(libm::truncf(sum))
    }
}

/// No bin above `limit`: what is cut off is spread evenly, in rounds, over the bins that have room.
fn clip(counts: &mut [i64], limit: i64) {
    let mut excess: i64 = counts.iter().map(|&count| (count - limit).max(0)).sum();
    let share = excess / BINS as i64;
    for count in counts.iter_mut() {
        *count = (*count).min(limit);
        if *count < limit - share {
            excess -= share;
            *count += share;
        }
        // A bin that the share has brought near the limit is filled up as well, as scikit-image does.
        if *count >= limit - share && *count < limit {
            excess -= limit - *count;
            *count = limit;
        }
    }
    while excess > 0 {
        let before = excess;
        for first in 0..BINS {
            let room = counts.iter().filter(|&&count| count < limit).count() as i64;
            let step = (room / excess).max(1) as usize;
            for count in counts.iter_mut().skip(first).step_by(step).filter(|count| **count < limit) {
                *count += 1;
                excess -= 1;
            }
            if excess <= 0 {
                return;
            }
        }
        if excess == before {
            return;
        }
    }
}

/// The share of pixels up to each bin, in grey values.
fn cumulated(counts: &[i64], pixels: f64) -> Vec<f64> {
    let most = (LEVELS - 1) as f64;
    let mut sum = 0;
    let grey = |&count: &i64| {
        sum += count;
        libm::trunc((sum as f64 * (most / pixels)).min(most))
    };
    counts.iter().map(grey).collect()
}
