//! Inception-v3 (Szegedy, Vanhoucke, Ioffe, Shlens and Wojna 2015, <https://arxiv.org/abs/1512.00567>) without its classifier,
//! as timm and torchvision have it: batch norm with eps 1e-3, and no padding where the size is halved. Features are therefore
//! some pixels smaller than a half, a quarter … of the image: of 128 pixels 61, 28, 13, 6 and 2.

use super::{Features, conv_norm};
use crate::Result;
use crate::nn::{
    Activation, BatchNormConfig, Conv2dConfig, ConvNorm, Mode, avg_pool2d, concat_all, max_pool2d,
};
use candle_core::Tensor;
use candle_nn::VarBuilder;

/// A convolution: its name, channels behind it, kernel, padding and stride.
struct Layer(&'static str, usize, [usize; 2], [usize; 2], usize);

/// One that keeps the size.
const fn same(name: &'static str, channels: usize, kernel: [usize; 2]) -> Layer {
    Layer(name, channels, kernel, [kernel[0] / 2, kernel[1] / 2], 1)
}

/// 3×3 without padding.
const fn valid(name: &'static str, channels: usize, stride: usize) -> Layer {
    Layer(name, channels, [3, 3], [0, 0], stride)
}

impl Layer {
    fn build(&self, in_channels: usize, norm: BatchNormConfig, vb: &VarBuilder) -> Result<ConvNorm> {
        let Layer(name, channels, kernel, padding, stride) = *self;
        let conv = Conv2dConfig { kernel, padding, ..Conv2dConfig::new(1) }.stride(stride);
        let vb = vb.pp(name);
        conv_norm([in_channels, channels], conv, (norm, Activation::Relu), [vb.pp("conv"), vb.pp("bn")])
    }
}

/// What a branch does first.
#[derive(Clone, Copy, Debug)]
enum Pool {
    No,
    Average,
    Max,
}

/// A pooling, convolutions one after the other, and at its end perhaps two side by side.
#[derive(Debug)]
struct Branch {
    pool: Pool,
    chain: Vec<ConvNorm>,
    fork: Vec<ConvNorm>,
}

/// The same before it is built.
type Plan = (Pool, Vec<Layer>, Vec<Layer>);

impl Branch {
    fn new(plan: &Plan, in_channels: usize, norm: BatchNormConfig, vb: &VarBuilder) -> Result<Branch> {
        let (pool, layers, forks) = plan;
        let (mut channels, mut chain) = (in_channels, Vec::new());
        for layer in layers {
            chain.push(layer.build(channels, norm, vb)?);
            channels = layer.1;
        }
        let fork = forks.iter().map(|layer| layer.build(channels, norm, vb)).collect::<Result<_>>()?;
        Ok(Branch { pool: *pool, chain, fork })
    }

    /// Adds its maps to `ys`.
    fn forward(&self, xs: &Tensor, mode: Mode, ys: &mut Vec<Tensor>) -> Result<()> {
        let mut xs = match self.pool {
            Pool::No => xs.clone(),
            Pool::Average => avg_pool2d(xs, 3, 1, 1)?,
            Pool::Max => max_pool2d(xs, 3, 2, 0)?,
        };
        for conv in &self.chain {
            xs = conv.forward(&xs, mode)?;
        }
        for conv in &self.fork {
            ys.push(conv.forward(&xs, mode)?);
        }
        if self.fork.is_empty() {
            ys.push(xs);
        }
        Ok(())
    }
}

fn chain(layers: Vec<Layer>) -> Plan {
    (Pool::No, layers, vec![])
}

fn pooled(channels: usize) -> Plan {
    (Pool::Average, vec![same("branch_pool", channels, [1, 1])], vec![])
}

/// Figure 5 of the paper.
fn a(pool_features: usize) -> Vec<Plan> {
    vec![
        chain(vec![same("branch1x1", 64, [1, 1])]),
        chain(vec![same("branch5x5_1", 48, [1, 1]), same("branch5x5_2", 64, [5, 5])]),
        chain(vec![
            same("branch3x3dbl_1", 64, [1, 1]),
            same("branch3x3dbl_2", 96, [3, 3]),
            same("branch3x3dbl_3", 96, [3, 3]),
        ]),
        pooled(pool_features),
    ]
}

/// Halves 288 channels' size.
fn b() -> Vec<Plan> {
    vec![
        chain(vec![valid("branch3x3", 384, 2)]),
        chain(vec![
            same("branch3x3dbl_1", 64, [1, 1]),
            same("branch3x3dbl_2", 96, [3, 3]),
            valid("branch3x3dbl_3", 96, 2),
        ]),
        (Pool::Max, vec![], vec![]),
    ]
}

/// Figure 6, with n = 7.
fn c(channels: usize) -> Vec<Plan> {
    vec![
        chain(vec![same("branch1x1", 192, [1, 1])]),
        chain(vec![
            same("branch7x7_1", channels, [1, 1]),
            same("branch7x7_2", channels, [1, 7]),
            same("branch7x7_3", 192, [7, 1]),
        ]),
        chain(vec![
            same("branch7x7dbl_1", channels, [1, 1]),
            same("branch7x7dbl_2", channels, [7, 1]),
            same("branch7x7dbl_3", channels, [1, 7]),
            same("branch7x7dbl_4", channels, [7, 1]),
            same("branch7x7dbl_5", 192, [1, 7]),
        ]),
        pooled(192),
    ]
}

/// Halves 768 channels' size.
fn d() -> Vec<Plan> {
    vec![
        chain(vec![same("branch3x3_1", 192, [1, 1]), valid("branch3x3_2", 320, 2)]),
        chain(vec![
            same("branch7x7x3_1", 192, [1, 1]),
            same("branch7x7x3_2", 192, [1, 7]),
            same("branch7x7x3_3", 192, [7, 1]),
            valid("branch7x7x3_4", 192, 2),
        ]),
        (Pool::Max, vec![], vec![]),
    ]
}

/// Figure 7.
fn e() -> Vec<Plan> {
    let fork = |a, b| vec![same(a, 384, [1, 3]), same(b, 384, [3, 1])];
    vec![
        chain(vec![same("branch1x1", 320, [1, 1])]),
        (Pool::No, vec![same("branch3x3_1", 384, [1, 1])], fork("branch3x3_2a", "branch3x3_2b")),
        (
            Pool::No,
            vec![same("branch3x3dbl_1", 448, [1, 1]), same("branch3x3dbl_2", 384, [3, 3])],
            fork("branch3x3dbl_3a", "branch3x3dbl_3b"),
        ),
        pooled(192),
    ]
}

/// A step on the way through the network.
#[derive(Debug)]
enum Stage {
    Conv(ConvNorm),
    Pool,
    Mixed(Vec<Branch>),
}

impl Stage {
    fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        match self {
            Stage::Conv(conv) => conv.forward(xs, mode),
            Stage::Pool => max_pool2d(xs, 3, 2, 0),
            Stage::Mixed(branches) => {
                let mut ys = Vec::new();
                for branch in branches {
                    branch.forward(xs, mode, &mut ys)?;
                }
                concat_all(&ys)
            }
        }
    }
}

