//! Pooling over windows and over whole images. Not yet run on a GPU.

use super::geometry::Window;
use super::input::{CudaInput, lanes};
use super::launch::{Argument, Grid, Source, Variant, arguments};
use super::reduce::image_sums;
use candle_core::{CudaStorage, Result, bail};

/// The sizes of a pooling, from (N, H, W, C) to (N, `out[0]`, `out[1]`, C).
struct Pooling {
    images: usize,
    size: [usize; 2],
    channels: usize,
    out: [usize; 2],
    window: Window,
}

impl Pooling {
    fn new([images, height, width, channels]: [usize; 4], window: Window) -> Result<Pooling> {
        let (Some(rows), Some(columns)) = (window.small(0, height), window.small(1, width)) else {
            bail!("no pooling window fits into {height} by {width} pixels")
        };
        let half = |axis: usize| window.padding[axis] * 2 <= window.kernel[axis];
        if window.dilation != [1, 1] || !half(0) || !half(1) {
            bail!("pooling takes a dilation of 1 and a padding of at most half the kernel, not {window:?}")
        }
        Ok(Pooling { images, size: [height, width], channels, out: [rows, columns], window })
    }

    fn inputs(&self) -> usize {
        self.images * self.size[0] * self.size[1] * self.channels
    }

    fn outputs(&self) -> usize {
        self.images * self.out[0] * self.out[1] * self.channels
    }

    /// `SIZES` of the kernels.
    fn arguments(&self) -> [Argument; 11] {
        let Window { kernel, stride, padding, .. } = self.window;
        let pairs = [self.out, kernel, stride, padding];
        let [[rows, columns], [ky, kx], [sy, sx], [py, px]] = pairs;
        *arguments![self.size[0], self.size[1], self.channels, rows, columns, ky, kx, sy, sx, py, px]
    }
}

/// The largest value of each window; a NaN wins.
pub(crate) fn max_pool(xs: CudaInput, window: Window) -> Result<CudaStorage> {
    forward(xs, window, "max_pool", &[])
}

/// The mean of each window of `xs`; of all its places (`count_padding`), or of those inside alone.
pub(crate) fn average_pool(xs: CudaInput, window: Window, count_padding: bool) -> Result<CudaStorage> {
    forward(xs, window, "average_pool", arguments![count_padding])
}

fn forward(
    xs: CudaInput,
    window: Window,
    kernel: &'static str,
    settings: &[Argument],
) -> Result<CudaStorage> {
    let (context, dtype) = (xs.context()?, xs.dtype());
    let pooling = Pooling::new(xs.image_dims()?, window)?;
    let x = xs.activations(&context)?;
    let count = pooling.outputs();
    let ys = context.empty(dtype, count)?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[pooling.channels], &[x]) };
    let all = [arguments![x, ys.address, count].as_slice(), settings, &pooling.arguments()].concat();
    context.launch(Source::Pool, kernel, variant, Grid::each(count / variant.lanes), &all)?;
    Ok(ys.storage)
}

/// The gradient of `xs` from that of `ys`, which goes to the first largest value of a window in row-major order.
pub(crate) fn max_pool_backward(
    xs: CudaInput,
    ys: CudaInput,
    ys_grad: CudaInput,
    window: Window,
) -> Result<CudaStorage> {
    let (context, dtype) = (xs.context()?, xs.dtype());
    let pooling = Pooling::new(xs.image_dims()?, window)?;
    let x = xs.activations(&context)?;
    let y = ys.activations_like(&context, dtype, pooling.outputs())?;
    let grad = ys_grad.activations_like(&context, dtype, pooling.outputs())?;
    let count = pooling.inputs();
    let xs_grad = context.empty(dtype, count)?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[pooling.channels], &[x, y, grad]) };
    let tensors = arguments![x, y, grad, xs_grad.address, count];
    let all = [tensors.as_slice(), &pooling.arguments()].concat();
    context.launch(Source::Pool, "max_pool_backward", variant, Grid::each(count / variant.lanes), &all)?;
    Ok(xs_grad.storage)
}

/// The gradient of the input of [`average_pool`], whose dimensions were `dims`.
pub(crate) fn average_pool_backward(
    ys_grad: CudaInput,
    dims: [usize; 4],
    window: Window,
    count_padding: bool,
) -> Result<CudaStorage> {
    let (context, dtype) = (ys_grad.context()?, ys_grad.dtype());
    let pooling = Pooling::new(dims, window)?;
    let grad = ys_grad.activations_like(&context, dtype, pooling.outputs())?;
    let count = pooling.inputs();
    let xs_grad = context.empty(dtype, count)?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[pooling.channels], &[grad]) };
    let tensors = arguments![grad, xs_grad.address, count, count_padding];
    let all = [tensors.as_slice(), &pooling.arguments()].concat();
    let grid = Grid::each(count / variant.lanes);
    context.launch(Source::Pool, "average_pool_backward", variant, grid, &all)?;
    Ok(xs_grad.storage)
}

/// The mean over the pixels of each image: (N, H, W, C) to (N, C).
pub(crate) fn global_average(xs: CudaInput) -> Result<CudaStorage> {
    let [images, height, width, channels] = xs.image_dims()?;
    let pixels = height * width;
    let shape = [images, pixels, channels];
    Ok(image_sums(xs, None, shape, 1.0 / pixels as f32, xs.dtype())?.storage)
}

/// The gradient of the input of [`global_average`], whose dimensions were `dims`, from that of its output (N, C).
pub(crate) fn global_average_backward(ys_grad: CudaInput, dims: [usize; 4]) -> Result<CudaStorage> {
    let (context, dtype) = (ys_grad.context()?, ys_grad.dtype());
    let [images, height, width, channels] = dims;
    let grad = ys_grad.activations_like(&context, dtype, images * channels)?;
    let (image, count) = (height * width * channels, images * height * width * channels);
    let xs_grad = context.empty(dtype, count)?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[channels], &[grad]) };
    let share = 1.0 / (height * width) as f32;
    let arguments = arguments![grad, xs_grad.address, count, image, channels, share];
    context.launch(Source::Pointwise, "spread", variant, Grid::each(count / variant.lanes), arguments)?;
    Ok(xs_grad.storage)
}
