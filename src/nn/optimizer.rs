//! Optimizers: one pass over memory for all parameters at once, in place.
//!
//! Composed of candle's operations, a step of Adam takes a dozen passes and as many new tensors.

use super::autograd::weights_changed;
use super::cpu::update::{AdamFactors, Factors, adam_chunk, sgd_chunk};
use super::cpu::{floats, floats_mut};
use super::memories::Memories;
use crate::{Error, Result};
use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, InplaceOp2, Layout, Tensor, Var, bail};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How parameters follow their gradients, in the order of operations of `torch.optim`.
///
/// ```
/// use tgs_salt::nn::UpdateRule;
/// assert_eq!(UpdateRule::adam(), UpdateRule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum UpdateRule {
    /// `m += (1 - beta1) (g - m)`, `v = beta2 v + (1 - beta2) g^2`, `p -= rate m' / (sqrt(v') + eps)`, where `m'` and `v'` are
    /// divided by `1 - beta^t` (Kingma and Ba 2015, arXiv:1412.6980). `weight_decay p` is added to the gradient.
    Adam {
        /// Memory of the gradients' mean, in 0..1.
        beta1: f64,
        /// Memory of their squares, in 0..1.
        beta2: f64,
        /// Keeps the quotient finite.
        eps: f64,
        /// L2 penalty.
        weight_decay: f64,
    },
    /// Adam whose weights shrink by `rate weight_decay p` apart from the gradient (Loshchilov and Hutter 2019,
    /// arXiv:1711.05101).
    AdamW {
        /// Memory of the gradients' mean, in 0..1.
        beta1: f64,
        /// Memory of their squares, in 0..1.
        beta2: f64,
        /// Keeps the quotient finite.
        eps: f64,
        /// Share of the weights that is lost per unit of the learning rate.
        weight_decay: f64,
    },
    /// `b = momentum b + g`, `p -= rate b`; with Nesterov's look ahead `p -= rate (g + momentum b)`.
    Sgd {
        /// Memory of the gradients, in 0..1.
        momentum: f64,
        /// Whether a step looks ahead.
        nesterov: bool,
        /// L2 penalty.
        weight_decay: f64,
    },
}

impl UpdateRule {
    /// Adam with its authors' settings.
    pub const fn adam() -> UpdateRule {
        UpdateRule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 }
    }

    /// The names of what is remembered of each parameter.
    pub(super) fn memories(&self) -> &'static [&'static str] {
        match self {
            UpdateRule::Adam { .. } | UpdateRule::AdamW { .. } => &["adam.first", "adam.second"],
            UpdateRule::Sgd { .. } => &["sgd.momentum"],
        }
    }

    /// What one step multiplies by.
    fn factors(&self, rate: f64, step: usize) -> Factors {
        let narrow = |value: f64| value as f32;
        match *self {
            UpdateRule::Adam { beta1, beta2, eps, weight_decay } => {
                Factors::Adam(AdamFactors::new([beta1, beta2, eps], [weight_decay, 1.0], rate, step))
            }
            UpdateRule::AdamW { beta1, beta2, eps, weight_decay } => Factors::Adam(AdamFactors::new(
                [beta1, beta2, eps],
                [0.0, 1.0 - rate * weight_decay],
                rate,
                step,
            )),
            UpdateRule::Sgd { momentum, nesterov, weight_decay } => Factors::Sgd {
                rate: narrow(rate),
                momentum: narrow(momentum),
                nesterov,
                penalty: narrow(weight_decay),
            },
        }
    }
}

/// An update rule with the parameters it moves and what it remembers of them.
///
/// ```
/// use candle_core::{Device, Tensor, Var};
/// use tgs_salt::nn::{Optimizer, UpdateRule, backward, global_avg_pool2d};
///
/// let xs = Var::from_tensor(&Tensor::new(&[[[[1f32], [3.0]]]], &Device::Cpu).unwrap()).unwrap();
/// let mut adam = Optimizer::new(UpdateRule::adam(), vec![("xs".into(), xs.clone())]);
/// adam.step(&backward(global_avg_pool2d(&xs)?)?, 0.1)?;
/// let moved = xs.flatten_all().unwrap().to_vec1::<f32>().unwrap();
/// assert!((moved[0] - 0.9).abs() < 1e-6 && (moved[1] - 2.9).abs() < 1e-6); // the first step is as long as the rate
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Debug)]
pub struct Optimizer {
    pub(super) rule: UpdateRule,
    pub(super) parameters: Vec<Parameter>,
    pub(super) steps: usize,
    /// Of the step that is prepared.
    pub(super) learning_rate: f64,
    /// On a GPU, the numbers that change from step to step.
    #[cfg(feature = "cuda")]
    pub(super) numbers: Option<Tensor>,
}

#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) value: Var,
    /// Only a step locks it.
    memories: Mutex<Memories>,
}

impl Parameter {
    // A poisoned lock is used on: a step writes numbers only.
    pub(super) fn memories(&self) -> std::sync::MutexGuard<'_, Memories> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Optimizer {
    /// An optimizer of these parameters that remembers nothing yet.
    pub fn new(rule: UpdateRule, parameters: Vec<(String, Var)>) -> Optimizer {
        let parameter = |(name, value): (String, Var)| {
            let memories = Memories::zeros(&value, rule.memories().len());
            Parameter { name, value, memories: Mutex::new(memories) }
        };
        Optimizer {
            rule,
            parameters: parameters.into_iter().map(parameter).collect(),
            steps: 0,
            learning_rate: 0.0,
            #[cfg(feature = "cuda")]
            numbers: None,
        }
    }

