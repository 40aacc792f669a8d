//! One step of an optimizer over a chunk of a parameter.

use super::lanes::Lanes;
use super::vectorized::vectorized;

/// What a step multiplies by.
#[derive(Clone, Copy)]
pub(crate) enum Factors {
    Adam(AdamFactors),
    Sgd { rate: f32, momentum: f32, nesterov: bool, penalty: f32 },
}

#[derive(Clone, Copy)]
pub(crate) struct AdamFactors {
    first_share: f32,
    second_memory: f32,
    second_share: f32,
    eps: f32,
    /// The rate without the first moment's bias.
    size: f32,
    /// One over the root of the second moment's bias.
    inverse_root: f32,
    penalty: f32,
    kept: f32,
}

impl AdamFactors {
    pub(crate) fn new(
        [beta1, beta2, eps]: [f64; 3],
        [penalty, kept]: [f64; 2],
        rate: f64,
        step: usize,
    ) -> AdamFactors {
        AdamFactors {
            first_share: (1.0 - beta1) as f32,
            second_memory: beta2 as f32,
            second_share: (1.0 - beta2) as f32,
            eps: eps as f32,
            size: (rate / (1.0 - libm::pow(beta1, step as f64))) as f32,
            inverse_root: (1.0 / (1.0 - libm::pow(beta2, step as f64)).sqrt()) as f32,
            penalty: penalty as f32,
            kept: kept as f32,
        }
    }
}

vectorized! {
    pub(crate) fn adam_chunk(factors: AdamFactors, gradient: &[f32], state: [&mut [f32]; 3]) = adam_chunk_with
}

#[inline(always)]
fn adam_chunk_with<L: Lanes>(
    factors: AdamFactors,
    gradient: &[f32],
    [values, first, second]: [&mut [f32]; 3],
) {
    let moments = first.chunks_mut(L::WIDTH).zip(second.chunks_mut(L::WIDTH));
    let inputs = values.chunks_mut(L::WIDTH).zip(gradient.chunks(L::WIDTH));
    for ((values, gradient), (first, second)) in inputs.zip(moments) {
        let (value, m, v) = (L::load(values), L::load(first), L::load(second));
        let gradient = L::load(gradient).fma(value, L::splat(factors.penalty));
        let m = m.fma(gradient.sub(m), L::splat(factors.first_share));
        let v = v
            .mul(L::splat(factors.second_memory))
            .fma(gradient.mul(gradient), L::splat(factors.second_share));
        let root = L::splat(factors.eps).fma(v.sqrt(), L::splat(factors.inverse_root));
        let moved = value.mul(L::splat(factors.kept)).sub(m.div(root).mul(L::splat(factors.size)));
        m.write(first);
        v.write(second);
        moved.write(values);
    }
}

vectorized! {
    pub(crate) fn sgd_chunk(factors: [f32; 3], nesterov: bool, gradient: &[f32], state: [&mut [f32]; 2]) = sgd_chunk_with
}

#[inline(always)]
fn sgd_chunk_with<L: Lanes>(
    [rate, momentum, penalty]: [f32; 3],
    nesterov: bool,
    gradient: &[f32],
    [values, buffer]: [&mut [f32]; 2],
) {
    let inputs = values.chunks_mut(L::WIDTH).zip(gradient.chunks(L::WIDTH));
    for ((values, gradient), buffer) in inputs.zip(buffer.chunks_mut(L::WIDTH)) {
        let value = L::load(values);
        let gradient = L::load(gradient).fma(value, L::splat(penalty));
        let memory = gradient.fma(L::load(buffer), L::splat(momentum));
        let direction = if nesterov { gradient.fma(memory, L::splat(momentum)) } else { memory };
        memory.write(buffer);
        value.sub(direction.mul(L::splat(rate))).write(values);
    }
}