/// A step before it is built.
enum StagePlan {
    Conv(Layer),
    Pool,
    Mixed(&'static str, Vec<Plan>, usize),
}

/// The steps to feature `level`, and what each mixed block's channels come to.
fn level(level: usize) -> Vec<StagePlan> {
    use StagePlan::{Conv, Mixed, Pool};
    match level {
        0 => vec![
            Conv(valid("Conv2d_1a_3x3", 32, 2)),
            Conv(valid("Conv2d_2a_3x3", 32, 1)),
            Conv(same("Conv2d_2b_3x3", 64, [3, 3])),
        ],
        1 => vec![Pool, Conv(same("Conv2d_3b_1x1", 80, [1, 1])), Conv(valid("Conv2d_4a_3x3", 192, 1))],
        2 => vec![
            Pool,
            Mixed("Mixed_5b", a(32), 256),
            Mixed("Mixed_5c", a(64), 288),
            Mixed("Mixed_5d", a(64), 288),
        ],
        3 => vec![
            Mixed("Mixed_6a", b(), 768),
            Mixed("Mixed_6b", c(128), 768),
            Mixed("Mixed_6c", c(160), 768),
            Mixed("Mixed_6d", c(160), 768),
            Mixed("Mixed_6e", c(192), 768),
        ],
        _ => vec![Mixed("Mixed_7a", d(), 1280), Mixed("Mixed_7b", e(), 2048), Mixed("Mixed_7c", e(), 2048)],
    }
}

/// The steps between one feature and the next.
#[derive(Debug)]
pub(crate) struct InceptionV3 {
    levels: Vec<Vec<Stage>>,
}

impl InceptionV3 {
    /// Parameters `Conv2d_1a_3x3.conv`, `Conv2d_1a_3x3.bn`, … `Mixed_7c.branch_pool.bn` under `vb`, as far as `depth` needs them.
    pub(super) fn new(
        in_channels: usize,
        depth: usize,
        norm: BatchNormConfig,
        vb: VarBuilder,
    ) -> Result<InceptionV3> {
        let norm = BatchNormConfig { eps: 1e-3, ..norm };
        let (mut channels, mut levels) = (in_channels, Vec::new());
        for i in 0..depth {
            let mut stages = Vec::new();
            for plan in level(i) {
                stages.push(match plan {
                    StagePlan::Pool => Stage::Pool,
                    StagePlan::Conv(layer) => {
                        let conv = layer.build(channels, norm, &vb)?;
                        channels = layer.1;
                        Stage::Conv(conv)
                    }
                    StagePlan::Mixed(name, plans, out_channels) => {
                        let vb = vb.pp(name);
                        let branches = plans.iter().map(|plan| Branch::new(plan, channels, norm, &vb));
                        let branches = branches.collect::<Result<_>>()?;
                        channels = out_channels;
                        Stage::Mixed(branches)
                    }
                });
            }
            levels.push(stages);
        }
        Ok(InceptionV3 { levels })
    }
}

impl Features for InceptionV3 {
    fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Vec<Tensor>> {
        let mut features = vec![xs.clone()];
        let mut xs = xs.clone();
        for level in &self.levels {
            for stage in level {
                xs = stage.forward(&xs, mode)?;
            }
            features.push(xs.clone());
        }
        Ok(features)
    }
}
