//! What an operation has to provide, and how it becomes a node of candle's graph.

use super::{backward, recording, trace};
use crate::nn::cpu::item::{narrowed, widened};
use crate::nn::cpu::{floats, halves};
#[cfg(feature = "cuda")]
use crate::nn::cuda::CudaInput;
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};
use half::bf16;
use std::sync::Arc;

/// A differentiable operation on one to three contiguous tensors.
pub(crate) trait Operation: Send + Sync + 'static {
    /// What errors call it.
    fn name(&self) -> &'static str;

    /// Values and shape of the result, on the CPU.
    fn cpu(&self, inputs: &[Input]) -> Result<(CpuStorage, Shape)>;

    /// The same for bf16 images, in bf16. Parameters stay f32.
    fn cpu_half(&self, inputs: &[Input]) -> Result<(CpuStorage, Shape)> {
        self.cpu_widened(inputs)
    }

    /// bf16 by way of f32.
    fn cpu_widened(&self, inputs: &[Input]) -> Result<(CpuStorage, Shape)> {
        let wide = inputs.iter().map(Input::widened).collect::<Result<Vec<_>>>()?;
        let wide = wide.iter().map(|(storage, layout)| Input { storage, layout }).collect::<Vec<_>>();
        match self.cpu(&wide)? {
            (CpuStorage::F32(ys), shape) => Ok((CpuStorage::BF16(narrowed(&ys)), shape)),
            other => Ok(other),
        }
    }

    /// Values and shape of the result, on a GPU.
    #[cfg(feature = "cuda")]
    fn cuda(&self, _: &[CudaInput]) -> Result<(CudaStorage, Shape)> {
        bail!("{} has no CUDA kernel", self.name())
    }

    /// [`Operation::backward`] on a GPU.
    #[cfg(feature = "cuda")]
    fn cuda_backward(&self, _: &Step) -> Result<Vec<Option<Tensor>>> {
        bail!("the gradient of {} has no CUDA kernel", self.name())
    }

    /// The gradients of the inputs; none where [`Step::wanted`] says so.
    fn backward(&self, step: &Step) -> Result<Vec<Option<Tensor>>>;
}

/// One input of an operation on the CPU, contiguous.
pub(crate) struct Input<'a> {
    pub(crate) storage: &'a CpuStorage,
    pub(crate) layout: &'a Layout,
}

impl<'a> Input<'a> {
    /// Its values.
    pub(crate) fn floats(&self) -> Result<&'a [f32]> {
        floats(self.storage, self.layout)
    }

    /// Its values in bf16.
    pub(crate) fn halves(&self) -> Result<&'a [bf16]> {
        halves(self.storage, self.layout)
    }

    /// A copy in f32.
    fn widened(&self) -> Result<(CpuStorage, Layout)> {
        let values = match self.storage {
            CpuStorage::BF16(_) => widened(self.halves()?),
            _ => self.floats()?.to_vec(),
        };
        Ok((CpuStorage::F32(values), Layout::contiguous(self.layout.shape())))
    }
}

/// What a backward pass knows when it comes to an operation.
pub(crate) struct Step<'a> {
    pub(crate) inputs: &'a [&'a Tensor],
    pub(crate) ys: &'a Tensor,
    /// Contiguous.
    pub(crate) ys_grad: &'a Tensor,
}

impl Step<'_> {
    /// Whether anything depends on the gradient of an input.
    pub(crate) fn wanted(&self, input: usize) -> bool {
        self.inputs[input].track_op()
    }
}

/// Applies an operation, recorded where gradients will be asked for.
pub(crate) fn apply(operation: impl Operation, inputs: &[&Tensor]) -> Result<Tensor> {
    let inputs = inputs.iter().map(|xs| xs.contiguous()).collect::<Result<Vec<_>>>()?;
    let node = Node { operation: Box::new(operation), inputs, ys: Default::default() };
    if !recording() || !node.inputs.iter().any(Tensor::track_op) {
        let ys = match node.inputs.as_slice() {
            [a] => a.apply_op1_no_bwd(&node),
            [a, b] => a.apply_op2_no_bwd(b, &node),
            [a, b, c] => a.apply_op3_no_bwd(b, c, &node),
            inputs => bail!("{} with {} inputs", node.operation.name(), inputs.len()),
        }?;
        trace::note(&node.inputs, &ys);
        return Ok(ys);
    }
    let node = Arc::new(node);
    let ys = match node.inputs.as_slice() {
        [a] => a.apply_op1_arc(Arc::new(Box::new(Shared(node.clone())))),
        [a, b] => a.apply_op2_arc(b, Arc::new(Box::new(Shared(node.clone())))),
        [a, b, c] => a.apply_op3_arc(b, c, Arc::new(Box::new(Shared(node.clone())))),
        inputs => bail!("{} with {} inputs", node.operation.name(), inputs.len()),
    }?;
    backward::register(&ys, &node);
    trace::note(&node.inputs, &ys);
    Ok(ys)
}

