//! The sums by tiles against those by vectors, on whole numbers, which every order of adding gives the same bits of.

use super::super::amx::has_tiles;
use super::super::lanes::width;
use super::super::tile_product::{LINE_WEIGHTS, Line, SIDE, Sums};
use super::super::vectorized::vectorized;
use super::gather::Sum;
use super::pack::{Into, Packed};
use super::sums::{Ending, half_sums};
use super::tiles::{HalfTiles, Products, sum_blocks, takes_tiles};
use super::values::{Half, Values};
use crate::nn::cpu::activation::Activation;
use crate::nn::geometry::{Geometry, Plane, Window};
use half::bf16;
use std::ops::Range;

/// The processor's products as loops.
struct Loops;

impl Products for Loops {
    fn add_product(&self, rows: &[Line], pitch: usize, weights: &[f32], sums: &mut Sums) {
        let float = |bits: u16| bf16::from_bits(bits).to_f32();
        for (line, weights) in weights.chunks_exact(LINE_WEIGHTS).enumerate() {
            for (row, sums) in sums.0.iter_mut().enumerate() {
                let values = rows[row * pitch + line].0;
                for (pair, weights) in values.chunks_exact(2).zip(weights.chunks_exact(SIDE)) {
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        let bits = weight.to_bits();
                        *sum +=
                            float(pair[0]) * float(bits as u16) + float(pair[1]) * float((bits >> 16) as u16);
                    }
                }
            }
        }
    }
}

/// [`HalfTiles`] on any machine.
struct HalfLoops;

vectorized! {
    fn sum_in_loops(sum: &Sum<HalfLoops>, panels: Range<usize>, loops: &Loops) = sum_blocks, HalfLoops
}

impl Values for HalfLoops {
    type Item = bf16;

    fn sum_panels(sum: &Sum<HalfLoops>, panels: Range<usize>) {
        sum_in_loops(sum, panels, &Loops);
    }
}

/// Whole numbers of -4..=4.
fn numbers(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % 9
    };
    (0..len).map(|_| next() as f32 - 4.0).collect()
}

fn halves(len: usize, seed: u32) -> Vec<bf16> {
    numbers(len, seed).into_iter().map(bf16::from_f32).collect()
}

fn geometry(batch: usize, [height, width]: [usize; 2], channels: [usize; 2], window: Window) -> Geometry {
    let out = |axis: usize, size: usize| {
        let reach = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
        (size + 2 * window.padding[axis] - reach) / window.stride[axis] + 1
    };
    let large = Plane { height, width, channels: channels[0] };
    let small = Plane { height: out(0, height), width: out(1, width), channels: channels[1] };
    Geometry { batch, large, small, window, groups: 1 }
}

/// Full and partial blocks of pixels and panels of channels; small and large images; taps that a block leaves out at the start,
/// in the middle and at the end, and that no pixel meets.
fn cases() -> Vec<Geometry> {
    let window = |kernel: usize, stride: usize, padding: usize, dilation: usize| Window {
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        dilation: [dilation; 2],
    };
    let row = Window { kernel: [1, 7], stride: [1, 1], padding: [0, 3], dilation: [1, 1] };
    vec![
        geometry(1, [4, 8], [32, 32], window(1, 1, 0, 1)),
        geometry(1, [1, 1], [32, 16], window(3, 1, 1, 1)),
        geometry(2, [5, 7], [64, 48], window(3, 1, 1, 1)),
        geometry(50, [3, 3], [32, 33], window(3, 1, 1, 1)),
        geometry(3, [17, 31], [32, 17], window(3, 1, 1, 1)),
        geometry(1, [23, 40], [96, 80], window(3, 2, 1, 1)),
        geometry(2, [19, 21], [32, 64], window(3, 1, 2, 2)),
        geometry(1, [20, 18], [64, 31], row),
        geometry(40, [2, 2], [32, 32], window(3, 1, 4, 1)),
        geometry(1, [8, 8], [256, 128], window(3, 1, 1, 1)),
    ]
}

fn check<T: Values<Item = bf16>>(what: &str) {
    for (i, geometry) in cases().into_iter().enumerate() {
        assert!(takes_tiles(&geometry));
        let (inputs, outputs) = (geometry.large.channels, geometry.small.channels);
        let weight = numbers(outputs * inputs * geometry.window.taps(), 1);
        let large = halves(geometry.batch * geometry.large.len(), 2);
        let residual = halves(geometry.batch * geometry.small.len(), 3);
        let bias = numbers(outputs, 4);
        let ending = match i % 2 {
            0 => Ending::default(),
            _ => Ending { bias: Some(&bias), residual: Some(&residual), activation: Activation::Relu },
        };
        let taps = geometry.family_into_small().taps;
        let packed = |lanes: usize| Packed::new(&geometry, &taps, &weight, Into::Small, lanes).paired(inputs);
        let expected = half_sums::<Half>(&geometry, &large, &packed(width().floats()), ending);
        let sums = half_sums::<T>(&geometry, &large, &packed(SIDE / 2), ending);
        let bits = |values: Vec<bf16>| values.into_iter().map(bf16::to_bits).collect::<Vec<u16>>();
        assert!(bits(sums) == bits(expected), "{what}, case {i}");
    }
}

#[test]
fn sums_in_blocks_equal_those_by_vectors() {
    check::<HalfLoops>("loops");
}

#[test]
fn sums_by_the_processors_tiles_equal_those_by_vectors() {
    match has_tiles() {
        true => check::<HalfTiles>("tiles"),
        false => println!("nothing to check: no AMX here"),
    }
}

#[test]
fn tiles_are_for_whole_lines_of_channels() {
    let window = Window { kernel: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [1, 1] };
    let takes = |inputs, outputs| takes_tiles(&geometry(1, [4, 4], [inputs, outputs], window));
    assert!(takes(32, 16) && takes(64, 1000));
    assert!(!takes(16, 32) && !takes(48, 32) && !takes(32, 15) && !takes(3, 64));
    assert!(!takes_tiles(&Geometry { groups: 2, ..geometry(1, [4, 4], [64, 64], window) }));
}
