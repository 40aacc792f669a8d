//! First and second derivatives, and how rough a neighbourhood is.

use super::plane::{Axis, Outside, Plane};

/// `skimage.filters.sobel_v` along x and `sobel_h` along y: positive where the amplitude grows to the right, or downwards.
/// The sum goes row by row as SciPy's, so that equal neighbourhoods give equal bits.
pub(super) fn sobel(plane: &Plane, axis: Axis) -> Plane {
    let row =
        |r: &[f64], sum: f64, sign: f64| sum + sign * 0.25 * r[0] + sign * 0.5 * r[1] + sign * 0.25 * r[2];
    let side = |r: &[f64], sum: f64, weight: f64| sum - weight * r[0] + weight * r[2];
    match axis {
        Axis::X => plane.around(|[a, b, c]| side(c, side(b, side(a, 0.0, 0.25), 0.5), 0.25)),
        Axis::Y => plane.around(|[a, _, c]| row(c, row(a, 0.0, -1.0), 1.0)),
    }
}

/// `skimage.filters.sobel`: the root of the mean square of both directions.
pub(super) fn magnitude(plane: &Plane) -> Plane {
    let root = libm::sqrt(2.0);
    sobel(plane, Axis::Y).zip(&sobel(plane, Axis::X), |y, x| libm::sqrt(y * y + x * x) / root)
}

/// `skimage.filters.laplace`: four times a pixel less its four neighbours; positive on bright layers.
pub(super) fn laplacian(plane: &Plane) -> Plane {
    plane.around(|[a, b, c]| 4.0 * b[1] - a[1] - b[0] - b[2] - c[1])
}

/// The diagonal of `skimage.feature.hessian_matrix` by finite differences, with its mode `nearest`.
pub(super) fn second(plane: &Plane, sigma: f64, axis: Axis) -> Plane {
    plane.gaussian(sigma, Outside::Nearest).gradient(axis).gradient(axis)
}

/// The standard deviation in a window: the root of the mean square less the square of the mean.
pub(super) fn local_std(plane: &Plane, size: usize) -> Plane {
    let pixels = (size * size) as f64;
    let squares = plane.map(|v| v * v).window_sums(size);
    plane.window_sums(size).zip(&squares, |sum, square| {
        let mean = sum / pixels;
        libm::sqrt((square / pixels - mean * mean).max(0.0))
    })
}