/// An operation with what it was applied to.
pub(in crate::nn) struct Node {
    pub(super) operation: Box<dyn Operation>,
    pub(super) inputs: Vec<Tensor>,
    /// What the backward pass finds this node by.
    pub(super) ys: std::sync::OnceLock<candle_core::TensorId>,
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(&ys) = self.ys.get() {
            backward::forget(ys);
        }
    }
}

impl Node {
    fn cpu(&self, inputs: &[(&CpuStorage, &Layout)]) -> Result<(CpuStorage, Shape)> {
        let inputs: Vec<Input> = inputs.iter().map(|&(storage, layout)| Input { storage, layout }).collect();
        match inputs.first() {
            Some(Input { storage: CpuStorage::BF16(_), .. }) => self.operation.cpu_half(&inputs),
            _ => self.operation.cpu(&inputs),
        }
    }

    pub(super) fn backward(
        &self,
        inputs: &[&Tensor],
        ys: &Tensor,
        ys_grad: &Tensor,
    ) -> Result<Vec<Option<Tensor>>> {
        let step = Step { inputs, ys, ys_grad: &ys_grad.contiguous()? };
        #[cfg(feature = "cuda")]
        if ys_grad.device().is_cuda() {
            return self.operation.cuda_backward(&step);
        }
        self.operation.backward(&step)
    }
}

/// A node that candle's graph and a running backward pass share.
struct Shared(Arc<Node>);

/// The gradients as a tuple of candle's; what an operation left out is none.
fn next(grads: &mut impl Iterator<Item = Option<Tensor>>) -> Option<Tensor> {
    grads.next().flatten()
}

macro_rules! custom_op {
    ($trait:ident, $($input:ident $layout:ident $tensor:ident),+) => {
        impl $trait for Node {
            fn name(&self) -> &'static str {
                self.operation.name()
            }

            fn cpu_fwd(&self, $($input: &CpuStorage, $layout: &Layout),+) -> Result<(CpuStorage, Shape)> {
                self.cpu(&[$(($input, $layout)),+])
            }

            #[cfg(feature = "cuda")]
            fn cuda_fwd(&self, $($input: &CudaStorage, $layout: &Layout),+) -> Result<(CudaStorage, Shape)> {
                self.operation.cuda(&[$(CudaInput { storage: $input, layout: $layout }),+])
            }
        }

        impl $trait for Shared {
            fn name(&self) -> &'static str {
                self.0.operation.name()
            }

            fn cpu_fwd(&self, $($input: &CpuStorage, $layout: &Layout),+) -> Result<(CpuStorage, Shape)> {
                self.0.cpu(&[$(($input, $layout)),+])
            }

            #[cfg(feature = "cuda")]
            fn cuda_fwd(&self, $($input: &CudaStorage, $layout: &Layout),+) -> Result<(CudaStorage, Shape)> {
                self.0.operation.cuda(&[$(CudaInput { storage: $input, layout: $layout }),+])
            }

            custom_op!(@backward $($tensor),+);
        }
    };
    (@backward $a:ident) => {
        fn bwd(&self, $a: &Tensor, ys: &Tensor, ys_grad: &Tensor) -> Result<Option<Tensor>> {
            Ok(next(&mut self.0.backward(&[$a], ys, ys_grad)?.into_iter()))
        }
    };
    (@backward $a:ident, $b:ident) => {
        fn bwd(
            &self,
            $a: &Tensor,
            $b: &Tensor,
            ys: &Tensor,
            ys_grad: &Tensor,
        ) -> Result<(Option<Tensor>, Option<Tensor>)> {
            let grads = &mut self.0.backward(&[$a, $b], ys, ys_grad)?.into_iter();
            Ok((next(grads), next(grads)))
        }
    };
    (@backward $a:ident, $b:ident, $c:ident) => {
        fn bwd(
            &self,
            $a: &Tensor,
            $b: &Tensor,
            $c: &Tensor,
            ys: &Tensor,
            ys_grad: &Tensor,
        ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
            let grads = &mut self.0.backward(&[$a, $b, $c], ys, ys_grad)?.into_iter();
            Ok((next(grads), next(grads), next(grads)))
        }
    };
}

custom_op!(CustomOp1, s1 l1 a);
custom_op!(CustomOp2, s1 l1 a, s2 l2 b);
custom_op!(CustomOp3, s1 l1 a, s2 l2 b, s3 l3 c);
