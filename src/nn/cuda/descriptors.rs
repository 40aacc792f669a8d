//! What cuDNN is told about a convolution. Not yet run on a GPU.

use super::geometry::{Geometry, Plane};
use candle_core::DType;
use candle_core::cuda_backend::cudarc::cudnn::{CudnnError, result, sys};

/// Of the three tensors and the convolution. They stay until the program ends, as the plans do.
#[derive(Clone, Copy)]
pub(super) struct Descriptors {
    pub large: sys::cudnnTensorDescriptor_t,
    pub small: sys::cudnnTensorDescriptor_t,
    pub weight: sys::cudnnFilterDescriptor_t,
    pub convolution: sys::cudnnConvolutionDescriptor_t,
}

/// Sizes as cuDNN names them, (N, C, H, W) in whatever order memory is.
fn dims(batch: usize, plane: Plane) -> [i32; 4] {
    [batch, plane.channels, plane.height, plane.width].map(|size| size as i32)
}

/// Descriptors of a convolution of `dtype` activations, channels last.
pub(super) fn describe(geometry: &Geometry, dtype: DType) -> std::result::Result<Descriptors, CudnnError> {
    use sys::cudnnTensorFormat_t::CUDNN_TENSOR_NHWC;
    let kind = match dtype {
        DType::BF16 => sys::cudnnDataType_t::CUDNN_DATA_BFLOAT16,
        _ => sys::cudnnDataType_t::CUDNN_DATA_FLOAT,
    };
    let Geometry { batch, large, small, window, groups } = *geometry;
    let [kernel, stride, padding, dilation] = [window.kernel, window.stride, window.padding, window.dilation]
        .map(|pair| pair.map(|size| size as i32));
    let weight = [small.channels as i32, geometry.large_channels() as i32, kernel[0], kernel[1]];
    let descriptors = Descriptors {
        large: result::create_tensor_descriptor()?,
        small: result::create_tensor_descriptor()?,
        weight: result::create_filter_descriptor()?,
        convolution: result::create_convolution_descriptor()?,
    };
    let mode = sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
    let float = sys::cudnnDataType_t::CUDNN_DATA_FLOAT;
    let [[py, px], [sy, sx], [dy, dx]] = [padding, stride, dilation];
    let convolution = descriptors.convolution;
    // SAFETY: all four were just made.
    unsafe {
        result::set_tensor4d_descriptor(descriptors.large, CUDNN_TENSOR_NHWC, kind, dims(batch, large))?;
        result::set_tensor4d_descriptor(descriptors.small, CUDNN_TENSOR_NHWC, kind, dims(batch, small))?;
        result::set_filter4d_descriptor(descriptors.weight, kind, CUDNN_TENSOR_NHWC, weight)?;
        result::set_convolution2d_descriptor(convolution, py, px, sy, sx, dy, dx, mode, float)?;
        result::set_convolution_math_type(convolution, sys::cudnnMathType_t::CUDNN_TENSOR_OP_MATH)?;
        result::set_convolution_group_count(convolution, groups as i32)?;
    }
    Ok(descriptors)
}
