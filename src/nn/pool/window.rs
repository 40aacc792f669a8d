//! Which pixels a pooling window covers.

use crate::nn::conv::check_sizes;
use crate::{Error, Result};
use candle_core::Tensor;
use std::ops::Range;

/// A square window; padding lies outside of the image and is never read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
}

/// An image of a batch.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
}

impl Size {
    pub fn len(&self) -> usize {
        self.height * self.width * self.channels
    }
}

impl Window {
    /// # Errors
    /// For settings out of range, and for `xs` smaller than the window.
    pub fn check(&self, what: &str, xs: &Tensor) -> Result<()> {
        let Window { kernel, stride, padding } = *self;
        check_sizes(&[("kernel", kernel), ("stride", stride)])?;
        if padding > kernel / 2 {
            let (got, expected) = (padding.to_string(), format!("at most half the kernel, {}", kernel / 2));
            return Err(Error::Config { field: "padding", got, expected });
        }
        match *xs.dims() {
            [_, height, width, channels] if height.min(width) + 2 * padding >= kernel && channels > 0 => {
                Ok(())
            }
            ref dims => Err(Error::Shape {
                what: format!("input of {what}"),
                expected: format!("(N, H, W, C) with H and W of at least {kernel} after padding"),
                got: format!("{dims:?}"),
                hint: "use fewer levels or larger images".into(),
            }),
        }
    }

    fn out(&self, size: usize) -> usize {
        (size + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// The window as kernels of a GPU take it.
    #[cfg(feature = "cuda")]
    pub fn geometry(&self) -> crate::nn::geometry::Window {
        let Window { kernel, stride, padding } = *self;
        crate::nn::geometry::Window {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 2],
            dilation: [1; 2],
        }
    }

    /// The shape of the pooled image.
    #[cfg(feature = "cuda")]
    pub fn cuda_shape(&self, xs: crate::nn::cuda::CudaInput) -> candle_core::Result<candle_core::Shape> {
        let (batch, height, width, channels) = xs.layout.shape().dims4()?;
        Ok((batch, self.out(height), self.out(width), channels).into())
    }

    pub fn pooled(&self, size: Size) -> Size {
        Size { height: self.out(size.height), width: self.out(size.width), channels: size.channels }
    }

    /// The coordinates that window `at` covers of `size`.
    pub fn covered(&self, at: usize, size: usize) -> Range<usize> {
        let start = at * self.stride;
        start.saturating_sub(self.padding)..(start + self.kernel).saturating_sub(self.padding).min(size)
    }

    /// The windows, of `count`, that cover coordinate `at`.
    pub fn covering(&self, at: usize, count: usize) -> Range<usize> {
        let at = at + self.padding;
        let first = (at + 1).saturating_sub(self.kernel).div_ceil(self.stride);
        first..(at / self.stride + 1).min(count)
    }
}