    /// How many steps were taken.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// One step down the gradients, in place. Parameters without a gradient stay.
    ///
    /// # Errors
    /// [`Error::Tensor`] when a gradient has another shape or type than its parameter.
    pub fn step(&mut self, gradients: &GradStore, learning_rate: f64) -> Result<()> {
        self.prepare(learning_rate)?;
        self.descend(gradients)
    }

    /// The part of [`Optimizer::step`] that differs from step to step; on a GPU the rest can be recorded.
    #[doc(hidden)] // see Replay
    pub fn prepare(&mut self, learning_rate: f64) -> Result<()> {
        weights_changed();
        self.steps += 1;
        self.learning_rate = learning_rate;
        #[cfg(feature = "cuda")]
        if self.is_on_gpu() {
            return self.prepare_on_gpu().map_err(Error::tensor("optimizer step"));
        }
        Ok(())
    }

    /// The rest of [`Optimizer::step`].
    #[doc(hidden)] // see Replay
    pub fn descend(&self, gradients: &GradStore) -> Result<()> {
        #[cfg(feature = "cuda")]
        if self.is_on_gpu() {
            return self.move_on_gpu(gradients).map_err(Error::tensor("optimizer step"));
        }
        let factors = self.rule.factors(self.learning_rate, self.steps);
        let moved = self.parameters.par_iter().try_for_each(|parameter| {
            let Some(gradient) = gradients.get(&parameter.value) else { return Ok(()) };
            if gradient.dims() != parameter.value.dims() {
                bail!("the gradient of {} is {:?}", parameter.name, gradient.dims())
            }
            parameter.value.inplace_op2(&gradient.contiguous()?, &Move { factors, parameter })
        });
        moved.map_err(Error::tensor("optimizer step"))
    }

    #[cfg(feature = "cuda")]
    fn is_on_gpu(&self) -> bool {
        self.parameters.first().is_some_and(|parameter| parameter.value.device().is_cuda())
    }

    /// What is remembered, by names such as `adam.first.decoder.…`.
    ///
    /// # Errors
    /// [`Error::Tensor`] when memory is short.
    pub fn to_tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut tensors = BTreeMap::new();
        for parameter in &self.parameters {
            let memories =
                parameter.memories().to_tensors(&parameter.value).map_err(Error::tensor("optimizer"))?;
            for (name, memory) in self.rule.memories().iter().zip(memories) {
                tensors.insert(format!("{name}.{}", parameter.name), memory);
            }
        }
        Ok(tensors)
    }

    /// Goes on from what [`Optimizer::to_tensors`] gave after `steps` steps.
    ///
    /// # Errors
    /// [`Error::Weights`] when a name is missing; [`Error::Shape`] when a shape differs. Nothing is changed then.
    pub fn set_tensors(&mut self, tensors: &BTreeMap<String, Tensor>, steps: usize) -> Result<()> {
        let mut all = Vec::new();
        for parameter in &self.parameters {
            let read =
                |name: &&str| remembered(tensors, format!("{name}.{}", parameter.name), &parameter.value);
            let values = self.rule.memories().iter().map(read).collect::<Result<Vec<_>>>()?;
            all.push(Memories::new(values, &parameter.value).map_err(Error::tensor("optimizer"))?);
        }
        for (parameter, memories) in self.parameters.iter().zip(all) {
            *parameter.memories() = memories;
        }
        self.steps = steps;
        Ok(())
    }
}

fn remembered(tensors: &BTreeMap<String, Tensor>, name: String, value: &Var) -> Result<Vec<f32>> {
    let Some(tensor) = tensors.get(&name) else {
        let why = "the optimiser's state is incomplete".into();
        return Err(Error::Weights { path: "".into(), why, missing: vec![name], unexpected: vec![] });
    };
    if tensor.shape() != value.shape() {
        return Err(Error::Shape {
            what: format!("optimiser's state {name}"),
            expected: format!("{:?}", value.dims()),
            got: format!("{:?}", tensor.dims()),
            hint: "resume with the model that the run was started with".into(),
        });
    }
    tensor.flatten_all().and_then(|values| values.to_vec1()).map_err(Error::tensor("optimizer"))
}

/// Numbers of one task.
const CHUNK: usize = 16 * 1024;

/// A step of one parameter.
struct Move<'a> {
    factors: Factors,
    parameter: &'a Parameter,
}

impl InplaceOp2 for Move<'_> {
    fn name(&self) -> &'static str {
        "optimizer step"
    }

    fn cpu_fwd(
        &self,
        values: &mut CpuStorage,
        values_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> candle_core::Result<()> {
        let values = floats_mut(values, values_layout)?.par_chunks_mut(CHUNK);
        let inputs = values.zip(floats(gradient, gradient_layout)?.par_chunks(CHUNK));
        let mut memories = self.parameter.memories();
        match (self.factors, memories.on_cpu()?) {
            (Factors::Adam(factors), [first, second]) => {
                let moments = first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK));
                inputs.zip(moments).for_each(|((values, gradient), (first, second))| {
                    adam_chunk(factors, gradient, [values, first, second]);
                });
            }
            (Factors::Sgd { rate, momentum, nesterov, penalty }, [buffer]) => {
                inputs.zip(buffer.par_chunks_mut(CHUNK)).for_each(|((values, gradient), buffer)| {
                    sgd_chunk([rate, momentum, penalty], nesterov, gradient, [values, buffer]);
                });
            }
            _ => bail!("the rule and what it remembers do not fit"),
        }
        Ok(())
    }
}
