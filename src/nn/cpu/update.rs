//! One step of an optimizer over a chunk of a parameter, and the sums that it needs of gradients.

use super::lanes::Lanes;
use super::vectorized::vectorized;
use crate::nn::step_numbers::{Rule, StepNumbers};

/// What a step of one parameter multiplies by.
#[derive(Clone, Copy)]
pub(crate) struct Factors {
    /// Of the gradient.
    scale: f32,
    /// Weight decay that is added to the gradient.
    penalty: f32,
    /// What weight decay of its own leaves.
    kept: f32,
    rate: f32,
    momentum: f32,
    nesterov: bool,
    first_share: f32,
    second_memory: f32,
    second_share: f32,
    eps: f32,
    size: f32,
    ahead: f32,
    inverse_root: f32,
}

impl Factors {
    /// For a parameter with this factor of the rate and this weight decay, whose gradient is to be multiplied by `scale`.
    pub(crate) fn new(numbers: &StepNumbers, [factor, decay]: [f64; 2], scale: f64) -> Factors {
        let decoupled = numbers.rule == Rule::AdamW;
        Factors {
            scale: scale as f32,
            penalty: if decoupled { 0.0 } else { decay as f32 },
            kept: if decoupled { (1.0 - numbers.rate * factor * decay) as f32 } else { 1.0 },
            rate: (numbers.rate * factor) as f32,
            momentum: numbers.beta1 as f32,
            nesterov: numbers.rule == Rule::Nesterov,
            first_share: (1.0 - numbers.beta1) as f32,
            second_memory: numbers.beta2 as f32,
            second_share: (1.0 - numbers.beta2) as f32,
            eps: numbers.eps as f32,
            size: (numbers.size * factor) as f32,
            ahead: (numbers.ahead * factor) as f32,
            inverse_root: (1.0 / numbers.root) as f32,
        }
    }

    #[inline(always)]
    fn gradient<L: Lanes>(&self, gradient: &[f32], value: L) -> L {
        L::load(gradient).mul(L::splat(self.scale)).fma(value, L::splat(self.penalty))
    }

    /// The new mean of gradients.
    #[inline(always)]
    fn first<L: Lanes>(&self, first: &mut [f32], gradient: L) -> L {
        let m = L::load(first);
        let m = m.fma(gradient.sub(m), L::splat(self.first_share));
        m.write(first);
        m
    }

    /// The root of the new mean of squares, so that it can be divided by.
    #[inline(always)]
    fn root<L: Lanes>(&self, second: &mut [f32], gradient: L) -> L {
        let v = L::load(second).mul(L::splat(self.second_memory));
        let v = v.fma(gradient.mul(gradient), L::splat(self.second_share));
        v.write(second);
        L::splat(self.eps).fma(v.sqrt(), L::splat(self.inverse_root))
    }

    /// The new momentum.
    #[inline(always)]
    fn momentum<L: Lanes>(&self, buffer: &mut [f32], gradient: L) -> L {
        let memory = gradient.fma(L::load(buffer), L::splat(self.momentum));
        memory.write(buffer);
        memory
    }
}

vectorized! {
    /// Adam and AdamW: values, mean of gradients, mean of squares.
    pub(crate) fn adam_chunk(factors: Factors, gradient: &[f32], state: [&mut [f32]; 3]) = adam_chunk_with
}

#[inline(always)]
fn adam_chunk_with<L: Lanes>(factors: Factors, gradient: &[f32], [values, first, second]: [&mut [f32]; 3]) {
    let moments = first.chunks_mut(L::WIDTH).zip(second.chunks_mut(L::WIDTH));
    let inputs = values.chunks_mut(L::WIDTH).zip(gradient.chunks(L::WIDTH));
    for ((values, gradient), (first, second)) in inputs.zip(moments) {
        let value = L::load(values);
        let gradient = factors.gradient(gradient, value);
        let m = factors.first(first, gradient);
        let step = m.div(factors.root(second, gradient)).mul(L::splat(factors.size));
        value.mul(L::splat(factors.kept)).sub(step).write(values);
    }
}

vectorized! {
    /// Nadam, with the same state.
    pub(crate) fn nadam_chunk(factors: Factors, gradient: &[f32], state: [&mut [f32]; 3]) = nadam_chunk_with
}

#[inline(always)]
fn nadam_chunk_with<L: Lanes>(factors: Factors, gradient: &[f32], [values, first, second]: [&mut [f32]; 3]) {
    let moments = first.chunks_mut(L::WIDTH).zip(second.chunks_mut(L::WIDTH));
    let inputs = values.chunks_mut(L::WIDTH).zip(gradient.chunks(L::WIDTH));
    for ((values, gradient), (first, second)) in inputs.zip(moments) {
        let value = L::load(values);
        let gradient = factors.gradient(gradient, value);
        let m = factors.first(first, gradient).mul(L::splat(factors.size));
        let both = m.fma(gradient, L::splat(factors.ahead));
        value.sub(both.div(factors.root(second, gradient))).write(values);
    }
}

