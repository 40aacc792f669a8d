//! Steps of an optimizer: the parameters it moves, and what it remembers of them.

use super::accumulation::Accumulation;
use super::autograd::weights_changed;
use super::descent::descend;
use super::memories::Memories;
use super::step_numbers::StepNumbers;
use super::{Optimizer, Parameter};
use crate::{Error, Result};
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var, bail};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// What the names of memories begin with, and what they began with before there were more optimizers than two.
const PREFIX: &str = "optimizer.";
const OLD_PREFIXES: [&str; 2] = ["adam.", "sgd."];

/// An [`Optimizer`] with the parameters it moves and what it remembers of them: all in f32, in place, in one pass over memory.
///
/// ```
/// use candle_core::{Device, Tensor, Var};
/// use tgs_salt::nn::{Optimizer, Parameter, Stepper, backward, global_avg_pool2d};
///
/// let xs = Var::from_tensor(&Tensor::new(&[[[[1f32], [3.0]]]], &Device::Cpu).unwrap()).unwrap();
/// let parameters = vec![Parameter::from(("xs".into(), xs.clone()))];
/// let mut adam = Stepper::new(Optimizer::adam(), parameters).clip_norm(Some(1.0));
/// adam.step(&backward(global_avg_pool2d(&xs)?)?, 0.1)?;
/// let moved = xs.flatten_all().unwrap().to_vec1::<f32>().unwrap();
/// assert!((moved[0] - 0.9).abs() < 1e-6 && (moved[1] - 2.9).abs() < 1e-6); // the first step is as long as the rate
/// // A batch in two parts, weighted by their images:
/// adam.accumulate(&backward(global_avg_pool2d(&xs)?)?, 16.0)?;
/// adam.accumulate(&backward(global_avg_pool2d(&xs)?)?, 8.0)?;
/// adam.step_accumulated(0.1)?;
/// assert_eq!(adam.steps(), 2);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
pub struct Stepper {
    pub(super) optimizer: Optimizer,
    pub(super) parameters: Vec<Parameter>,
    /// Of each parameter; only a step locks them.
    pub(super) memories: Vec<Mutex<Memories>>,
    max_norm: Option<f64>,
    steps: usize,
    /// Of [`Optimizer::mu`] over all steps.
    mu_product: f64,
    /// Of the step that is prepared.
    pub(super) numbers: Option<StepNumbers>,
    accumulation: Accumulation,
    /// On a GPU, the numbers that change from step to step.
    #[cfg(feature = "cuda")]
    pub(super) numbers_on_gpu: Option<Tensor>,
}

impl fmt::Debug for Stepper {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (parameters, steps) = (self.parameters.len(), self.steps);
        write!(f, "Stepper({}, {parameters} parameters, {steps} steps)", self.optimizer)
    }
}

impl Stepper {
    /// Of these parameters, which all lie on one device; nothing is remembered yet.
    pub fn new(optimizer: Optimizer, parameters: Vec<Parameter>) -> Stepper {
        let memories =
            |parameter: &Parameter| Mutex::new(Memories::zeros(&parameter.value, optimizer.memories().len()));
        Stepper {
            optimizer,
            memories: parameters.iter().map(memories).collect(),
            parameters,
            max_norm: None,
            steps: 0,
            mu_product: 1.0,
            numbers: None,
            accumulation: Accumulation::default(),
            #[cfg(feature = "cuda")]
            numbers_on_gpu: None,
        }
    }

    /// The largest L2 norm, above 0, that all gradients together may have: a longer one is scaled down to it before each step,
    /// before weight decay, as `torch.nn.utils.clip_grad_norm_` does (Pascanu et al. 2013, <https://arxiv.org/abs/1211.5063>).
    pub fn clip_norm(mut self, max_norm: Option<f64>) -> Stepper {
        self.max_norm = max_norm;
        self
    }

    /// How many steps were taken.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// One step down the gradients, in place. Parameters without a gradient stay, weight decay or not.
    ///
    /// # Errors
    /// [`Error::Tensor`] when a gradient has another shape or type than its parameter; in the first case nothing has moved.
    pub fn step(&mut self, gradients: &GradStore, learning_rate: f64) -> Result<()> {
        self.prepare(learning_rate)?;
        self.descend(gradients)
    }

    /// The part of [`Stepper::step`] that differs from step to step; on a GPU the rest can be recorded.
    #[doc(hidden)] // see Replay
    pub fn prepare(&mut self, learning_rate: f64) -> Result<()> {
        self.prepare_share(learning_rate, 1.0)
    }

    /// The rest of [`Stepper::step`].
    #[doc(hidden)] // see Replay
    pub fn descend(&self, gradients: &GradStore) -> Result<()> {
        let step = || self.descend_along(&self.gradients(gradients)?);
        step().map_err(Error::tensor("optimizer step"))
    }

    /// Adds `weight` times these gradients to those that [`Stepper::step_accumulated`] steps along: a batch that memory does not
    /// hold at once comes in parts, each with the number of its images as weight if the loss is a mean over them. Not recorded.
    ///
    /// # Errors
    /// [`Error::Config`] for a weight that is not above 0; [`Error::Tensor`] when a gradient has another shape or type than its
    /// parameter.
    pub fn accumulate(&mut self, gradients: &GradStore, weight: f64) -> Result<()> {
        if !(weight as f32 > 0.0 && weight.is_finite()) {
            let (field, got) = ("weight of gradients", weight.to_string());
            return Err(Error::Config { field, got, expected: "a number above 0".into() });
        }
        let during = "sum of gradients";
        let gradients = self.gradients(gradients).map_err(Error::tensor(during))?;
        self.accumulation.add(&self.parameters, &gradients, weight).map_err(Error::tensor(during))
    }

