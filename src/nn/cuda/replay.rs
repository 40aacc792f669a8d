//! Work that is recorded once for inputs of some shapes and replayed on others. Not yet run on a GPU.

use super::graph::{Graph, copy};
use super::tensors::with_inputs;
use crate::{Error, Result};
use candle_core::{DType, Device, Shape, Tensor, bail};

/// What a recording was made for.
type Kinds = Vec<(Shape, DType)>;

/// A graph with the tensors that it reads and writes.
struct Recording {
    inputs: Vec<Tensor>,
    result: Tensor,
    graph: Graph,
}

/// The recordings of one kind of work.
#[derive(Default)]
pub(crate) struct Recordings {
    /// Of the inputs before.
    last: Kinds,
    /// Nothing where the work cannot be recorded.
    known: Vec<(Kinds, Option<Recording>)>,
}

impl Recordings {
    /// See [`Replay::run`](crate::nn::Replay::run). Only what comes twice in a row is recorded: a last, smaller batch is not.
    ///
    /// # Safety
    /// That of [`Graph::record`].
    pub(crate) unsafe fn run(
        &mut self,
        inputs: &[&Tensor],
        mut work: impl FnMut(&[&Tensor]) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let kinds: Kinds = inputs.iter().map(|xs| (xs.shape().clone(), xs.dtype())).collect();
        let again = std::mem::replace(&mut self.last, kinds.clone()) == kinds;
        if let Some((_, recording)) = self.known.iter().find(|(known, _)| *known == kinds) {
            return match recording {
                Some(recording) => recording.replay(inputs).map_err(Error::tensor("replayed step")),
                None => work(inputs),
            };
        }
        if !again {
            return work(inputs);
        }
        // SAFETY: the caller's.
        let (result, recording) = unsafe { Recording::new(inputs, work) }?;
        self.known.push((kinds, recording));
        Ok(result)
    }
}

impl Recording {
    /// Runs `work` and then records it, if that is possible.
    ///
    /// # Safety
    /// That of [`Graph::record`].
    unsafe fn new(
        inputs: &[&Tensor],
        mut work: impl FnMut(&[&Tensor]) -> Result<Tensor>,
    ) -> Result<(Tensor, Option<Recording>)> {
        let start = || -> candle_core::Result<_> {
            let Some(Device::Cuda(device)) = inputs.first().map(|xs| xs.device()) else {
                bail!("only what has inputs on a GPU is recorded")
            };
            let inputs = inputs.iter().map(|xs| xs.contiguous()?.copy());
            Ok((device, inputs.collect::<candle_core::Result<Vec<_>>>()?))
        };
        let (device, inputs) = start().map_err(Error::tensor("recorded step"))?;
        let fixed: Vec<&Tensor> = inputs.iter().collect();
        // A step like any other that also compiles kernels, chooses algorithms and takes memory that stays, which a
        // recording could not; the guard keeps what candle copies from the host meanwhile.
        let _cache = device.enable_cuda_graph_htod_cache();
        let value = work(&fixed)?;
        let result = value.copy().map_err(Error::tensor("recorded step"))?;
        let recorded = || {
            let value = work(&fixed).map_err(candle_core::Error::wrap)?;
            with_inputs(&[&value, &result], |inputs| copy(inputs[0], inputs[1]))
        };
        // SAFETY: inputs and result are kept beside the graph; for the rest it is the caller's.
        let graph = unsafe { Graph::record(device, recorded) };
        if let Err(why) = &graph {
            let why = why.to_string();
            println!("each step is queued anew: {}", why.lines().next().unwrap_or_default());
        }
        Ok((value, graph.ok().map(|graph| Recording { inputs, result, graph })))
    }

    fn replay(&self, inputs: &[&Tensor]) -> candle_core::Result<Tensor> {
        for (from, to) in inputs.iter().zip(&self.inputs) {
            with_inputs(&[&from.contiguous()?, to], |inputs| copy(inputs[0], inputs[1]))?;
        }
        self.graph.replay()?;
        self.result.copy()
    }
}
