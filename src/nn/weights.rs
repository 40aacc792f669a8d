//! The named parameters of a model.

use super::init;
use crate::{Error, Result};
use candle_core::{DType, Device, Shape, Tensor, TensorId, Var, bail};
use candle_nn::Init;
use candle_nn::var_builder::{SimpleBackend, VarBuilder};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The last part of the names that are state, not parameters.
const BUFFERS: [&str; 3] = ["running_mean", "running_var", "num_batches_tracked"];

/// The weights of a model, sorted by name. A clone shares them.
///
/// A layer asks [`Weights::builder`] for a name, and the weight is made at the first request, with random values that
/// depend only on the seed and the name. Two models with the same seed and names are the same, whatever the order in
/// which their layers were made, on every platform.
///
/// ```
/// use candle_core::Device;
/// use tgs_salt::nn::{Conv2d, Conv2dConfig, Weights};
///
/// let weights = Weights::new(42, &Device::Cpu);
/// Conv2d::new(16, 1, Conv2dConfig::default(), weights.builder().pp("head"))?;
/// let names: Vec<String> = weights.vars().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["head.bias", "head.weight"]);
/// assert_eq!(weights.parameter_count(), 16 * 9 + 1);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone)]
pub struct Weights(Arc<Inner>);

struct Inner {
    seed: u64,
    device: Device,
    state: Mutex<State>,
}

/// A weight as a layer has it.
pub(crate) struct LayerWeight {
    pub(crate) name: String,
    /// Of the tensor that the layer computes with.
    pub(crate) id: TensorId,
    pub(crate) shape: Vec<usize>,
    pub(crate) is_parameter: bool,
    pub(crate) is_frozen: bool,
}

#[derive(Default)]
struct State {
    vars: BTreeMap<String, Var>,
    /// Names as they were first asked for.
    order: Vec<String>,
    /// What layers got instead of the variables.
    frozen: BTreeMap<String, Tensor>,
    /// How many more convolutions of the encoder are to be frozen, and whether the last one that was asked for is.
    to_freeze: usize,
    freezing: bool,
}

impl State {
    /// Whether the weight that is asked for is frozen: with a convolution goes what follows it, its bias and batch norm.
    fn freezes(&mut self, name: &str, shape: &Shape) -> bool {
        if !name.starts_with("encoder.") {
            return false;
        }
        if shape.rank() == 4 {
            self.freezing = self.to_freeze > 0;
            self.to_freeze = self.to_freeze.saturating_sub(1);
        }
        self.freezing
    }
}

impl Weights {
    /// No weights yet; those to come are drawn from `seed` and live on `device`.
    pub fn new(seed: u64, device: &Device) -> Weights {
        super::cpu::memory::keep_freed_blocks();
        Weights(Arc::new(Inner { seed, device: device.clone(), state: Mutex::default() }))
    }

