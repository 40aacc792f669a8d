//! One step of an optimizer over all parameters, in one launch for every 84 of them. Not yet run on a GPU.
//!
//! The tensors' addresses are a parameter of the kernel: no table has to be uploaded. The numbers that change from step to step
//! lie on the device, so that a recorded step goes on with them; norms of gradients never leave it. Everything is f32.

use super::context::{Context, Output};
use super::input::{CudaInput, optional};
use super::launch::{Grid, Source, Variant, arguments, config};
use crate::nn::step_numbers::{Rule, StepNumbers};
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{DeviceRepr, PushKernelArg};
use candle_core::{DType, Result, bail};

/// `TENSORS` and `CHUNK` of the kernel.
const TENSORS: usize = 84;
const CHUNK: usize = 4096;
/// Words of the kernel's `Step`.
pub(super) const NUMBERS: usize = 13;

/// One parameter and what belongs to it, all f32 and of one shape. The step writes all but the gradient.
#[derive(Clone, Copy)]
pub(crate) struct OptimizerTensor<'a> {
    pub parameter: CudaInput<'a>,
    pub gradient: CudaInput<'a>,
    /// Adam's mean of gradients, or the momentum where there is one; zeros at the start.
    pub first: Option<CudaInput<'a>>,
    /// The mean of squares, zeros at the start.
    pub second: Option<CudaInput<'a>>,
    /// Factor of the step's rate.
    pub rate: f64,
    pub decay: f64,
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
    rate: [f32; TENSORS],
    decay: [f32; TENSORS],
    count: u32,
}

/// `Step` of the kernel.
#[repr(C)]
#[derive(Clone, Copy)]
struct Step {
    rule: u32,
    normalized: u32,
    max_norm: f32,
    share: f32,
    rate: f32,
    beta1: f32,
    share1: f32,
    beta2: f32,
    share2: f32,
    eps: f32,
    size: f32,
    ahead: f32,
    root: f32,
}

// What CUDA takes as parameters of a kernel, here with two addresses. SAFETY: plain numbers in C's layout.
const _: () = assert!(size_of::<Tensors>() + 2 * size_of::<u64>() <= 4096);
const _: () = assert!(size_of::<Step>() == 4 * NUMBERS);
unsafe impl DeviceRepr for Tensors {}
unsafe impl DeviceRepr for Step {}

impl From<&StepNumbers> for Step {
    fn from(numbers: &StepNumbers) -> Step {
        Step {
            rule: numbers.rule as u32,
            normalized: u32::from(numbers.normalized),
            max_norm: numbers.max_norm.map_or(-1.0, |max| max as f32),
            share: numbers.share as f32,
            rate: numbers.rate as f32,
            beta1: numbers.beta1 as f32,
            share1: (1.0 - numbers.beta1) as f32,
            beta2: numbers.beta2 as f32,
            share2: (1.0 - numbers.beta2) as f32,
            eps: numbers.eps as f32,
            size: numbers.size as f32,
            ahead: numbers.ahead as f32,
            root: numbers.root as f32,
        }
    }
}

/// Sets `to`, [`NUMBERS`] words of f32, to the numbers of the next step.
pub(super) fn set_step(to: CudaInput, numbers: &StepNumbers) -> Result<()> {
    let context = to.context()?;
    let (to, step) = (to.parameters(&context, NUMBERS)?, Step::from(numbers));
    let function = context.function(Source::Optimizer, "set_step", Variant::FLOATS)?;
    let stream = context.stream();
    let mut launch = stream.launch_builder(&function);
    launch.arg(&to).arg(&step);
    // SAFETY: the structure is the kernel's, and there is room for it.
    unsafe { launch.launch(config(Grid(1, 1, 1))) }.w()?;
    Ok(())
}

/// Moves every parameter against its gradient and updates its state, by the numbers that [`set_step`] has brought to
/// `on_device`; of `numbers` only what is the same in each step is read.
pub(super) fn optimizer_step(
    tensors: &[OptimizerTensor],
    numbers: &StepNumbers,
    on_device: CudaInput,
) -> Result<()> {
    let Some(one) = tensors.first() else { return Ok(()) };
    let context = one.parameter.context()?;
    let on_device = on_device.parameters(&context, NUMBERS)?;
    let tables = tables(&context, tensors)?;
    tensors.iter().try_for_each(|tensor| check_state(numbers, tensor))?;
    let scales = match numbers.needs_norms() {
        true => Some(gradient_scales(&context, &tables, on_device)?),
        false => None,
    };
    for (i, table) in tables.iter().enumerate() {
        let scales = scales.as_ref().map_or(0, |scales| scales.address + (i * TENSORS * 4) as u64);
        table.launch(&context, "optimizer_step", table.blocks, &[on_device, scales])?;
    }
    Ok(())
}

