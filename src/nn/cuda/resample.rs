//! Upsampling to any size, nearest (joined with a skip connection) or bilinear. Not yet run on a GPU.

use super::input::{CudaInput, lanes, optional};
use super::launch::{Grid, Source, Variant, arguments};
use candle_core::{CudaStorage, Result, bail};

/// Enlarges `xs` (N, H, W, C) to `size` by its nearest pixels and puts the channels of `skip` (N, `size`, S) behind:
/// (N, `size`, C + S). Output `i` shows input `i * (from / to)` in single precision, rounded down.
pub(crate) fn nearest_concat(
    xs: CudaInput,
    skip: Option<CudaInput>,
    size: [usize; 2],
) -> Result<CudaStorage> {
    let (context, dtype) = (xs.context()?, xs.dtype());
    let [images, height, width, channels] = xs.image_dims()?;
    let pixels = images * size[0] * size[1];
    let beside = skip.map_or(0, |skip| skip.channels());
    let x = xs.activations(&context)?;
    let side = optional(skip, |skip| skip.activations_like(&context, dtype, pixels * beside))?;
    let count = pixels * (channels + beside);
    let ys = context.empty(dtype, count)?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[channels, beside], &[x, side]) };
    let arguments = arguments![x, side, ys.address, count, height, width, channels, size[0], size[1], beside];
    context.launch(
        Source::Resample,
        "nearest_concat",
        variant,
        Grid::each(count / variant.lanes),
        arguments,
    )?;
    Ok(ys.storage)
}

/// The gradient of `xs` of [`nearest_concat`], whose dimensions were `dims`, from that of the whole output. The gradient of
/// the skip connection is [`slice_channels`](super::slice_channels) of it.
pub(crate) fn nearest_backward(ys_grad: CudaInput, dims: [usize; 4]) -> Result<CudaStorage> {
    let (context, dtype) = (ys_grad.context()?, ys_grad.dtype());
    let [images, height, width, channels] = dims;
    let [_, out_height, out_width, all] = ys_grad.image_dims()?;
    let Some(beside) = all.checked_sub(channels) else {
        bail!("a gradient of {all} channels cannot be that of {channels} and more")
    };
    let grad = ys_grad.activations_like(&context, dtype, images * out_height * out_width * all)?;
    let count = images * height * width * channels;
    let xs_grad = context.empty(dtype, count)?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[channels, beside], &[grad]) };
    let sizes = arguments![height, width, channels, out_height, out_width, beside];
    let arguments = [arguments![grad, xs_grad.address, count].as_slice(), sizes].concat();
    let grid = Grid::each(count / variant.lanes);
    context.launch(Source::Resample, "nearest_backward", variant, grid, &arguments)?;
    Ok(xs_grad.storage)
}

/// Resizes `xs` (N, H, W, C) to `size` bilinearly, as PyTorch's `interpolate` with or without `align_corners`.
pub(crate) fn bilinear(xs: CudaInput, size: [usize; 2], align_corners: bool) -> Result<CudaStorage> {
    let (context, dtype) = (xs.context()?, xs.dtype());
    let [images, height, width, channels] = xs.image_dims()?;
    let x = xs.activations(&context)?;
    let count = images * size[0] * size[1] * channels;
    let ys = context.empty(dtype, count)?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[channels], &[x]) };
    let arguments =
        arguments![x, ys.address, count, height, width, channels, size[0], size[1], align_corners];
    context.launch(Source::Resample, "bilinear", variant, Grid::each(count / variant.lanes), arguments)?;
    Ok(ys.storage)
}

/// The gradient of the input of [`bilinear`], whose dimensions were `dims`.
pub(crate) fn bilinear_backward(
    ys_grad: CudaInput,
    dims: [usize; 4],
    align_corners: bool,
) -> Result<CudaStorage> {
    let (context, dtype) = (ys_grad.context()?, ys_grad.dtype());
    let [images, height, width, channels] = dims;
    let [_, out_height, out_width, _] = ys_grad.image_dims()?;
    let grad = ys_grad.activations_like(&context, dtype, images * out_height * out_width * channels)?;
    let count = images * height * width * channels;
    let xs_grad = context.empty(dtype, count)?;
    let variant = Variant { dtype, lanes: lanes(dtype, &[channels], &[grad]) };
    let sizes = arguments![height, width, channels, out_height, out_width, align_corners];
    let arguments = [arguments![grad, xs_grad.address, count].as_slice(), sizes].concat();
    let grid = Grid::each(count / variant.lanes);
    context.launch(Source::Resample, "bilinear_backward", variant, grid, &arguments)?;
    Ok(xs_grad.storage)
}
