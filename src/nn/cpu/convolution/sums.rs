//! The convolution's sums into the small and the large plane, in f32 and bf16.

use super::super::activation::Activation;
#[cfg(target_arch = "x86_64")]
use super::super::amx::has_tiles;
use super::super::lanes::width;
use super::gather::{Pass, gather};
use super::pack::{Into, Packed};
#[cfg(target_arch = "x86_64")]
use super::tiles::{HalfTiles, takes_tiles};
use super::unfold::{patches, unfolded};
use super::values::{Half, HalfPairs, Single, Values};
use crate::nn::geometry::{Family, Geometry};
use half::bf16;
use std::borrow::Cow;

/// What a sum starts and ends with: `activation(bias + sum + residual)`.
#[derive(Clone, Copy)]
pub(crate) struct Ending<'a, T = f32> {
    pub bias: Option<&'a [f32]>,
    /// As large as the result.
    pub residual: Option<&'a [T]>,
    pub activation: Activation,
}

impl<T> Default for Ending<'_, T> {
    fn default() -> Self {
        Ending { bias: None, residual: None, activation: Activation::None }
    }
}

/// A weight in the order in which the forward pass of a convolution reads it.
pub(crate) struct PackedWeight(Packed);

impl PackedWeight {
    /// Packs a weight (small channels, large channels of the group, kernel); only the channels of `geometry` matter.
    pub(crate) fn new(geometry: &Geometry, weight: &[f32]) -> PackedWeight {
        let taps = geometry.family_into_small().taps;
        PackedWeight(Packed::new(geometry, &taps, weight, Into::Small, width().floats()))
    }

    /// The same in bf16, for [`into_small_half`].
    pub(crate) fn half(&self, geometry: &Geometry) -> PackedWeight {
        let geometry = unfolded(geometry).unwrap_or(*geometry);
        PackedWeight(self.0.paired(geometry.large_channels()))
    }
}

/// Sums over `large` into the small plane: the forward pass of a convolution.
pub(crate) fn into_small(
    geometry: &Geometry,
    large: &[f32],
    weight: &PackedWeight,
    ending: Ending,
) -> Vec<f32> {
    let (geometry, large) = match unfolded(geometry) {
        Some(flat) => (flat, Cow::Owned(patches(geometry, large, flat.large.channels))),
        None => (*geometry, Cow::Borrowed(large)),
    };
    let pass = Pass { geometry: &geometry, source: &large, from: geometry.large, to: geometry.small, ending };
    gather::<Single>(pass, &[geometry.family_into_small()], std::slice::from_ref(&weight.0))
}

/// Whether [`into_small_half`] takes a convolution: its channels come in pairs, or are unfolded into pairs.
pub(crate) fn takes_half(geometry: &Geometry) -> bool {
    unfolded(geometry).is_some() || geometry.large_channels().is_multiple_of(2)
}

/// As [`into_small`], for bf16 images and a weight of [`PackedWeight::half`].
pub(crate) fn into_small_half(
    geometry: &Geometry,
    large: &[bf16],
    weight: &PackedWeight,
    ending: Ending<bf16>,
) -> Vec<bf16> {
    #[cfg(target_arch = "x86_64")]
    if takes_tiles(geometry) && has_tiles() {
        return half_sums::<HalfTiles>(geometry, large, &weight.0, ending);
    }
    match has_pair_products() {
        true => half_sums::<HalfPairs>(geometry, large, &weight.0, ending),
        false => half_sums::<Half>(geometry, large, &weight.0, ending),
    }
}

/// [`into_small_half`], with products of one kind.
pub(super) fn half_sums<T: Values<Item = bf16>>(
    geometry: &Geometry,
    large: &[bf16],
    weight: &Packed,
    ending: Ending<bf16>,
) -> Vec<bf16> {
    let (geometry, large) = match unfolded(geometry) {
        Some(mut flat) => {
            flat.large.channels = flat.large.channels.next_multiple_of(2);
            (flat, Cow::Owned(patches(geometry, large, flat.large.channels)))
        }
        None => (*geometry, Cow::Borrowed(large)),
    };
    let pass = Pass { geometry: &geometry, source: &large, from: geometry.large, to: geometry.small, ending };
    gather::<T>(pass, &[geometry.family_into_small()], std::slice::from_ref(weight))
}

/// Whether this machine multiplies pairs of bf16.
fn has_pair_products() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        width() == super::super::lanes::Width::Avx512 && is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Sums over `small` into the large plane: a convolution's input gradient, and the transposed convolution. `weight` is (small
/// channels, large channels of the group, kernel).
pub(crate) fn into_large(geometry: &Geometry, small: &[f32], weight: &[f32], ending: Ending) -> Vec<f32> {
    let families = geometry.families_into_large();
    let pack = |family: &Family| Packed::new(geometry, &family.taps, weight, Into::Large, width().floats());
    let packed: Vec<Packed> = families.iter().map(pack).collect();
    let pass = Pass { geometry, source: small, from: geometry.small, to: geometry.large, ending };
    gather::<Single>(pass, &families, &packed)
}
