//! Edges one pixel wide (Canny, A computational approach to edge detection, PAMI 1986), as scikit-image finds them.

use super::plane::{Axis, Outside, Plane};

/// An edge starts at this magnitude of the gradient and goes on down to the lower. The lower is rounded to single
/// precision, as in scikit-image.
const HIGH: f64 = 0.2;
const LOW: f64 = 0.1f32 as f64;

/// 1 on edges, else 0; the outermost pixels have none.
pub(super) fn canny(plane: &Plane, sigma: f64) -> Plane {
    // Zeros beyond the border, and divided by the share of the weights that fell inside.
    let inside = plane.map(|_| 1.0).gaussian(sigma, Outside::Zero);
    let smooth = plane.gaussian(sigma, Outside::Zero).zip(&inside, |v, share| v / (share + f64::EPSILON));
    let (dx, dy) = (smooth.sobel(Axis::X, Outside::Reflect), smooth.sobel(Axis::Y, Outside::Reflect));
    let magnitude = dy.zip(&dx, |y, x| libm::sqrt(y * y + x * x));
    let ridge = ridges(&magnitude, &dx, &dy);
    plane.like(connected(&ridge, plane.width))
}

/// The magnitudes that are not smaller than those on both sides along the gradient; elsewhere 0.
fn ridges(magnitude: &Plane, dx: &Plane, dy: &Plane) -> Vec<f64> {
    let (height, width) = (magnitude.height, magnitude.width);
    let ridge = magnitude.values.iter().enumerate().map(|(at, &here)| {
        let (y, x) = (at / width, at % width);
        let is_inside = y > 0 && y + 1 < height && x > 0 && x + 1 < width;
        let is_kept = here >= LOW
            && is_inside
            && is_ridge(&magnitude.values, at, width, [dy.values[at], dx.values[at]]);
        if is_kept { here } else { 0.0 }
    });
    ridge.collect()
}

/// Compares with the magnitude on either side, linear between the two pixels that the gradient passes between.
fn is_ridge(magnitude: &[f64], at: usize, width: usize, [dy, dx]: [f64; 2]) -> bool {
    let is_falling = (dy >= 0.0 && dx >= 0.0) || (dy <= 0.0 && dx <= 0.0);
    let (tall, wide) = (dy.abs(), dx.abs());
    let is_steep = if is_falling { tall > wide } else { tall >= wide };
    let share = if is_steep { wide / tall } else { tall / wide };
    // Steps in pixels to the straight and to the diagonal neighbour on one side; the other side is opposite.
    let row = width as isize;
    let (straight, diagonal) = match (is_falling, is_steep) {
        (true, true) => (row, row + 1),
        (true, false) => (1, row + 1),
        (false, true) => (-row, 1 - row),
        (false, false) => (1, 1 - row),
    };
    let value = |step: isize| magnitude[at.saturating_add_signed(step)];
    let side = |sign: isize| value(sign * diagonal) * share + value(sign * straight) * (1.0 - share);
    side(1) <= magnitude[at] && side(-1) <= magnitude[at]
}

/// 1 where a ridge is connected, over sides or corners, with a pixel at [`HIGH`].
fn connected(ridge: &[f64], width: usize) -> Vec<f64> {
    let mut edge = vec![0.0; ridge.len()];
    let mut open: Vec<usize> = (0..ridge.len()).filter(|&at| ridge[at] >= HIGH).collect();
    while let Some(at) = open.pop() {
        if edge[at] == 1.0 {
            continue;
        }
        edge[at] = 1.0;
        // Ridges keep off the border, so that all eight neighbours are there.
        for row in [at - width, at, at + width] {
            open.extend((row - 1..=row + 1).filter(|&near| ridge[near] > 0.0 && edge[near] == 0.0));
        }
    }
    edge
}