/// Adds `weight` times the gradients to the parameters, which are sums of gradients.
pub(super) fn add_scaled(tensors: &[OptimizerTensor], weight: f32) -> Result<()> {
    let Some(one) = tensors.first() else { return Ok(()) };
    let context = one.parameter.context()?;
    let weight = u64::from(weight.to_bits());
    let tables = tables(&context, tensors)?;
    tables.iter().try_for_each(|table| table.launch(&context, "add_scaled", table.blocks, &[weight]))
}

/// What each gradient is to be multiplied by, f32, from all their norms.
fn gradient_scales(context: &Context, tables: &[Table], on_device: u64) -> Result<Output> {
    let count = tables.iter().map(|table| table.tensors.count as usize).sum();
    let squares = context.empty(DType::F64, count)?;
    for (i, table) in tables.iter().enumerate() {
        let partial = context.empty(DType::F64, table.blocks)?;
        table.launch(context, "square_sums", table.blocks, &[partial.address])?;
        let squares = squares.address + (i * TENSORS * 8) as u64;
        table.launch(context, "finish_squares", table.tensors.count as usize, &[partial.address, squares])?;
    }
    let scales = context.empty(DType::F32, count)?;
    let arguments = arguments![squares.address, count, on_device, scales.address];
    context.launch(Source::Optimizer, "gradient_scales", Variant::FLOATS, Grid(1, 1, 1), arguments)?;
    Ok(scales)
}

/// As many tensors as a launch takes.
struct Table {
    tensors: Tensors,
    /// Of all their elements.
    blocks: usize,
}

fn tables(context: &Context, tensors: &[OptimizerTensor]) -> Result<Vec<Table>> {
    tensors.chunks(TENSORS).map(|tensors| Table::new(context, tensors)).collect()
}

impl Table {
    fn new(context: &Context, tensors: &[OptimizerTensor]) -> Result<Table> {
        let (words, halves, floats) = ([0; TENSORS], [0; TENSORS], [0.0; TENSORS]);
        let mut table = Tensors {
            parameter: words,
            gradient: words,
            first: words,
            second: words,
            length: halves,
            first_block: halves,
            rate: floats,
            decay: floats,
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
            table.length[i] = len as u32;
            table.first_block[i] = blocks as u32;
            (table.rate[i], table.decay[i]) = (tensor.rate as f32, tensor.decay as f32);
            blocks += len.div_ceil(CHUNK);
        }
        Ok(Table { tensors: table, blocks })
    }

    /// Queues a kernel on the table and `words`, addresses or numbers.
    fn launch(&self, context: &Context, name: &'static str, blocks: usize, words: &[u64]) -> Result<()> {
        if blocks == 0 {
            return Ok(());
        }
        let function = context.function(Source::Optimizer, name, Variant::FLOATS)?;
        let stream = context.stream();
        let mut launch = stream.launch_builder(&function);
        launch.arg(&self.tensors);
        for word in words {
            launch.arg(word);
        }
        // SAFETY: the structure is the kernel's, its addresses those of live tensors of the lengths beside them; the words are
        // what the kernel takes, of which CUDA reads as many bytes as its parameters have.
        unsafe { launch.launch(config(Grid(blocks, 1, 1))) }.w()?;
        Ok(())
    }
}

fn check_state(numbers: &StepNumbers, tensor: &OptimizerTensor) -> Result<()> {
    let (first, second) = (tensor.first.is_some(), tensor.second.is_some());
    let momentum = first || numbers.beta1 == 0.0;
    let complete = match numbers.rule {
        Rule::Adam | Rule::AdamW | Rule::Nadam => first && second,
        Rule::Sgd | Rule::Nesterov => momentum,
        Rule::RmsProp => momentum && second,
    };
    if !complete {
        bail!("a parameter has no state for {:?}", numbers.rule)
    }
    Ok(())
}
