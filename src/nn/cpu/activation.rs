//! The functions between layers, on vectors.

use super::lanes::Lanes;
use serde::{Deserialize, Serialize};

/// What follows a layer.
///
/// ```
/// use tgs_salt::nn::Activation;
/// assert_eq!(Activation::default(), Activation::None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// `max(0, x)`, whose slope at 0 is 0.
    Relu,
    /// `x` above 0, else this slope times `x`.
    LeakyRelu(f32),
    /// `x` above 0, else `exp(x) - 1`.
    Elu,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

/// The value behind an activation.
#[inline(always)]
pub(crate) fn activate<L: Lanes>(activation: Activation, xs: L) -> L {
    match activation {
        Activation::None => xs,
        Activation::Relu => xs.floor_zero(),
        Activation::LeakyRelu(slope) => xs.floor_zero().fma(negative_part(xs), L::splat(slope)),
        Activation::Elu => xs.floor_zero().add(negative_part(xs).exp_of_negative().sub(L::splat(1.0))),
        Activation::Sigmoid => {
            // The exponent is never positive, so that it cannot overflow.
            let small = xs.larger(xs.negate()).negate().exp_of_negative();
            let one = L::splat(1.0);
            let numerator = one.where_positive(xs).add(small.sub(small.where_positive(xs)));
            numerator.div(one.add(small))
        }
    }
}

/// The gradient before an activation, from the one behind it and the value behind it, which decides it for each of them.
#[inline(always)]
pub(crate) fn activation_grad<L: Lanes>(activation: Activation, ys: L, grad: L) -> L {
    match activation {
        Activation::None => grad,
        Activation::Relu => grad.where_positive(ys),
        Activation::LeakyRelu(slope) => {
            let open = grad.where_positive(ys);
            open.fma(grad.sub(open), L::splat(slope))
        }
        Activation::Elu => {
            let open = grad.where_positive(ys);
            open.fma(grad.sub(open), ys.add(L::splat(1.0)))
        }
        Activation::Sigmoid => grad.mul(ys.mul(L::splat(1.0).sub(ys))),
    }
}

/// `min(0, x)`; what is not a number stays so.
#[inline(always)]
fn negative_part<L: Lanes>(xs: L) -> L {
    xs.negate().floor_zero().negate()
}
