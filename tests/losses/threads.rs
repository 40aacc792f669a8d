//! The number of threads changes no bit of a loss or of its gradient.

use crate::differences::each;
use crate::gradients::{floats, random};
use candle_core::Var;
use tgs_salt::nn::backward;

/// Values and gradients on several chunks.
fn everything() -> Vec<Vec<u32>> {
    let xs = Var::from_tensor(&(random(&[3, 2, 101, 101], 1) * 4.0).unwrap()).unwrap();
    let ts = random(&[3, 2, 101, 101], 2).gt(0.3f32).unwrap().to_dtype(xs.dtype()).unwrap();
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
    let pass = |loss: tgs_salt::losses::Loss| -> [Vec<u32>; 2] {
        let value = loss.compute(&xs, &ts).unwrap();
        [bits(floats(&value)), bits(floats(backward(value).unwrap().get(&xs).unwrap()))]
    };
    each().into_iter().flat_map(pass).collect()
}

#[test]
fn losses_are_the_same_bits_with_1_2_and_5_threads() {
    let run = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(everything)
    };
    let one = run(1);
    for threads in [2, 5] {
        assert!(run(threads) == one, "{threads} threads give other bits than one");
    }
}
