//! Weights in the order in which the convolution sums read them.

use super::geometry::{Family, Plane};
use super::lanes::LANES;
use rayon::prelude::*;

/// Distance in the weight between neighbouring output channels and neighbouring input channels of a sum.
#[derive(Clone, Copy)]
pub(super) struct WeightStrides {
    pub output: usize,
    pub input: usize,
}

/// Per family: vectors over output channels, ordered (panel of 16 output channels, tap, input channel, vector).
pub(super) type Packed = Vec<Vec<[f32; LANES]>>;

/// Packs a weight for a sum from one plane into another.
pub(super) fn pack(
    families: &[Family],
    weight: &[f32],
    (from, to): (Plane, Plane),
    strides: WeightStrides,
) -> Packed {
    let (inputs, outputs) = (from.channels, to.channels);
    let pack_family = |family: &Family| {
        let rows = family.taps.len() * inputs;
        let mut packed = vec![[0.0; LANES]; rows * outputs.div_ceil(LANES)];
        packed.par_chunks_mut((rows * 2).max(1)).enumerate().for_each(|(panel, packed)| {
            let vectors = packed.len() / rows.max(1);
            let first = panel * 2 * LANES;
            for lane in 0..(outputs - first).min(vectors * LANES) {
                for (t, tap) in family.taps.iter().enumerate() {
                    let from = (first + lane) * strides.output + tap.index;
                    let values = weight[from..].iter().step_by(strides.input);
                    let slots = packed[t * inputs * vectors + lane / LANES..].iter_mut().step_by(vectors);
                    for (slot, value) in slots.zip(values).take(inputs) {
                        slot[lane % LANES] = *value;
                    }
                }
            }
        });
        packed
    };
    families.iter().map(pack_family).collect()
}

/// The bias as vectors, zero where there is none.
pub(super) fn padded_bias(bias: Option<&[f32]>, channels: usize) -> Vec<[f32; LANES]> {
    let mut padded = vec![[0.0; LANES]; channels.div_ceil(LANES)];
    for (slot, value) in padded.as_flattened_mut().iter_mut().zip(bias.unwrap_or(&[])) {
        *slot = *value;
    }
    padded
}
