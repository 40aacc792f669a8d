//! A convolution as prediction has it: its weight packed once for many batches, and what follows done in the same pass.

use super::autograd::{Input, Operation, Step, apply, cached};
use super::cpu::activation::Activation;
use super::cpu::convolution::{
    Ending, PackedWeight, depthwise_into_small, into_small, into_small_half, takes_half,
};
use super::geometry::Geometry;
use candle_core::{CpuStorage, DType, Result, Shape, Tensor, bail};
use std::sync::Arc;

/// The weight and the bias of a convolution, with all that multiplies and shifts its result.
pub(super) struct Folded {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

/// The same in the order in which kernels read it.
struct Ready {
    weight: Weight,
    bias: Vec<f32>,
}

enum Weight {
    Single(PackedWeight),
    Half(PackedWeight),
    Depthwise(Vec<f32>),
}

/// For bf16 images; a type of its own, since what is cached is told apart by type.
struct HalfReady(Ready);

fn ready(folded: Folded, geometry: &Geometry, half: bool) -> Ready {
    let Folded { weight, bias } = folded;
    let weight = match half {
        _ if geometry.is_depthwise() => Weight::Depthwise(weight),
        false => Weight::Single(PackedWeight::new(geometry, &weight)),
        true => Weight::Half(PackedWeight::new(geometry, &weight).half(geometry)),
    };
    Ready { weight, bias }
}

/// Applies a convolution that nothing is recorded of. `weight` is what `fold` derives the folded one of.
pub(super) fn apply_folded(
    xs: &Tensor,
    residual: Option<&Tensor>,
    (geometry, activation): (Geometry, Activation),
    weight: &Tensor,
    fold: impl FnOnce() -> Result<Folded>,
) -> Result<Tensor> {
    let half = xs.dtype() == DType::BF16 && takes_half(&geometry) && !geometry.is_depthwise();
    let ready = match half {
        true => Kind::Half(cached(weight, || Ok(HalfReady(ready(fold()?, &geometry, true))))?),
        false => Kind::Single(cached(weight, || Ok(ready(fold()?, &geometry, false)))?),
    };
    let operation = FoldedConvolution { geometry, ready, activation };
    match residual {
        Some(residual) => apply(operation, &[xs, residual]),
        None => apply(operation, &[xs]),
    }
}

enum Kind {
    Single(Arc<Ready>),
    Half(Arc<HalfReady>),
}

struct FoldedConvolution {
    geometry: Geometry,
    ready: Kind,
    activation: Activation,
}

impl FoldedConvolution {
    fn ready(&self) -> &Ready {
        match &self.ready {
            Kind::Single(ready) => ready,
            Kind::Half(ready) => &ready.0,
        }
    }

    fn shape(&self) -> Shape {
        let Geometry { batch, small, .. } = self.geometry;
        (batch, small.height, small.width, small.channels).into()
    }

    fn check_residual(&self, residual: Option<usize>) -> Result<()> {
        if residual.is_some_and(|len| len != self.shape().elem_count()) {
            bail!("the residual has another size than the result, {:?}", self.shape())
        }
        Ok(())
    }
}

impl Operation for FoldedConvolution {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu(&self, inputs: &[Input]) -> Result<(CpuStorage, Shape)> {
        let [xs, residual @ ..] = inputs else { bail!("a convolution has an image") };
        let residual = residual.first().map(Input::floats).transpose()?;
        self.check_residual(residual.map(<[f32]>::len))?;
        let ending = Ending { bias: Some(&self.ready().bias), residual, activation: self.activation };
        let ys = match &self.ready().weight {
            Weight::Single(weight) => into_small(&self.geometry, xs.floats()?, weight, ending),
            Weight::Depthwise(weight) => depthwise_into_small(&self.geometry, xs.floats()?, weight, ending),
            Weight::Half(_) => bail!("expected bf16 values"),
        };
        Ok((CpuStorage::F32(ys), self.shape()))
    }

    fn cpu_half(&self, inputs: &[Input]) -> Result<(CpuStorage, Shape)> {
        let Weight::Half(weight) = &self.ready().weight else { return self.cpu_widened(inputs) };
        let [xs, residual @ ..] = inputs else { bail!("a convolution has an image") };
        let residual = residual.first().map(Input::halves).transpose()?;
        self.check_residual(residual.map(|residual| residual.len()))?;
        let ending = Ending { bias: Some(&self.ready().bias), residual, activation: self.activation };
        let ys = into_small_half(&self.geometry, xs.halves()?, weight, ending);
        Ok((CpuStorage::BF16(ys), self.shape()))
    }

    fn backward(&self, _: &Step) -> Result<Vec<Option<Tensor>>> {
        bail!("a folded layer has no gradient; forward in Mode::Train, or with gradients recorded")
    }
}
