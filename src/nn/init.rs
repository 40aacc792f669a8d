//! What weights start from, drawn from a seeded stream.
//!
//! He et al. 2015, "Delving Deep into Rectifiers" (arXiv:1502.01852): a weight that is followed by a ReLU starts normal with
//! variance `2 / fan_in`, so that activations keep their size from layer to layer.

use candle_core::Shape;
use candle_nn::Init;
use candle_nn::init::NormalOrUniform;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// All zero.
pub const ZEROS: Init = candle_nn::init::ZERO;
/// All one.
pub const ONES: Init = candle_nn::init::ONE;

/// How a convolution's weight starts. `fan_in` is how many numbers go into one number of the result, `fan_out` the reverse.
///
/// ```
/// use tgs_salt::nn::{Conv2dConfig, init::Start};
/// assert_eq!(Conv2dConfig::default().init, Start::HeNormal);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// Normal with variance `2 / fan_in`: keeps the size of activations before a ReLU.
    #[default]
    HeNormal,
    /// Uniform with that variance.
    HeUniform,
    /// Normal with variance `2 / (fan_in + fan_out)` (Glorot and Bengio 2010): for layers without a ReLU.
    XavierNormal,
    /// Uniform with that variance.
    XavierUniform,
}

impl Start {
    /// The distribution for these fans.
    pub(super) fn with_fans(self, fan_in: f64, fan_out: f64) -> Init {
        let deviation = match self {
            Start::HeNormal | Start::HeUniform => (2.0 / fan_in).sqrt(),
            Start::XavierNormal | Start::XavierUniform => (2.0 / (fan_in + fan_out)).sqrt(),
        };
        match self {
            Start::HeNormal | Start::XavierNormal => Init::Randn { mean: 0.0, stdev: deviation },
            Start::HeUniform | Start::XavierUniform => {
                let bound = 3f64.sqrt() * deviation;
                Init::Uniform { lo: -bound, up: bound }
            }
        }
    }
}

/// The values of one named weight. They depend on the seed, the name and the shape, and on nothing else.
pub(super) fn values(init: Init, shape: &Shape, seed: u64, name: &str) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ name_hash(name));
    let mut draw: Box<dyn FnMut() -> f64> = match init {
        Init::Const(value) => Box::new(move || value),
        Init::Randn { mean, stdev } => Box::new(move || mean + stdev * normal(&mut random)),
        Init::Uniform { lo, up } => Box::new(move || lo + (up - lo) * random.random::<f64>()),
        Init::Kaiming { dist, fan, non_linearity } => {
            let deviation = non_linearity.gain() / (fan.for_shape(shape).max(1) as f64).sqrt();
            match dist {
                NormalOrUniform::Normal => Box::new(move || deviation * normal(&mut random)),
                NormalOrUniform::Uniform => {
                    let bound = 3f64.sqrt() * deviation;
                    Box::new(move || bound * (2.0 * random.random::<f64>() - 1.0))
                }
            }
        }
    };
    (0..shape.elem_count()).map(|_| draw() as f32).collect()
}

/// A standard normal number (Box and Muller 1958), with functions that give the same bits on every platform.
fn normal(random: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * libm::log(1.0 - random.random::<f64>())).sqrt();
    radius * libm::cos(std::f64::consts::TAU * random.random::<f64>())
}

/// FNV-1a, 64 bits: a hash of the name that no platform or version changes.
fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_fnv_1a() {
        // Published test vectors of FNV-1a, 64 bits.
        assert_eq!(name_hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(name_hash("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(name_hash("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn each_start_has_its_mean_and_deviation() {
        let (fan_in, fan_out) = (32.0 * 9.0, 64.0 * 9.0);
        for (start, expected) in [
            (Start::HeNormal, 2.0 / fan_in),
            (Start::HeUniform, 2.0 / fan_in),
            (Start::XavierNormal, 2.0 / (fan_in + fan_out)),
            (Start::XavierUniform, 2.0 / (fan_in + fan_out)),
        ] {
            let values = values(start.with_fans(fan_in, fan_out), &Shape::from((64, 32, 3, 3)), 7, "weight");
            let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
            let variance =
                values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / values.len() as f64;
            assert!(mean.abs() < 0.002, "{start:?}: {mean}");
            assert!((variance / expected - 1.0).abs() < 0.03, "{start:?}: {variance} instead of {expected}");
        }
    }

    #[test]
    fn uniform_stays_inside_its_bounds() {
        let values = values(Init::Uniform { lo: -1.0, up: 3.0 }, &Shape::from(2000), 7, "weight");
        assert!(values.iter().all(|v| (-1.0..=3.0).contains(v)));
        assert!(values.iter().any(|&v| v < -0.9) && values.iter().any(|&v| v > 2.9));
    }
}
