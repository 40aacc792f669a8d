//! Compiling and launching kernels. Not yet run on a GPU.

use super::context::Context;
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{LaunchConfig, PushKernelArg};
use candle_core::cuda_backend::cudarc::nvrtc::{CompileOptions, Ptx, compile_ptx_with_opts};
use candle_core::{DType, Result};

/// Threads of a block; the kernels are written for this number.
const BLOCK: u32 = 256;
/// Enough blocks to fill any GPU a few times; more only start and end.
const MOST_BLOCKS: usize = 1 << 14;

/// A file of `kernels/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    Direct,
    Fold,
    Layout,
    Loss,
    Norm,
    Optimizer,
    Pointwise,
    Pool,
    Reduce,
    Resample,
    Sort,
}

impl Source {
    fn text(self) -> &'static str {
        match self {
            Source::Direct => include_str!("kernels/direct.cu"),
            Source::Fold => include_str!("kernels/fold.cu"),
            Source::Layout => include_str!("kernels/layout.cu"),
            Source::Loss => include_str!("kernels/loss.cu"),
            Source::Norm => include_str!("kernels/norm.cu"),
            Source::Optimizer => include_str!("kernels/optimizer.cu"),
            Source::Pointwise => include_str!("kernels/pointwise.cu"),
            Source::Pool => include_str!("kernels/pool.cu"),
            Source::Reduce => include_str!("kernels/reduce.cu"),
            Source::Resample => include_str!("kernels/resample.cu"),
            Source::Sort => include_str!("kernels/sort.cu"),
        }
    }
}

/// What a source is compiled for: the type of activations and how many channels a thread takes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Variant {
    pub dtype: DType,
    pub lanes: usize,
}

impl Variant {
    /// For kernels that take f32 alone, one value at a time.
    pub(super) const FLOATS: Variant = Variant { dtype: DType::F32, lanes: 1 };
}

/// Compiles a source. In PTX, which the driver translates for the GPU, as candle's own kernels are.
pub(super) fn compile(source: Source, variant: Variant, (major, minor): (i32, i32)) -> Result<Ptx> {
    let text = format!("{}{}", include_str!("kernels/prelude.cuh"), source.text());
    let dtype = if variant.dtype == DType::BF16 { "-DBF16" } else { "-DF32" };
    let options = CompileOptions {
        name: Some(format!("{source:?}.cu")),
        options: vec![
            format!("--gpu-architecture=compute_{major}{minor}"),
            format!("-DV={}", variant.lanes),
            dtype.into(),
            "--std=c++17".into(),
        ],
        ..CompileOptions::default()
    };
    compile_ptx_with_opts(text, options).w()
}

/// The blocks of a launch.
#[derive(Clone, Copy)]
pub(super) struct Grid(pub usize, pub usize, pub usize);

impl Grid {
    /// For a kernel that goes over `count` elements with the whole grid.
    pub(super) fn each(count: usize) -> Grid {
        Grid(count.div_ceil(BLOCK as usize).clamp(1, MOST_BLOCKS), 1, 1)
    }
}

/// An argument of a kernel, in the first bytes of a word; CUDA takes as many of them as the parameter has.
#[derive(Clone, Copy)]
pub(super) struct Argument(u64);

impl From<u64> for Argument {
    /// An address, or a number of 64 bits.
    fn from(word: u64) -> Argument {
        Argument(word)
    }
}

impl From<usize> for Argument {
    /// An `int`. Sizes fit: tensors have fewer than 2^31 elements.
    fn from(size: usize) -> Argument {
        Argument(u64::from(size as u32))
    }
}

impl From<isize> for Argument {
    /// An `int`.
    fn from(offset: isize) -> Argument {
        Argument(u64::from(offset as i32 as u32))
    }
}

impl From<u32> for Argument {
    fn from(number: u32) -> Argument {
        Argument(u64::from(number))
    }
}

impl From<f32> for Argument {
    fn from(number: f32) -> Argument {
        Argument(u64::from(number.to_bits()))
    }
}

impl From<bool> for Argument {
    /// An `int`, 0 or 1.
    fn from(yes: bool) -> Argument {
        Argument(u64::from(yes))
    }
}

/// The arguments of a kernel, in its order.
macro_rules! arguments {
    ($($argument:expr),* $(,)?) => { &[$($crate::nn::cuda::launch::Argument::from($argument)),*] };
}
pub(super) use arguments;

impl Context {
    /// Queues a kernel. `arguments` have to be those of the kernel's definition, which nothing checks.
    pub(super) fn launch(
        &self,
        source: Source,
        name: &'static str,
        variant: Variant,
        grid: Grid,
        arguments: &[Argument],
    ) -> Result<()> {
        let function = self.function(source, name, variant)?;
        let stream = self.stream();
        let mut launch = stream.launch_builder(&function);
        for Argument(word) in arguments {
            launch.arg(word);
        }
        // SAFETY: callers pass what the kernel takes, with addresses of live tensors as long as it reads; freeing them is
        // queued behind it on the same stream.
        unsafe { launch.launch(config(grid)) }.w()?;
        Ok(())
    }
}

/// Blocks of the size that all kernels have. Their shared memory is declared in them.
pub(super) fn config(Grid(x, y, z): Grid) -> LaunchConfig {
    LaunchConfig { grid_dim: (x as u32, y as u32, z as u32), block_dim: (BLOCK, 1, 1), shared_mem_bytes: 0 }
}
