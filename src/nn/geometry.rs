//! Which pixel meets which under a convolution window.
//!
//! A convolution relates a large plane `(N, height, width, channels)` to a small one `(N, out_height, out_width,
//! out_channels)`: small pixel `y` meets the large pixels `y * stride - padding + tap`. The forward pass sums into the
//! small plane, the gradient of the input sums into the large one, and a transposed convolution swaps the two.

/// The sizes of one convolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Geometry {
    pub batch: usize,
    pub large: Plane,
    pub small: Plane,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
}

/// The sizes of one image of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plane {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
}

impl Plane {
    pub fn len(&self) -> usize {
        self.height * self.width * self.channels
    }
}

/// Destination pixels that share their taps: every `step`-th, from `(row, column)` on. The source pixel of lattice point
/// `j` under a tap is `j * source_step + tap`.
pub(super) struct Family {
    pub row: usize,
    pub column: usize,
    pub columns: usize,
    pub step: usize,
    pub source_step: usize,
    pub taps: Vec<Tap>,
}

/// One element of the window: its place in the kernel and where it looks in the source.
#[derive(Clone, Copy)]
pub(super) struct Tap {
    pub index: usize,
    pub row: isize,
    pub column: isize,
}

impl Geometry {
    /// The families of the pass into the small plane: a single one with all taps.
    pub fn families_into_small(&self) -> Vec<Family> {
        let padding = self.padding.cast_signed();
        let tap = |row: usize, column: usize| Tap {
            index: row * self.kernel + column,
            row: row.cast_signed() - padding,
            column: column.cast_signed() - padding,
        };
        let taps =
            (0..self.kernel).flat_map(|row| (0..self.kernel).map(move |column| tap(row, column))).collect();
        vec![Family { row: 0, column: 0, columns: self.small.width, step: 1, source_step: self.stride, taps }]
    }

    /// The families of the pass into the large plane: one for each remainder of row and column by the stride.
    pub fn families_into_large(&self) -> Vec<Family> {
        let places = (0..self.stride).flat_map(|row| (0..self.stride).map(move |column| (row, column)));
        places
            .filter(|&(row, column)| row < self.large.height && column < self.large.width)
            .map(|(row, column)| Family {
                row,
                column,
                columns: (self.large.width - column).div_ceil(self.stride),
                step: self.stride,
                source_step: 1,
                taps: self.taps_into_large(row, column),
            })
            .collect()
    }

    fn taps_into_large(&self, row: usize, column: usize) -> Vec<Tap> {
        let rows = self.meets(row);
        let columns = self.meets(column);
        rows.iter()
            .flat_map(|&(i, row)| {
                columns.iter().map(move |&(j, column)| Tap { index: i * self.kernel + j, row, column })
            })
            .collect()
    }

    /// Along one axis: the kernel elements that meet large coordinate `at` (its remainder by the stride), each with the
    /// small coordinate that they belong to.
    fn meets(&self, at: usize) -> Vec<(usize, isize)> {
        let stride = self.stride.cast_signed();
        let distance = |k: usize| (at + self.padding).cast_signed() - k.cast_signed();
        (0..self.kernel)
            .filter(|&k| distance(k).rem_euclid(stride) == 0)
            .map(|k| (k, distance(k).div_euclid(stride)))
            .collect()
    }
}