    /// One step along what was accumulated, divided by the sum of the weights; it is forgotten then.
    ///
    /// # Errors
    /// [`Error::Config`] when nothing was accumulated.
    pub fn step_accumulated(&mut self, learning_rate: f64) -> Result<()> {
        let Accumulation { sums, weight } = std::mem::take(&mut self.accumulation);
        if weight == 0.0 {
            let (field, expected) = ("accumulated gradients", "one or more, by accumulate".into());
            return Err(Error::Config { field, got: "none".into(), expected });
        }
        self.prepare_share(learning_rate, 1.0 / weight)?;
        let sums: Vec<_> = sums.iter().map(|sum| sum.as_ref().map(Var::as_detached_tensor)).collect();
        self.descend_along(&sums).map_err(Error::tensor("optimizer step"))
    }

    fn prepare_share(&mut self, learning_rate: f64, share: f64) -> Result<()> {
        weights_changed();
        self.steps += 1;
        self.mu_product *= self.optimizer.mu(self.steps);
        let numbers = self.optimizer.numbers(learning_rate, self.steps, self.mu_product);
        self.numbers = Some(StepNumbers { share, max_norm: self.max_norm, ..numbers });
        #[cfg(feature = "cuda")]
        if self.is_on_gpu() {
            return self.prepare_on_gpu().map_err(Error::tensor("optimizer step"));
        }
        Ok(())
    }

    /// The gradient of each parameter, contiguous, where there is one.
    fn gradients(&self, gradients: &GradStore) -> candle_core::Result<Vec<Option<Tensor>>> {
        let gradient = |parameter: &Parameter| {
            let Some(gradient) = gradients.get(&parameter.value) else { return Ok(None) };
            if gradient.dims() != parameter.value.dims() {
                bail!("the gradient of {} is {:?}", parameter.name, gradient.dims())
            }
            gradient.contiguous().map(Some)
        };
        self.parameters.iter().map(gradient).collect()
    }

    fn descend_along(&self, gradients: &[Option<Tensor>]) -> candle_core::Result<()> {
        let Some(numbers) = &self.numbers else { bail!("a step has to be prepared") };
        #[cfg(feature = "cuda")]
        if self.is_on_gpu() {
            return self.move_on_gpu(numbers, gradients);
        }
        descend(numbers, &self.parameters, &self.memories, gradients)
    }

    #[cfg(feature = "cuda")]
    fn is_on_gpu(&self) -> bool {
        self.parameters.first().is_some_and(|parameter| parameter.value.device().is_cuda())
    }

    /// What is remembered, by names such as `optimizer.first.decoder.…`; not what is being accumulated.
    ///
    /// # Errors
    /// [`Error::Tensor`] when memory is short.
    pub fn to_tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut tensors = BTreeMap::new();
        for (parameter, memories) in self.parameters.iter().zip(&self.memories) {
            let memories = memories.lock().unwrap_or_else(PoisonError::into_inner);
            let names = self.optimizer.memories();
            let copies = memories.to_tensors(&parameter.value, names.len());
            for (memory, copy) in names.iter().zip(copies.map_err(Error::tensor("optimizer"))?) {
                tensors.insert(format!("{PREFIX}{memory}.{}", parameter.name), copy);
            }
        }
        Ok(tensors)
    }

    /// Whether a tensor of a checkpoint with this name belongs to an optimizer, not to a model; also by the names that the first
    /// checkpoints had, `adam.first.…`.
    pub fn is_state(name: &str) -> bool {
        name.starts_with(PREFIX) || OLD_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    }

    /// Goes on from what [`Stepper::to_tensors`] gave after `steps` steps; also from the names of the first checkpoints.
    ///
    /// # Errors
    /// [`Error::Weights`] when a name is missing; [`Error::Shape`] when a shape differs. Nothing is changed then.
    pub fn set_tensors(&mut self, tensors: &BTreeMap<String, Tensor>, steps: usize) -> Result<()> {
        let mut all = Vec::new();
        for parameter in &self.parameters {
            let read = |memory: &&str| remembered(tensors, memory, parameter);
            let values = self.optimizer.memories().iter().map(read).collect::<Result<Vec<_>>>()?;
            let memories = Memories::new(values, &parameter.value).map_err(Error::tensor("optimizer"))?;
            all.push(Mutex::new(memories));
        }
        self.memories = all;
        self.steps = steps;
        self.accumulation = Accumulation::default();
        // In the order of the steps, so that the bits are theirs; once it is 0 it stays so.
        let mus = (1..=steps).map(|step| self.optimizer.mu(step));
        self.mu_product = if self.optimizer.mu(1) == 1.0 { 1.0 } else { mus.product() };
        Ok(())
    }
}

fn remembered(tensors: &BTreeMap<String, Tensor>, memory: &str, parameter: &Parameter) -> Result<Vec<f32>> {
    let name = format!("{PREFIX}{memory}.{}", parameter.name);
    let mut old = OLD_PREFIXES.iter().map(|prefix| format!("{prefix}{memory}.{}", parameter.name));
    let Some(tensor) = tensors.get(&name).or_else(|| old.find_map(|name| tensors.get(&name))) else {
        let why = "the optimiser's state is incomplete".into();
        return Err(Error::Weights { path: "".into(), why, missing: vec![name], unexpected: vec![] });
    };
    if tensor.shape() != parameter.value.shape() {
        return Err(Error::Shape {
            what: format!("optimiser's state {name}"),
            expected: format!("{:?}", parameter.value.dims()),
            got: format!("{:?}", tensor.dims()),
            hint: "resume with the model that the run was started with".into(),
        });
    }
    tensor.flatten_all().and_then(|values| values.to_vec1()).map_err(Error::tensor("optimizer"))
}
