//! Mean-field inference: each pixel's label in the light of what all others say, over and over.

use super::Workspace;

/// Probabilities, `classes × pixels` as the unary energies.
///
/// With `E` the energies, `K` the normalised kernels and `w` their strengths, one iteration is
/// `Q ← softmax(−E + Σ w K Q)`: labels that differ cost `w`, whatever the labels (Potts).
pub(super) fn inference(unary: &[f32], classes: usize, iterations: usize, work: &mut Workspace) -> Vec<f32> {
    let pixels = unary.len() / classes.max(1);
    if let (2, (other, own)) = (classes, unary.split_at(pixels)) {
        let bias: Vec<f32> = other.iter().zip(own).map(|(other, own)| other - own).collect();
        let own = two_classes(&bias, iterations, work);
        return own.iter().map(|p| 1.0 - p).chain(own.iter().copied()).collect();
    }
    let mut logits: Vec<f32> = unary.iter().map(|energy| -energy).collect();
    let mut beliefs = logits.clone();
    softmax(&mut beliefs, pixels);
    for _ in 0..iterations {
        for (logit, energy) in logits.iter_mut().zip(unary) {
            *logit = -energy;
        }
        for (belief, logits) in beliefs.chunks(pixels).zip(logits.chunks_mut(pixels)) {
            work.add_messages(belief, logits);
        }
        beliefs.copy_from_slice(&logits);
        softmax(&mut beliefs, pixels);
    }
    beliefs
}

/// The probability of the second of two classes. `bias` is the first one's energy less the second one's.
///
/// Filters are linear and only the difference of the two logits counts, so that `D = Q₁ − Q₀` is all that is filtered:
/// `D ← tanh(½ (bias + Σ w K D))`, half the work of two planes, with nothing left out.
pub(super) fn two_classes(bias: &[f32], iterations: usize, work: &mut Workspace) -> Vec<f32> {
    let mut logits = bias.to_vec();
    let mut beliefs = vec![0.0; bias.len()];
    for _ in 0..iterations {
        for (belief, &logit) in beliefs.iter_mut().zip(&logits) {
            let small = exp_of_negative(-logit.abs());
            *belief = ((1.0 - small) / (1.0 + small)).copysign(logit);
        }
        logits.copy_from_slice(bias);
        work.add_messages(&beliefs, &mut logits);
    }
    for logit in &mut logits {
        let small = exp_of_negative(-logit.abs());
        let less = small / (1.0 + small);
        *logit = if *logit > 0.0 { 1.0 - less } else { less };
    }
    logits
}

/// Over the planes of each pixel.
fn softmax(planes: &mut [f32], pixels: usize) {
    let mut highest = vec![f32::NEG_INFINITY; pixels];
    let mut sums = vec![0.0; pixels];
    for plane in planes.chunks(pixels) {
        highest.iter_mut().zip(plane).for_each(|(highest, &x)| *highest = highest.max(x));
    }
    for plane in planes.chunks_mut(pixels) {
        for ((x, highest), sum) in plane.iter_mut().zip(&highest).zip(&mut sums) {
            *x = exp_of_negative(*x - highest);
            *sum += *x;
        }
    }
    for plane in planes.chunks_mut(pixels) {
        plane.iter_mut().zip(&sums).for_each(|(x, sum)| *x /= sum);
    }
}

/// `e^x` for `x` up to 0, within two units in the last place; below -87 it is about 1e-38. Plain arithmetic, so that loops
/// of it are vectorised and give the same bits everywhere.
#[inline(always)]
fn exp_of_negative(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    let x = if x > -87.0 { x } else { -87.0 };
    // Cody and Waite's reduction to |rest| <= ln 2 / 2, then a polynomial.
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let power = shifted - ROUND;
    let rest = (x - power * 0.693_359_4) + power * 2.121_944_4e-4;
    let mut sum = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        sum = sum * rest + coefficient;
    }
    let mantissa = 1.0 + rest + sum * rest * rest;
    // The low bits of the shifted number are the power of two.
    f32::from_bits(mantissa.to_bits().wrapping_add(shifted.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_right() {
        for i in 0..87_000 {
            let x = -(i as f32) / 1000.0;
            let exact = f64::from(x).exp();
            let off = (f64::from(exp_of_negative(x)) - exact).abs() / exact;
            assert!(off < 3e-7, "e^{x} is off by {off:e}");
        }
        assert!(exp_of_negative(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn softmax_of_three() {
        let mut planes = [1.0, 0.0, 2.0, 0.0, 3.0, 0.0];
        softmax(&mut planes, 2);
        let exact = [0.090_030_57, 1.0 / 3.0, 0.244_728_48, 1.0 / 3.0, 0.665_240_94, 1.0 / 3.0];
        assert!(planes.iter().zip(exact).all(|(a, b)| (a - b).abs() < 1e-6), "{planes:?}");
    }
}
