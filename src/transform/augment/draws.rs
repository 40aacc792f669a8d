//! What augmentation draws: from the seed, the epoch, the sample and the change, and nothing else.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What is drawn for. Each draws from a place of its own, far from the others', in the sample's stream. A new one goes to the end.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    HorizontalFlip,
    VerticalFlip,
    Shift,
    Scale,
    Rotate,
    Shear,
    Elastic,
    Brightness,
    Contrast,
    Gamma,
    Noise,
    Cutout,
    Mixup,
}

/// The random numbers of one sample in one epoch.
pub(super) struct Draws {
    random: ChaCha8Rng,
    /// Of each change that is on.
    p: f64,
}

impl Draws {
    pub(super) fn new(seed: u64, epoch: usize, index: usize, p: f64) -> Draws {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(((epoch as u64) << 32) | (index as u64 + 1));
        Draws { random, p }
    }

    /// The numbers for `stream`, from the first on.
    pub(super) fn start_of(&self, stream: Stream) -> ChaCha8Rng {
        let mut random = self.random.clone();
        random.set_word_pos((stream as u128) << 48);
        random
    }

    /// Whether something of this probability happens.
    pub(super) fn happens(&self, stream: Stream, probability: f64) -> bool {
        self.start_of(stream).random::<f64>() < probability
    }

    /// The numbers for `stream`, if it is on and happens.
    pub(super) fn stream(&self, stream: Stream, is_on: bool) -> Option<ChaCha8Rng> {
        let mut random = is_on.then(|| self.start_of(stream))?;
        (random.random::<f64>() < self.p).then_some(random)
    }

    /// A number between `-most` and `most`.
    pub(super) fn signed(&self, stream: Stream, most: f64) -> Option<f64> {
        self.stream(stream, most > 0.0).map(|mut random| signed(&mut random, most))
    }

    /// Two of them.
    pub(super) fn signed_pair(&self, stream: Stream, most: f64) -> Option<[f64; 2]> {
        self.stream(stream, most > 0.0).map(|mut random| [(); 2].map(|()| signed(&mut random, most)))
    }
}

fn signed(random: &mut ChaCha8Rng, most: f64) -> f64 {
    most * (2.0 * random.random::<f64>() - 1.0)
}

/// Two standard normal numbers (Marsaglia's polar method), with functions that give the same bits on every platform.
pub(super) fn normals(random: &mut ChaCha8Rng) -> [f32; 2] {
    loop {
        let [x, y] = [(); 2].map(|()| 2.0 * random.random::<f32>() - 1.0);
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            let factor = (-2.0 * libm::logf(square) / square).sqrt();
            return [x * factor, y * factor];
        }
    }
}

/// A number from Beta(α, α), α above 0: `g / (g + h)` of two from Gamma(α).
pub(super) fn beta(random: &mut ChaCha8Rng, alpha: f64) -> f64 {
    // As logarithms: for a small α both underflow.
    let [g, h] = [(); 2].map(|()| log_gamma_variate(random, alpha));
    1.0 / (1.0 + libm::exp(h - g))
}

/// The logarithm of a number from Gamma(α) (Marsaglia and Tsang 2000). Below 1, Gamma(α) is Gamma(α + 1) times a uniform
/// number to the power of 1 / α.
fn log_gamma_variate(random: &mut ChaCha8Rng, alpha: f64) -> f64 {
    if alpha < 1.0 {
        let log = log_gamma_variate(random, alpha + 1.0);
        return log + libm::log(1.0 - random.random::<f64>()) / alpha;
    }
    let d = alpha - 1.0 / 3.0;
    loop {
        let x = f64::from(normals(random)[0]);
        let cube = 1.0 + x / (9.0 * d).sqrt();
        let v = cube * cube * cube;
        let u = 1.0 - random.random::<f64>();
        if v > 0.0 && libm::log(u) < 0.5 * x * x + d - d * v + d * libm::log(v) {
            return libm::log(d) + libm::log(v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: usize = 200_000;

    fn moments(mut draw: impl FnMut() -> f64) -> [f64; 4] {
        let values: Vec<f64> = (0..MANY).map(|_| draw()).collect();
        let mean_of = |f: &dyn Fn(f64) -> f64| values.iter().map(|&v| f(v)).sum::<f64>() / MANY as f64;
        let mean = mean_of(&|v| v);
        let central = |power: i32| mean_of(&|v| (v - mean).powi(power));
        [mean, central(2), central(3), central(4)]
    }

    fn near(got: [f64; 4], expected: [f64; 4], what: &str) {
        for (got, expected) in got.into_iter().zip(expected) {
            assert!((got - expected).abs() < 0.02 * expected.abs().max(1.0), "{what}: {got}, not {expected}");
        }
    }

    #[test]
    fn normal_numbers_have_their_moments() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let [mean, variance, third, fourth] = moments(|| f64::from(normals(&mut random)[1]));
        near([mean, variance, third, fourth / 3.0], [0.0, 1.0, 0.0, 1.0], "normal");
    }

    #[test]
    fn beta_numbers_have_their_moments() {
        for alpha in [1e-3, 0.05, 0.2, 0.4, 1.0, 2.0, 8.0, 1e6] {
            let mut random = ChaCha8Rng::seed_from_u64(4);
            let [mean, variance, third, fourth] = moments(|| beta(&mut random, alpha));
            let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            near([mean, variance / expected, third, 0.0], [0.5, 1.0, 0.0, 0.0], &format!("beta {alpha}"));
            // Its kurtosis is 3 − 6 / (2α + 3).
            let kurtosis = fourth / (variance * variance);
            assert!((kurtosis / (3.0 - 6.0 / (2.0 * alpha + 3.0)) - 1.0).abs() < 0.04, "{alpha}: {kurtosis}");
        }
    }
}
