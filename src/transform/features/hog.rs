//! The picture of histograms of oriented gradients (Dalal & Triggs, CVPR 2005), as scikit-image draws it.

use super::plane::Plane;
use std::f64::consts::PI;

const ORIENTATIONS: usize = 9;
/// Pixels of a cell each way.
pub(super) const CELL: usize = 8;

/// In each cell of 8 × 8 pixels nine lines through its middle, along the edges: each as bright as the mean magnitude of the
/// gradients across it. Pixels beyond the last whole cell stay 0.
pub(super) fn hog(plane: &Plane) -> Plane {
    let lines = lines();
    let mut picture = vec![0.0; plane.values.len()];
    let votes = votes(plane);
    for top in (0..plane.height / CELL).map(|cell| cell * CELL) {
        for left in (0..plane.width / CELL).map(|cell| cell * CELL) {
            let histogram = histogram(&votes, plane.width, top, left);
            for (line, strength) in lines.iter().zip(histogram) {
                for (y, x) in line {
                    picture[(top + y) * plane.width + left + x] += strength;
                }
            }
        }
    }
    plane.like(picture)
}

/// For each pixel the magnitude of its central differences and the bin of their direction; 0 on the border's normal.
fn votes(plane: &Plane) -> Vec<(f64, usize)> {
    let (height, width) = (plane.height, plane.width);
    let vote = |at: usize| {
        let (y, x) = (at / width, at % width);
        let dy =
            if y == 0 || y + 1 == height { 0.0 } else { plane.values[at + width] - plane.values[at - width] };
        let dx = if x == 0 || x + 1 == width { 0.0 } else { plane.values[at + 1] - plane.values[at - 1] };
        let degrees = (libm::atan2(dy, dx) * (180.0 / PI)).rem_euclid(180.0);
        let step = 180.0 / ORIENTATIONS as f64;
        // An angle that rounding has brought to 180 is in no bin.
        let bin = (0..ORIENTATIONS).find(|&i| degrees < step * (i + 1) as f64).unwrap_or(ORIENTATIONS);
        (libm::hypot(dx, dy), bin)
    };
    (0..plane.values.len()).map(vote).collect()
}

/// The mean over a cell's pixels of the magnitudes in each bin, summed in single precision as scikit-image does.
fn histogram(votes: &[(f64, usize)], width: usize, top: usize, left: usize) -> [f64; ORIENTATIONS] {
    let mut sums = [0f32; ORIENTATIONS];
    for y in top..top + CELL {
        for &(magnitude, bin) in &votes[y * width + left..y * width + left + CELL] {
            if let Some(sum) = sums.get_mut(bin) {
                *sum = (f64::from(*sum) + magnitude) as f32;
            }
        }
    }
    sums.map(|sum| f64::from(sum / (CELL * CELL) as f32))
}

/// For each orientation the pixels of its line within a cell.
fn lines() -> Vec<Vec<(usize, usize)>> {
    let middle = (CELL / 2) as f64;
    let radius = middle - 1.0;
    let line = |i: usize| {
        let angle = PI * (i as f64 + 0.5) / ORIENTATIONS as f64;
        let (along, down) = (radius * libm::sin(angle), radius * libm::cos(angle));
        let from = [(middle - down) as i64, (middle + along) as i64];
        bresenham(from, [(middle + down) as i64, (middle - along) as i64])
    };
    (0..ORIENTATIONS).map(line).collect()
}

/// `skimage.draw.line`, both ends included.
fn bresenham(from: [i64; 2], to: [i64; 2]) -> Vec<(usize, usize)> {
    let length = [0, 1].map(|i| (to[i] - from[i]).abs());
    let sign = [0, 1].map(|i| if to[i] > from[i] { 1 } else { -1 });
    let (minor, major) = if length[0] > length[1] { (1, 0) } else { (0, 1) };
    let mut at = from;
    let mut error = 2 * length[minor] - length[major];
    let mut pixels = vec![];
    for _ in 0..length[major] {
        pixels.push((at[0] as usize, at[1] as usize));
        while error >= 0 {
            at[minor] += sign[minor];
            error -= 2 * length[major];
        }
        at[major] += sign[major];
        error += 2 * length[minor];
    }
    pixels.push((to[0] as usize, to[1] as usize));
    pixels
}