    /// What layers take their weights from.
    pub fn builder(&self) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), DType::F32, self.0.device.clone())
    }

    /// All weights and running statistics, sorted by name.
    pub fn vars(&self) -> Vec<(String, Var)> {
        self.lock().vars.iter().map(|(name, var)| (name.clone(), var.clone())).collect()
    }

    /// All but running statistics, sorted by name: what PyTorch calls `parameters()`.
    pub fn parameters(&self) -> Vec<(String, Var)> {
        let mut vars = self.vars();
        vars.retain(|(name, _)| is_parameter(name));
        vars
    }

    /// The parameters that training changes: all that are not frozen, sorted by name.
    pub fn trainable(&self) -> Vec<(String, Var)> {
        let mut parameters = self.parameters();
        let state = self.lock();
        parameters.retain(|(name, _)| !state.frozen.contains_key(name));
        parameters
    }

    /// How many numbers the parameters are, frozen ones too, as PyTorch counts `parameters()`.
    pub fn parameter_count(&self) -> usize {
        self.parameters().iter().map(|(_, var)| var.elem_count()).sum()
    }

    /// All weights and running statistics, in the order in which layers asked for them.
    pub(crate) fn in_order(&self) -> Vec<LayerWeight> {
        let state = self.lock();
        let weight = |name: &String| {
            let (var, frozen) = (state.vars.get(name)?, state.frozen.get(name));
            Some(LayerWeight {
                name: name.clone(),
                id: frozen.unwrap_or(var.as_tensor()).id(),
                shape: var.dims().to_vec(),
                is_parameter: is_parameter(name),
                is_frozen: frozen.is_some(),
            })
        };
        state.order.iter().filter_map(weight).collect()
    }

    /// From now on the first `convolutions` of the encoder that layers ask for are frozen, each with the bias and the batch
    /// norm that follow it: the layers get them without a gradient. Layers made before stay as they are.
    pub(crate) fn freeze_encoder(&self, convolutions: usize) {
        let mut state = self.lock();
        (state.to_freeze, state.freezing) = (convolutions, false);
        state.frozen.clear();
    }

    /// Copies of all values, for a checkpoint or to come back to.
    ///
    /// # Errors
    /// [`Error::Tensor`] when a device has no memory left.
    pub fn to_tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        let copy = |(name, var): (String, Var)| Ok((name, var.as_detached_tensor().copy()?));
        let copies: candle_core::Result<_> = self.vars().into_iter().map(copy).collect();
        copies.map_err(Error::tensor("copy weights"))
    }

    /// Sets all values. Names and shapes are checked first: after an error nothing is changed.
    ///
    /// # Errors
    /// [`Error::Weights`] when names are missing or unknown; [`Error::Shape`] when a shape differs.
    pub fn set_tensors(&self, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
        let vars = self.vars();
        let missing: Vec<String> = vars
            .iter()
            .filter(|(name, _)| !tensors.contains_key(name))
            .map(|(name, _)| name.clone())
            .collect();
        let unexpected: Vec<String> = {
            let known = self.lock();
            tensors.keys().filter(|name| !known.vars.contains_key(*name)).cloned().collect()
        };
        if !missing.is_empty() || !unexpected.is_empty() {
            let why = "other names".into();
            return Err(Error::Weights { path: PathBuf::new(), why, missing, unexpected });
        }
        let pairs = vars.iter().filter_map(|(name, var)| Some((name, var, tensors.get(name)?)));
        for (name, var, tensor) in pairs.clone() {
            check_shape(name, var, tensor)?;
        }
        for (_, var, tensor) in pairs {
            let set = tensor
                .to_dtype(var.dtype())
                .and_then(|t| t.to_device(var.device()))
                .and_then(|t| var.set(&t));
            set.map_err(Error::tensor("set weights"))?;
        }
        Ok(())
    }

    // A poisoned lock is used on: the map is whole between any two of its operations.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_parameter(name: &str) -> bool {
    !BUFFERS.contains(&name.rsplit('.').next().unwrap_or(name))
}

fn check_shape(name: &str, var: &Var, tensor: &Tensor) -> Result<()> {
    if var.shape() == tensor.shape() {
        return Ok(());
    }
    Err(Error::Shape {
        what: format!("weight {name}"),
        expected: format!("{:?}", var.dims()),
        got: format!("{:?}", tensor.dims()),
        hint: "build the model with the settings that the weights were saved with".into(),
    })
}

impl fmt::Debug for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tensors = self.lock().vars.len();
        write!(f, "Weights({tensors} tensors, {} parameters, seed {})", self.parameter_count(), self.0.seed)
    }
}

impl SimpleBackend for Weights {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        init: Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let mut state = self.lock();
        let frozen = state.freezes(name, &shape);
        let var = match state.vars.get(name) {
            Some(var) if var.shape() != &shape => {
                bail!("weight {name} is {:?}, asked for as {:?}", var.dims(), shape.dims())
            }
            Some(var) => var.clone(),
            None => {
                let values = init::values(init, &shape, self.0.seed, name);
                let var = Var::from_tensor(&Tensor::from_vec(values, shape, device)?.to_dtype(dtype)?)?;
                state.order.push(name.to_owned());
                state.vars.insert(name.to_owned(), var.clone());
                var
            }
        };
        match frozen {
            true => Ok(state.frozen.entry(name.to_owned()).or_insert(var.as_detached_tensor()).clone()),
            false => Ok(var.as_tensor().clone()),
        }
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        match self.lock().vars.get(name) {
            Some(var) => Ok(var.as_tensor().clone()),
            None => bail!("no weight named {name}"),
        }
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.lock().vars.contains_key(name)
    }
}
