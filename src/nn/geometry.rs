//! Which pixel meets which under a convolution window.
//!
//! A convolution relates a large plane `(N, height, width, channels)` to a small one: small pixel `y` meets the large pixels
//! `y * stride - padding + tap * dilation`. The forward pass sums into the small plane, the gradient of the input sums into the
//! large one, and a transposed convolution swaps the two. With groups, small channels of group `g` meet large channels of
//! group `g` only. Pairs are (vertical, horizontal).

/// The sizes of one convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Geometry {
    pub batch: usize,
    pub large: Plane,
    pub small: Plane,
    pub window: Window,
    pub groups: usize,
}

/// The sizes of one image of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Plane {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
}

/// A window and how it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Window {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub padding: [usize; 2],
    pub dilation: [usize; 2],
}

impl Plane {
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    pub fn len(&self) -> usize {
        self.pixels() * self.channels
    }
}

impl Window {
    /// How many elements the window has.
    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// From the first to the last pixel that a window covers, along an axis.
    fn extent(&self, axis: usize) -> usize {
        self.dilation[axis] * (self.kernel[axis] - 1) + 1
    }

    /// How many windows fit into `size` pixels along an axis; none when not even one does.
    pub fn small(&self, axis: usize, size: usize) -> Option<usize> {
        Some((size + 2 * self.padding[axis]).checked_sub(self.extent(axis))? / self.stride[axis] + 1)
    }

    /// How many pixels `size` windows reach over, with `extra` more at the end; none when no pixel is left.
    pub fn large(&self, axis: usize, size: usize, extra: usize) -> Option<usize> {
        let reach = size.checked_sub(1)? * self.stride[axis] + self.extent(axis) + extra;
        reach.checked_sub(2 * self.padding[axis]).filter(|&pixels| pixels > 0)
    }
}

/// Destination pixels that share their taps: row `first[0] + step[0] * i` and column `first[1] + step[1] * j`, with `i` and `j`
/// below `count`. Under a tap they read the source pixel `source_step * (i, j) + tap.offset`.
pub(in crate::nn) struct Family {
    pub first: [usize; 2],
    pub count: [usize; 2],
    pub step: [usize; 2],
    pub source_step: [usize; 2],
    pub taps: Vec<Tap>,
}

/// One element of the window: its place in the kernel and where it looks in the source.
#[derive(Clone, Copy)]
pub(in crate::nn) struct Tap {
    pub index: usize,
    pub offset: [isize; 2],
}

/// A kernel element along one axis, and where it looks.
type AxisTap = (usize, isize);

impl Geometry {
    /// Large channels of one group.
    pub fn large_channels(&self) -> usize {
        self.large.channels / self.groups
    }

    /// Small channels of one group.
    pub fn small_channels(&self) -> usize {
        self.small.channels / self.groups
    }

    /// Every channel is a group of its own.
    pub fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.large.channels && self.groups == self.small.channels
    }

    /// The family of the pass into the small plane: all pixels with all taps.
    pub(in crate::nn) fn family_into_small(&self) -> Family {
        let Window { kernel, stride, padding, dilation } = self.window;
        let axis = |axis: usize| -> Vec<AxisTap> {
            let offset = |k: usize| (k * dilation[axis]).cast_signed() - padding[axis].cast_signed();
            (0..kernel[axis]).map(|k| (k, offset(k))).collect()
        };
        Family {
            first: [0, 0],
            count: [self.small.height, self.small.width],
            step: [1, 1],
            source_step: stride,
            taps: self.taps(&axis(0), &axis(1)),
        }
    }

    /// The families of the pass into the large plane: one for each remainder of row and column by the stride.
    pub(in crate::nn) fn families_into_large(&self) -> Vec<Family> {
        let stride = self.window.stride;
        let places = (0..stride[0]).flat_map(|row| (0..stride[1]).map(move |column| [row, column]));
        places
            .filter(|&[row, column]| row < self.large.height && column < self.large.width)
            .map(|first| Family {
                first,
                count: [
                    (self.large.height - first[0]).div_ceil(stride[0]),
                    (self.large.width - first[1]).div_ceil(stride[1]),
                ],
                step: stride,
                source_step: [1, 1],
                taps: self.taps(&self.meets(0, first[0]), &self.meets(1, first[1])),
            })
            .collect()
    }

    fn taps(&self, rows: &[AxisTap], columns: &[AxisTap]) -> Vec<Tap> {
        let width = self.window.kernel[1];
        let tap =
            |&(i, row): &AxisTap, &(j, column): &AxisTap| Tap { index: i * width + j, offset: [row, column] };
        rows.iter().flat_map(|row| columns.iter().map(move |column| tap(row, column))).collect()
    }

    /// Along one axis: the kernel elements that meet large coordinate `at` (its remainder by the stride), each with the
    /// small coordinate that they belong to.
    fn meets(&self, axis: usize, at: usize) -> Vec<AxisTap> {
        let Window { kernel, stride, padding, dilation } = self.window;
        let stride = stride[axis].cast_signed();
        let distance = |k: usize| (at + padding[axis]).cast_signed() - (k * dilation[axis]).cast_signed();
        (0..kernel[axis])
            .filter(|&k| distance(k).rem_euclid(stride) == 0)
            .map(|k| (k, distance(k).div_euclid(stride)))
            .collect()
    }
}
