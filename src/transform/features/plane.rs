//! A picture in double precision, and the sums over neighbours that most features are made of.

/// What a pixel beyond the border is, by the names of `scipy.ndimage`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Outside {
    /// `reflect`: mirrored, the outermost pixel repeated.
    Reflect,
    /// `nearest`: the outermost pixel.
    Nearest,
    /// `constant`: zero.
    Zero,
}

impl Outside {
    /// Which of `size` pixels (at least 1) stands at place `at` of a line.
    pub(super) fn index(self, at: i64, size: usize) -> Option<usize> {
        let size = size as i64;
        match self {
            Outside::Nearest => Some(at.clamp(0, size - 1) as usize),
            Outside::Zero => (0..size).contains(&at).then_some(at as usize),
            Outside::Reflect => {
                let turn = at.rem_euclid(2 * size);
                Some(turn.min(2 * size - 1 - turn) as usize)
            }
        }
    }
}

/// Along which of the two axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Axis {
    /// Along a row.
    X,
    /// Down a column.
    Y,
}

/// `values[y * width + x]`, at least one of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plane {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) values: Vec<f64>,
}

impl Plane {
    /// A plane of this one's size.
    pub(super) fn like(&self, values: Vec<f64>) -> Plane {
        Plane { height: self.height, width: self.width, values }
    }

    pub(super) fn map(&self, f: impl Fn(f64) -> f64) -> Plane {
        self.like(self.values.iter().map(|&v| f(v)).collect())
    }

    /// Pixel by pixel with another of the same size.
    pub(super) fn zip(&self, other: &Plane, f: impl Fn(f64, f64) -> f64) -> Plane {
        self.like(self.values.iter().zip(&other.values).map(|(&a, &b)| f(a, b)).collect())
    }

    /// Rows become columns.
    pub(super) fn transpose(&self) -> Plane {
        let (height, width) = (self.width, self.height);
        let column = |x: usize| self.values.iter().skip(x).step_by(self.width).copied();
        Plane { height, width, values: (0..self.width).flat_map(column).collect() }
    }

    pub(super) fn rows(&self) -> std::slice::ChunksExact<'_, f64> {
        self.values.chunks_exact(self.width)
    }

    /// Larger by `radius` on each side.
    pub(super) fn pad(&self, radius: usize, outside: Outside) -> Plane {
        let places = |size: usize| {
            let last = (size + radius) as i64;
            (-(radius as i64)..last).map(move |at| outside.index(at, size))
        };
        let (height, width) = (self.height + 2 * radius, self.width + 2 * radius);
        let columns: Vec<Option<usize>> = places(self.width).collect();
        let mut values = Vec::with_capacity(height * width);
        for row in places(self.height) {
            let row = row.and_then(|y| self.values.get(y * self.width..(y + 1) * self.width));
            let pixel =
                |column: &Option<usize>| column.and_then(|x| row?.get(x).copied()).unwrap_or_default();
            values.extend(columns.iter().map(pixel));
        }
        Plane { height, width, values }
    }

    /// `scipy.ndimage.correlate1d`: the sum of an odd number of neighbours, weighed by a kernel that is symmetric, or
    /// antisymmetric about a zero. Summed in SciPy's order, from the outermost pair inwards onto the middle.
    pub(super) fn correlate(&self, kernel: &[f64], axis: Axis, outside: Outside) -> Plane {
        if axis == Axis::Y {
            return self.transpose().correlate(kernel, Axis::X, outside).transpose();
        }
        let radius = kernel.len() / 2;
        let is_odd = radius > 0 && kernel.first() != kernel.last();
        let sign = if is_odd { -1.0 } else { 1.0 };
        let middle = kernel.get(radius).copied().unwrap_or_default();
        let places: Vec<Option<usize>> = (-(radius as i64)..(self.width + radius) as i64)
            .map(|at| outside.index(at, self.width))
            .collect();
        let mut values = Vec::with_capacity(self.values.len());
        for row in self.rows() {
            let line: Vec<f64> = places.iter().map(|at| at.map_or(0.0, |x| row[x])).collect();
            values.extend(line.windows(kernel.len()).map(|window| {
                let pairs = window.iter().zip(window.iter().rev()).zip(kernel).take(radius);
                pairs.fold(window[radius] * middle, |sum, ((a, b), weight)| sum + (a + sign * b) * weight)
            }));
        }
        self.like(values)
    }

    /// Sums over windows of `size` × `size` about each pixel, mirrored at the border.
    pub(super) fn window_sums(&self, size: usize) -> Plane {
        let ones = vec![1.0; size];
        self.correlate(&ones, Axis::X, Outside::Reflect).correlate(&ones, Axis::Y, Outside::Reflect)
    }

    /// `skimage.filters.gaussian`: reaches to four standard deviations.
    pub(super) fn gaussian(&self, sigma: f64, outside: Outside) -> Plane {
        let radius = (4.0 * sigma + 0.5) as i64;
        let weight = |at: i64| libm::exp(-0.5 / (sigma * sigma) * (at * at) as f64);
        let weights: Vec<f64> = (-radius..=radius).map(weight).collect();
        let total: f64 = weights.iter().sum();
        let kernel: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        self.correlate(&kernel, Axis::Y, outside).correlate(&kernel, Axis::X, outside)
    }

    /// `scipy.ndimage.sobel`: four times the weights of `skimage.filters.sobel`, in its order of summing.
    pub(super) fn sobel(&self, axis: Axis, outside: Outside) -> Plane {
        let other = if axis == Axis::X { Axis::Y } else { Axis::X };
        self.correlate(&[-1.0, 0.0, 1.0], axis, outside).correlate(&[1.0, 2.0, 1.0], other, outside)
    }

    /// `numpy.gradient`: central differences, one-sided at the ends; at least 2 pixels along the axis.
    pub(super) fn gradient(&self, axis: Axis) -> Plane {
        if axis == Axis::Y {
            return self.transpose().gradient(Axis::X).transpose();
        }
        let slopes = |row: &[f64]| {
            let inner = row.windows(3).map(|w| (w[2] - w[0]) / 2.0);
            let end = |pair: Option<&[f64]>| pair.map(|p| p[1] - p[0]);
            let first = end(row.windows(2).next());
            first.into_iter().chain(inner).chain(end(row.windows(2).last())).collect::<Vec<_>>()
        };
        self.like(self.rows().flat_map(slopes).collect())
    }

    /// `f` of the 3 × 3 pixels about each, row by row, mirrored at the border.
    pub(super) fn around(&self, f: impl Fn([&[f64]; 3]) -> f64) -> Plane {
        let padded = self.pad(1, Outside::Reflect);
        let rows: Vec<&[f64]> = padded.rows().collect();
        let mut values = Vec::with_capacity(self.values.len());
        for three in rows.windows(3) {
            let lines = three[0].windows(3).zip(three[1].windows(3)).zip(three[2].windows(3));
            values.extend(lines.map(|((above, here), below)| f([above, here, below])));
        }
        self.like(values)
    }

    /// The least and the greatest value.
    pub(super) fn range(&self) -> [f64; 2] {
        let least = self.values.iter().copied().fold(f64::INFINITY, f64::min);
        [least, self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max)]
    }
}
