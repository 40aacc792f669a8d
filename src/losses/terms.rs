//! Probabilities and their distances from the target.

use crate::nn::cpu::lanes::Lanes;
use crate::nn::cpu::vectorized::vectorized;

/// What the losses of overlaps need of each of a chunk's values.
pub(super) struct Terms {
    /// `p`.
    pub(super) probabilities: Vec<f32>,
    /// `t − p`.
    pub(super) differences: Vec<f32>,
    /// `p·(1 − p)`, the slope of `p`.
    pub(super) slopes: Vec<f32>,
}

impl Terms {
    pub(super) fn of(xs: &[f32], ts: &[f32]) -> Terms {
        let [mut probabilities, mut differences, mut slopes] = [0; 3].map(|_| vec![0.0; xs.len()]);
        write_terms(xs, ts, [&mut probabilities, &mut differences, &mut slopes]);
        Terms { probabilities, differences, slopes }
    }
}

vectorized! {
    fn write_terms(xs: &[f32], ts: &[f32], terms: [&mut [f32]; 3]) = write_terms_with
}

#[inline(always)]
fn write_terms_with<L: Lanes>(xs: &[f32], ts: &[f32], [ps, differences, slopes]: [&mut [f32]; 3]) {
    let one = L::splat(1.0);
    let outputs =
        ps.chunks_mut(L::WIDTH).zip(differences.chunks_mut(L::WIDTH)).zip(slopes.chunks_mut(L::WIDTH));
    let inputs = xs.chunks(L::WIDTH).zip(ts.chunks(L::WIDTH));
    for ((xs, ts), ((ps, differences), slopes)) in inputs.zip(outputs) {
        let (xs, ts) = (L::load(xs), L::load(ts));
        // The smaller one of p and 1 − p keeps all its digits, and so does its distance from the target.
        let small = xs.larger(xs.negate()).negate().exp_of_negative();
        let far = one.div(one.add(small));
        let near = small.mul(far);
        let choose = |above: L, below: L| above.where_positive(xs).add(below.sub(below.where_positive(xs)));
        choose(far, near).write(ps);
        let distance = choose(one.sub(ts), ts).sub(near);
        choose(distance.negate(), distance).write(differences);
        near.mul(far).write(slopes);
    }
}
