//! One step of an optimizer over all parameters, in one launch for every 88 of them. Not yet run on a GPU.
//!
//! The tensors' addresses are a parameter of the kernel: no table has to be uploaded. The numbers that change from step to step
//! lie on the device, so that a recorded step goes on with them. Everything is f32.

use super::context::Context;
use super::input::{CudaInput, optional};
use super::launch::{Grid, Source, Variant, config};
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{DeviceRepr, PushKernelArg};
use candle_core::{Result, bail};

/// `TENSORS` and `CHUNK` of the kernel.
const TENSORS: usize = 88;
const CHUNK: usize = 4096;
/// Words of the kernel's `Step`.
pub(super) const NUMBERS: usize = 8;

/// How parameters move, in the order of operations of `torch.optim`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rule {
    /// Adam; with `decoupled`, AdamW. `step` is the number of this step, from 1.
    Adam { beta1: f64, beta2: f64, eps: f64, step: usize, decoupled: bool },
    /// Stochastic gradient descent; without momentum 0.
    Sgd { momentum: f64, nesterov: bool },
}

/// One parameter and what belongs to it, all f32 and of one shape. The step writes all but the gradient.
#[derive(Clone, Copy)]
pub(crate) struct OptimizerTensor<'a> {
    pub parameter: CudaInput<'a>,
    pub gradient: CudaInput<'a>,
    /// Adam's mean of gradients or SGD's momentum, zeros at the start. SGD without momentum needs none.
    pub first: Option<CudaInput<'a>>,
    /// Adam's mean of squares, zeros at the start.
    pub second: Option<CudaInput<'a>>,
}

/// `Tensors` of the kernel.
#[repr(C)]
#[derive(Clone, Copy)]
struct Tensors {
    parameter: [u64; TENSORS],
    gradient: [u64; TENSORS],
    first: [u64; TENSORS],
    second: [u64; TENSORS],
    length: [u32; TENSORS],
    first_block: [u32; TENSORS],
    count: u32,
}

/// `Step` of the kernel.
#[repr(C)]
#[derive(Clone, Copy)]
struct Step {
    rule: u32,
    learning_rate: f32,
    weight_decay: f32,
    beta1: f32,
    beta2: f32,
    eps: f32,
    size: f32,
    root: f32,
}

// What CUDA takes as parameters of a kernel. SAFETY: plain numbers in C's layout.
const _: () = assert!(size_of::<Tensors>() + size_of::<u64>() <= 4096);
const _: () = assert!(size_of::<Step>() == 4 * NUMBERS);
unsafe impl DeviceRepr for Tensors {}
unsafe impl DeviceRepr for Step {}

/// Sets `to`, [`NUMBERS`] words of f32, to the numbers of the next step.
pub(crate) fn set_step(to: CudaInput, rule: Rule, learning_rate: f64, weight_decay: f64) -> Result<()> {
    let context = to.context()?;
    let (to, step) = (to.parameters(&context, NUMBERS)?, step(rule, learning_rate, weight_decay)?);
    let function = context.function(Source::Optimizer, "set_step", Variant::FLOATS)?;
    let stream = context.stream();
    let mut launch = stream.launch_builder(&function);
    launch.arg(&to).arg(&step);
    // SAFETY: the structure is the kernel's, and there is room for it.
    unsafe { launch.launch(config(Grid(1, 1, 1))) }.w()?;
    Ok(())
}

/// Moves every parameter against its gradient and updates its state, by the `numbers` of [`set_step`].
pub(crate) fn optimizer_step(tensors: &[OptimizerTensor], rule: Rule, numbers: CudaInput) -> Result<()> {
    let Some(one) = tensors.first() else { return Ok(()) };
    let context = one.parameter.context()?;
    let numbers = numbers.parameters(&context, NUMBERS)?;
    for tensors in tensors.chunks(TENSORS) {
        launch(&context, tensors, rule, numbers)?;
    }
    Ok(())
}

/// The numbers of a step. Corrections for the young means are made in double precision.
fn step(rule: Rule, learning_rate: f64, weight_decay: f64) -> Result<Step> {
    let mut numbers = Step {
        rule: 0,
        learning_rate: learning_rate as f32,
        weight_decay: weight_decay as f32,
        beta1: 0.0,
        beta2: 0.0,
        eps: 0.0,
        size: 0.0,
        root: 1.0,
    };
    match rule {
        Rule::Adam { step: 0, .. } => bail!("the steps of Adam are counted from 1"),
        Rule::Adam { beta1, beta2, eps, step, decoupled } => {
            let t = step as f64;
            (numbers.beta1, numbers.beta2, numbers.eps) = (beta1 as f32, beta2 as f32, eps as f32);
            numbers.size = (learning_rate / (1.0 - libm::pow(beta1, t))) as f32;
            numbers.root = (1.0 - libm::pow(beta2, t)).sqrt() as f32;
            numbers.rule = u32::from(decoupled);
        }
        Rule::Sgd { momentum, nesterov } => {
            numbers.beta1 = momentum as f32;
            numbers.rule = 2 + u32::from(nesterov);
        }
    }
    Ok(numbers)
}

/// One launch, for as many tensors as the kernel takes.
fn launch(context: &Context, tensors: &[OptimizerTensor], rule: Rule, numbers: u64) -> Result<()> {
    let mut table = Tensors {
        parameter: [0; TENSORS],
        gradient: [0; TENSORS],
        first: [0; TENSORS],
        second: [0; TENSORS],
        length: [0; TENSORS],
        first_block: [0; TENSORS],
        count: tensors.len() as u32,
    };
    let mut blocks = 0;
    for (i, tensor) in tensors.iter().enumerate() {
        let len = tensor.parameter.len();
        let floats = |input: CudaInput| input.parameters(context, len);
        table.parameter[i] = floats(tensor.parameter)?;
        table.gradient[i] = floats(tensor.gradient)?;
        table.first[i] = optional(tensor.first, floats)?;
        table.second[i] = optional(tensor.second, floats)?;
        check_state(rule, table.first[i], table.second[i])?;
        table.length[i] = len as u32;
        table.first_block[i] = blocks as u32;
        blocks += len.div_ceil(CHUNK);
    }
    if blocks == 0 {
        return Ok(());
    }
    let function = context.function(Source::Optimizer, "optimizer_step", Variant::FLOATS)?;
    let stream = context.stream();
    let mut launch = stream.launch_builder(&function);
    launch.arg(&table).arg(&numbers);
    // SAFETY: the structure is the kernel's, its addresses those of live tensors of the lengths beside them.
    unsafe { launch.launch(config(Grid(blocks, 1, 1))) }.w()?;
    Ok(())
}

fn check_state(rule: Rule, first: u64, second: u64) -> Result<()> {
    let missing = match rule {
        Rule::Adam { .. } => first == 0 || second == 0,
        Rule::Sgd { momentum, .. } => momentum != 0.0 && first == 0,
    };
    if missing {
        bail!("a parameter has no state for {rule:?}")
    }
    Ok(())
}