vectorized! {
    /// RMSprop: values, mean of squares.
    pub(crate) fn rms_chunk(factors: Factors, gradient: &[f32], state: [&mut [f32]; 2]) = rms_chunk_with
}

#[inline(always)]
fn rms_chunk_with<L: Lanes>(factors: Factors, gradient: &[f32], [values, second]: [&mut [f32]; 2]) {
    let inputs = values.chunks_mut(L::WIDTH).zip(gradient.chunks(L::WIDTH));
    for ((values, gradient), second) in inputs.zip(second.chunks_mut(L::WIDTH)) {
        let value = L::load(values);
        let gradient = factors.gradient(gradient, value);
        let direction = gradient.div(factors.root(second, gradient));
        value.sub(direction.mul(L::splat(factors.rate))).write(values);
    }
}

vectorized! {
    /// RMSprop with momentum: values, mean of squares, momentum.
    pub(crate) fn rms_momentum_chunk(factors: Factors, gradient: &[f32], state: [&mut [f32]; 3]) = rms_momentum_chunk_with
}

#[inline(always)]
fn rms_momentum_chunk_with<L: Lanes>(
    factors: Factors,
    gradient: &[f32],
    [values, second, buffer]: [&mut [f32]; 3],
) {
    let memories = second.chunks_mut(L::WIDTH).zip(buffer.chunks_mut(L::WIDTH));
    let inputs = values.chunks_mut(L::WIDTH).zip(gradient.chunks(L::WIDTH));
    for ((values, gradient), (second, buffer)) in inputs.zip(memories) {
        let value = L::load(values);
        let gradient = factors.gradient(gradient, value);
        let direction = factors.momentum(buffer, gradient.div(factors.root(second, gradient)));
        value.sub(direction.mul(L::splat(factors.rate))).write(values);
    }
}

vectorized! {
    /// Gradient descent: values alone.
    pub(crate) fn sgd_chunk(factors: Factors, gradient: &[f32], state: [&mut [f32]; 1]) = sgd_chunk_with
}

#[inline(always)]
fn sgd_chunk_with<L: Lanes>(factors: Factors, gradient: &[f32], [values]: [&mut [f32]; 1]) {
    for (values, gradient) in values.chunks_mut(L::WIDTH).zip(gradient.chunks(L::WIDTH)) {
        let value = L::load(values);
        let gradient = factors.gradient(gradient, value);
        value.sub(gradient.mul(L::splat(factors.rate))).write(values);
    }
}

vectorized! {
    /// Gradient descent with momentum: values, momentum.
    pub(crate) fn momentum_chunk(factors: Factors, gradient: &[f32], state: [&mut [f32]; 2]) = momentum_chunk_with
}

#[inline(always)]
fn momentum_chunk_with<L: Lanes>(factors: Factors, gradient: &[f32], [values, buffer]: [&mut [f32]; 2]) {
    let inputs = values.chunks_mut(L::WIDTH).zip(gradient.chunks(L::WIDTH));
    for ((values, gradient), buffer) in inputs.zip(buffer.chunks_mut(L::WIDTH)) {
        let value = L::load(values);
        let gradient = factors.gradient(gradient, value);
        let memory = factors.momentum(buffer, gradient);
        let ahead = gradient.fma(memory, L::splat(factors.momentum));
        let direction = if factors.nesterov { ahead } else { memory };
        value.sub(direction.mul(L::splat(factors.rate))).write(values);
    }
}

vectorized! {
    /// `sums += weight * gradient`.
    pub(crate) fn add_scaled_chunk(sums: &mut [f32], gradient: &[f32], weight: f32) = add_scaled_chunk_with
}

#[inline(always)]
fn add_scaled_chunk_with<L: Lanes>(sums: &mut [f32], gradient: &[f32], weight: f32) {
    for (sums, gradient) in sums.chunks_mut(L::WIDTH).zip(gradient.chunks(L::WIDTH)) {
        L::load(sums).fma(L::load(gradient), L::splat(weight)).write(sums);
    }
}

vectorized! {
    /// The sum of a chunk's squares.
    pub(crate) fn square_sum(values: &[f32]) -> f64 = square_sum_with
}

/// Sums side by side.
const SUMS: usize = 16;

/// In double precision a square is exact, and the sums have the same order in every kind of vector.
#[inline(always)]
fn square_sum_with<L: Lanes>(values: &[f32]) -> f64 {
    let mut sums = [0.0; SUMS];
    for values in values.chunks(SUMS) {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += f64::from(*value) * f64::from(*value);
        }
    }
    sums.iter().sum()
}
