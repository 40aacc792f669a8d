//! Dropout (Srivastava et al. 2014): in training some values are zero and the others larger by as much.
//!
//! Whether a value stays is a hash of the seed and of its place, so nothing is kept for the backward pass, and the same seed
//! drops the same values whatever the number of threads.

use super::autograd::{Input, Operation, Step, apply};
use super::cpu::lanes::Lanes;
use super::cpu::memory::written;
use super::cpu::vectorized::vectorized;
use super::cpu::{Floats, tensor_like};
#[cfg(feature = "cuda")]
use super::cuda::{self, CudaInput};
use super::order::dims;
use crate::{Error, Result};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, Shape, Tensor};
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// `xs` with each value set to zero with this probability, and the others divided by one minus it. A step of training wants a
/// seed of its own.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
///
/// let xs = Tensor::ones((1, 8, 8, 4), DType::F32, &Device::Cpu).unwrap();
/// let ys = tgs_salt::nn::dropout(&xs, 0.5, 42)?.flatten_all().unwrap().to_vec1::<f32>().unwrap();
/// assert!(ys.iter().all(|&y| y == 0.0 || y == 2.0));
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Config`] for a probability outside of `0..1`.
pub fn dropout(xs: &Tensor, probability: f64, seed: u64) -> Result<Tensor> {
    run(xs, Dropout::new(probability, seed, [xs.elem_count().max(1), 1])?)
}

/// As [`dropout`], for whole channels of an image of `xs` (N, H, W, C) at once: neighbouring pixels are so alike that dropping one
/// hides nothing (Tompson et al. 2015).
///
/// # Errors
/// [`Error::Config`] for a probability outside of `0..1`; [`Error::Shape`] when `xs` has other than four dimensions.
pub fn dropout2d(xs: &Tensor, probability: f64, seed: u64) -> Result<Tensor> {
    let (_, height, width, channels) = dims(xs, "(N, H, W, C)")?;
    run(xs, Dropout::new(probability, seed, [height * width * channels, channels].map(|n| n.max(1)))?)
}

fn run(xs: &Tensor, dropout: Dropout) -> Result<Tensor> {
    if dropout.limit == 0 {
        return Ok(xs.clone());
    }
    apply(dropout, &[xs]).map_err(Error::tensor("dropout"))
}

struct Dropout {
    /// A value is dropped when its hash is below.
    limit: u64,
    scale: f32,
    seed: u64,
    /// Values of an image, and how many of them in turn have a fate of their own; of the spatial kind these are its channels.
    image: usize,
    fates: usize,
}

/// Values of one task.
const CHUNK: usize = 16 * 1024;

impl Dropout {
    fn new(probability: f64, seed: u64, [image, fates]: [usize; 2]) -> Result<Dropout> {
        if !(0.0..1.0).contains(&probability) {
            let (got, expected) = (probability.to_string(), "at least 0, less than 1".into());
            return Err(Error::Config { field: "probability", got, expected });
        }
        let limit = (probability * (1u64 << 32) as f64) as u64;
        let fates = if fates == 1 { image } else { fates };
        Ok(Dropout { limit, scale: (1.0 / (1.0 - probability)) as f32, seed, image, fates })
    }

    #[cfg(feature = "cuda")]
    fn on_gpu(&self) -> cuda::Dropout {
        cuda::Dropout {
            seed: self.seed,
            probability: 1.0 - 1.0 / f64::from(self.scale),
            spatial: self.fates != self.image,
        }
    }

    fn values(&self, xs: &[f32]) -> Vec<f32> {
        let fill = |ys: &mut [MaybeUninit<f32>]| {
            let chunks = ys.par_chunks_mut(CHUNK).zip(xs.par_chunks(CHUNK)).enumerate();
            chunks.for_each(|(chunk, (ys, xs))| self.chunk(chunk * CHUNK, xs, ys));
        };
        // SAFETY: `xs` is as long as the result, and each chunk is written whole.
        unsafe { written(xs.len(), fill) }
    }

    /// The values that begin at the place `start`.
    fn chunk(&self, start: usize, xs: &[f32], ys: &mut [MaybeUninit<f32>]) {
        let mut done = 0;
        while done < xs.len() {
            let (image, place) = ((start + done) / self.image, (start + done) % self.image);
            let fate = place % self.fates;
            let end = xs.len().min(done + self.fates - fate);
            in_turn(self, (image * self.fates + fate) as u64, &xs[done..end], &mut ys[done..end]);
            done = end;
        }
    }
}

vectorized! {
    /// Values whose fates follow each other from `first` on.
    fn in_turn(dropout: &Dropout, first: u64, xs: &[f32], ys: &mut [MaybeUninit<f32>]) = in_turn_with
}

/// The compiler makes vectors of it: whole numbers are none of the lanes' business.
#[inline(always)]
fn in_turn_with<L: Lanes>(dropout: &Dropout, first: u64, xs: &[f32], ys: &mut [MaybeUninit<f32>]) {
    let Dropout { limit, scale, seed, .. } = *dropout;
    for (fate, (y, x)) in (first..).zip(ys.iter_mut().zip(xs)) {
        y.write(if hash(seed, fate) >> 32 >= limit { x * scale } else { 0.0 });
    }
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014) over a counter.
#[inline(always)]
fn hash(seed: u64, counter: u64) -> u64 {
    let mut bits = seed.wrapping_add(counter.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl Operation for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu(&self, inputs: &[Input]) -> candle_core::Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(self.values(inputs[0].floats()?)), inputs[0].layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, inputs: &[CudaInput]) -> candle_core::Result<(CudaStorage, Shape)> {
        Ok((cuda::dropout(inputs[0], self.on_gpu())?, inputs[0].layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        cuda::with_inputs(&[step.ys_grad], |inputs| {
            Ok(vec![cuda::gradient(cuda::dropout(inputs[0], self.on_gpu())?, step.inputs[0])])
        })
    }

    fn backward(&self, step: &Step) -> candle_core::Result<Vec<Option<Tensor>>> {
        Ok(vec![Some(tensor_like(self.values(&Floats::of(step.ys_grad)?), step.inputs[0])?)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_splitmix64() {
        // Published: the first numbers of SplitMix64 with seed 1234567.
        assert_eq!(hash(1_234_567, 0), 6_457_827_717_110_365_317);
        assert_eq!(hash(1_234_567, 1), 3_203_168_211_198_807_973);
    }

    /// One value at a time, over the ends of tasks and of vectors.
    #[test]
    fn each_value_has_the_fate_of_its_place() {
        let (image, channels) = (3 * 1013 * 7, 7);
        let xs: Vec<f32> = (0..2 * image).map(|i| i as f32 - 100.5).collect();
        for spatial in [false, true] {
            let each = if spatial { [image, channels] } else { [xs.len(), 1] };
            let got = Dropout::new(0.3, 5, each).unwrap().values(&xs);
            for (i, (x, y)) in xs.iter().zip(got).enumerate() {
                let fate = if spatial { i / image * channels + i % channels } else { i };
                let dropped = ((hash(5, fate as u64) >> 32) as f64) < 0.3 * (1u64 << 32) as f64;
                assert_eq!(y, if dropped { 0.0 } else { x * (1.0 / 0.7) as f32 }, "{spatial} {i}");
            }
        }
    }
}
