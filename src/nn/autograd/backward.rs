//! The backward pass over a graph of our own operations.

use super::operation::Node;
use crate::nn::cpu::sum;
#[cfg(feature = "cuda")]
use crate::nn::cuda;
use crate::{Error, Result};
#[cfg(feature = "cuda")]
use candle_core::DType;
use candle_core::backprop::GradStore;
use candle_core::{Tensor, TensorId};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

/// The gradients of `loss`, a scalar, with respect to every variable that it depends on.
///
/// They are those of candle's [`Tensor::backward`], for less time and memory: nothing is added to zeros, and what the graph
/// keeps is freed as the pass goes back through it, if the caller holds no other handle of the loss. A graph that also has
/// operations of candle's is left to candle.
///
/// ```
/// use candle_core::{Device, Tensor, Var};
///
/// let xs = Var::from_tensor(&Tensor::new(&[[[[1f32], [5.0]], [[3.0], [2.0]]]], &Device::Cpu).unwrap()).unwrap();
/// let largest = tgs_salt::nn::max_pool2d(&xs, 2, 2, 0)?;
/// let grads = tgs_salt::nn::backward(largest)?;
/// assert_eq!(grads.get(&xs).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap(), [0.0, 1.0, 0.0, 0.0]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Tensor`] when an operation cannot be differentiated, or memory is short.
pub fn backward(loss: Tensor) -> Result<GradStore> {
    let run = || match sorted(&loss) {
        Some(nodes) => {
            let start = one(&loss)?;
            walk(nodes, loss, start)
        }
        None => loss.backward(),
    };
    run().map_err(Error::tensor("backward pass"))
}

/// The gradient of `loss` with respect to itself.
fn one(loss: &Tensor) -> candle_core::Result<Tensor> {
    // By a kernel of ours: candle's copies from the host, which a recorded step cannot.
    #[cfg(feature = "cuda")]
    if loss.device().is_cuda() && matches!(loss.dtype(), DType::F32 | DType::BF16) {
        let ones = cuda::with_inputs(&[loss], |inputs| cuda::all_of(1.0, inputs[0]))?;
        return Ok(cuda::tensor(ones, loss.shape()));
    }
    loss.ones_like()
}

/// The nodes of all recorded operations that are still alive, by the tensors they made.
static NODES: LazyLock<Mutex<HashMap<TensorId, Weak<Node>>>> = LazyLock::new(Mutex::default);

// A poisoned lock is used on: the map is whole between any two of its operations.
fn nodes() -> MutexGuard<'static, HashMap<TensorId, Weak<Node>>> {
    NODES.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn register(ys: &Tensor, node: &Arc<Node>) {
    nodes().insert(ys.id(), Arc::downgrade(node));
    let _ = node.ys.set(ys.id());
}

pub(super) fn forget(ys: TensorId) {
    nodes().remove(&ys);
}

/// An operation with its result.
pub(in crate::nn) type Made = (Arc<Node>, Tensor);

/// All operations behind `loss`, each before those that use its result; nothing when one of them is not ours.
pub(in crate::nn) fn sorted(loss: &Tensor) -> Option<Vec<Made>> {
    let find = |ys: &Tensor| nodes().get(&ys.id())?.upgrade();
    let mut order = Vec::new();
    let mut seen = HashSet::from([loss.id()]);
    let mut open: Vec<(Made, usize)> = vec![((find(loss)?, loss.clone()), 0)];
    while let Some(((node, ys), next)) = open.pop() {
        let Some(input) = node.inputs.get(next).cloned() else {
            order.push((node, ys));
            continue;
        };
        open.push(((node, ys), next + 1));
        if input.track_op() && !input.is_variable() && seen.insert(input.id()) {
            open.push(((find(&input)?, input), 0));
        }
    }
    Some(order)
}

/// Goes back from the gradient of `ys`, which `nodes` lead to.
pub(in crate::nn) fn walk(
    mut nodes: Vec<Made>,
    ys: Tensor,
    ys_grad: Tensor,
) -> candle_core::Result<GradStore> {
    let mut open = HashMap::from([(ys.id(), ys_grad)]);
    drop(ys);
    let mut done = HashMap::new();
    while let Some((node, ys)) = nodes.pop() {
        let Some(ys_grad) = open.remove(&ys.id()) else { continue };
        let inputs: Vec<&Tensor> = node.inputs.iter().collect();
        let grads = node.backward(&inputs, &ys, &ys_grad)?;
        drop((ys, ys_grad));
        for (input, grad) in node.inputs.iter().zip(grads) {
            let Some(grad) = grad.filter(|_| input.track_op()) else { continue };
            let sums = if input.is_variable() { &mut done } else { &mut open };
            let grad = match sums.remove(&input.id()) {
                Some(other) => sum(&other, &grad)?,
                None => grad,
            };
            sums.insert(input.id(), grad);
        }
    }
    let mut store = GradStore::default();
    for (id, grad) in done {
        store.insert_id(id, grad);
    }
    Ok(store)
}
