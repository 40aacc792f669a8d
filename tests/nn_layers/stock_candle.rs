//! Why these layers exist: gradients of candle-core 0.11.1 that are wrong. When one of these tests fails after an update, candle
//! has been mended, and the layer of ours may go.

use crate::gradients::floats;
use candle_core::{DType, Device, Tensor, Var};

fn gradient(xs: &Var, ys: Tensor) -> Vec<f32> {
    floats(ys.sum_all().unwrap().backward().unwrap().get(xs).unwrap())
}

#[test]
fn max_pooling_scales_its_gradient() {
    let xs = Tensor::new(&[[[[1f32, 2.0], [3.0, 4.0]]]], &Device::Cpu).unwrap();
    let xs = Var::from_tensor(&xs).unwrap();
    assert_ne!(gradient(&xs, xs.max_pool2d(2).unwrap()), [0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn nearest_upsampling_forgets_other_gradients() {
    let xs = Var::ones((1, 1, 2, 2), DType::F32, &Device::Cpu).unwrap();
    let shared = (xs.as_tensor() * 1.0).unwrap();
    let up = shared.upsample_nearest2d(4, 4).unwrap().sum_all().unwrap();
    let direct = (shared.sum_all().unwrap() * 10.0).unwrap();
    // Each value is used four times by the upsampling and ten times directly.
    let both = [gradient(&xs, (&up + &direct).unwrap()), gradient(&xs, (&direct + &up).unwrap())];
    assert!(both.iter().any(|gradient| gradient != &[14.0; 4]), "{both:?}");
}

#[test]
fn relu_has_a_slope_at_zero() {
    let xs = Var::zeros(3, DType::F32, &Device::Cpu).unwrap();
    assert_eq!(gradient(&xs, xs.relu().unwrap()), [1.0; 3]);
}
