//! The same networks of candle's own layers, with candle's own backward pass, channels first, for reference.
//!
//! `stock_candle TASK MODEL BATCH SIZE f32` or `stock_candle depthwise CHANNELS,SIZE PASS`. Only its time means something: candle's
//! gradients of pooling and upsampling are wrong.

mod worker;

use anyhow::{Result, bail};
use candle_nn::loss::binary_cross_entropy_with_logit;
use candle_nn::{
    AdamW, BatchNorm, Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, Module, ModuleT,
    Optimizer, ParamsAdamW, VarBuilder, VarMap,
};
use tgs_salt::candle_core::{DType, Device, Result as CandleResult, Tensor, Var};
use worker::{Pass, arguments, serve, sizes, values};

/// Convolution and batch norm.
struct ConvNorm(Conv2d, BatchNorm);

impl ConvNorm {
    fn new(channels: [usize; 2], kernel: usize, stride: usize, vb: VarBuilder) -> CandleResult<ConvNorm> {
        let config = Conv2dConfig { padding: kernel / 2, stride, ..Default::default() };
        Ok(ConvNorm(
            candle_nn::conv2d_no_bias(channels[0], channels[1], kernel, config, vb.pp("conv"))?,
            candle_nn::batch_norm(channels[1], 1e-5, vb.pp("norm"))?,
        ))
    }

    fn forward(&self, xs: &Tensor, train: bool) -> CandleResult<Tensor> {
        self.1.forward_t(&self.0.forward(xs)?, train)
    }
}

/// Two 3x3 convolutions, each with batch norm and ReLU.
struct Double(ConvNorm, ConvNorm);

impl Double {
    fn new(inputs: usize, outputs: usize, stride: usize, vb: VarBuilder) -> CandleResult<Double> {
        Ok(Double(
            ConvNorm::new([inputs, outputs], 3, stride, vb.pp("first"))?,
            ConvNorm::new([outputs, outputs], 3, 1, vb.pp("second"))?,
        ))
    }

    fn forward(&self, xs: &Tensor, train: bool) -> CandleResult<Tensor> {
        self.1.forward(&self.0.forward(xs, train)?.relu()?, train)?.relu()
    }
}

/// A residual block; the shortcut has a convolution where size or channels change.
struct Residual(Double, Option<ConvNorm>);

impl Residual {
    fn new(inputs: usize, outputs: usize, stride: usize, vb: VarBuilder) -> CandleResult<Residual> {
        let shortcut =
            (inputs != outputs).then(|| ConvNorm::new([inputs, outputs], 1, stride, vb.pp("shortcut")));
        Ok(Residual(Double::new(inputs, outputs, stride, vb)?, shortcut.transpose()?))
    }

    fn forward(&self, xs: &Tensor, train: bool) -> CandleResult<Tensor> {
        let Residual(Double(first, second), shortcut) = self;
        let shortcut = match shortcut {
            Some(shortcut) => shortcut.forward(xs, train)?,
            None => xs.clone(),
        };
        (second.forward(&first.forward(xs, train)?.relu()?, train)? + shortcut)?.relu()
    }
}

/// What leads up to the next level: a transposed convolution, or nearest upsampling.
type Up = Option<ConvTranspose2d>;

enum Encoder {
    ResNet34(ConvNorm, Vec<Vec<Residual>>),
    Plain(Vec<Double>),
}

struct Network {
    encoder: Encoder,
    decoder: Vec<(Up, Double)>,
    head: Conv2d,
}

impl Network {
    fn resnet34(vb: VarBuilder) -> CandleResult<Network> {
        let mut layers = Vec::new();
        for (i, count) in [3, 4, 6, 3].into_iter().enumerate() {
            let (channels, vb) = (64 << i, vb.pp(format!("layer{i}")));
            let block = |b: usize| match (i, b) {
                (1.., 0) => Residual::new(channels / 2, channels, 2, vb.pp(b)),
                _ => Residual::new(channels, channels, 1, vb.pp(b)),
            };
            layers.push((0..count).map(block).collect::<CandleResult<Vec<_>>>()?);
        }
        let blocks = [(512 + 256, 256), (256 + 128, 128), (128 + 64, 64), (64 + 64, 32), (32, 16)];
        let block = |(i, &(inputs, outputs)): (usize, &(usize, usize))| {
            Ok((None, Double::new(inputs, outputs, 1, vb.pp(format!("block{i}")))?))
        };
        Ok(Network {
            encoder: Encoder::ResNet34(ConvNorm::new([3, 64], 7, 2, vb.pp("stem"))?, layers),
            decoder: blocks.iter().enumerate().map(block).collect::<CandleResult<_>>()?,
            head: candle_nn::conv2d(
                16,
                1,
                3,
                Conv2dConfig { padding: 1, ..Default::default() },
                vb.pp("head"),
            )?,
        })
    }

    fn plain(vb: VarBuilder) -> CandleResult<Network> {
        let stage =
            |i: usize| Double::new(if i == 0 { 1 } else { 8 << i }, 16 << i, 1, vb.pp(format!("stage{i}")));
        let config = ConvTranspose2dConfig { padding: 1, output_padding: 1, stride: 2, ..Default::default() };
        let block = |i: usize| {
            let (channels, vb) = (16 << i, vb.pp(format!("block{i}")));
            let up = candle_nn::conv_transpose2d(2 * channels, channels, 3, config, vb.pp("up"))?;
            Ok((Some(up), Double::new(2 * channels, channels, 1, vb)?))
        };
        Ok(Network {
            encoder: Encoder::Plain((0..5).map(stage).collect::<CandleResult<_>>()?),
            decoder: (0..4).rev().map(block).collect::<CandleResult<_>>()?,
            head: candle_nn::conv2d(16, 1, 1, Conv2dConfig::default(), vb.pp("head"))?,
        })
    }

    fn features(&self, xs: &Tensor, train: bool) -> CandleResult<Vec<Tensor>> {
        let mut features = Vec::new();
        match &self.encoder {
            Encoder::ResNet34(stem, layers) => {
                features.push(stem.forward(xs, train)?.relu()?);
                let mut xs = stem_pool(&features[0], train)?;
                for layer in layers {
                    for block in layer {
                        xs = block.forward(&xs, train)?;
                    }
                    features.push(xs.clone());
                }
            }
            Encoder::Plain(stages) => {
                for stage in stages {
                    let below = features.last().map(|xs: &Tensor| xs.max_pool2d(2)).transpose()?;
                    features.push(stage.forward(below.as_ref().unwrap_or(xs), train)?);
                }
            }
        }
        Ok(features)
    }

    fn forward(&self, xs: &Tensor, train: bool) -> CandleResult<Tensor> {
        let mut features = self.features(xs, train)?;
        let Some(mut xs) = features.pop() else { return Ok(xs.clone()) };
        for (up, block) in &self.decoder {
            let (_, _, height, width) = xs.dims4()?;
            let above = match up {
                Some(up) => up.forward(&xs)?,
                None => xs.upsample_nearest2d(2 * height, 2 * width)?,
            };
            let joined = match features.pop() {
                Some(skip) => Tensor::cat(&[&above, &skip], 1)?,
                None => above,
            };
            xs = block.forward(&joined, train)?;
        }
        self.head.forward(&xs)
    }
}

/// candle has no backward pass for overlapping windows: training takes windows of 2x2, with as many pixels behind them.
fn stem_pool(xs: &Tensor, train: bool) -> CandleResult<Tensor> {
    if train {
        return xs.max_pool2d(2);
    }
    // Zeros at the border change nothing behind a ReLU.
    xs.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?.max_pool2d_with_stride(3, 2)
}

fn network(task: &str, model: &str, batch: usize, size: usize) -> Result<Pass> {
    let variables = VarMap::new();
    let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    let (network, channels): (fn(VarBuilder) -> CandleResult<Network>, usize) = match model {
        "resnet34" => (Network::resnet34, 3),
        "plain" => (Network::plain, 1),
        other => bail!("no model {other}"),
    };
    let trained = network(vb)?;
    let xs = values(&[batch, channels, size, size])?;
    if task == "predict" {
        let Ok(variables) = variables.data().lock() else { bail!("the variables are lost") };
        // Weights that are no variables: nothing is recorded then.
        let tensors = variables.iter().map(|(name, var)| (name.clone(), var.as_detached_tensor())).collect();
        let network = network(VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu))?;
        return Ok(Box::new(move || Ok(network.forward(&xs, false).map(drop)?)));
    }
    let target = values(&[batch, 1, size, size])?.gt(0f32)?.to_dtype(DType::F32)?;
    let mut adam = AdamW::new(variables.all_vars(), ParamsAdamW::default())?;
    Ok(Box::new(move || {
        let loss = binary_cross_entropy_with_logit(&trained.forward(&xs, true)?, &target)?;
        Ok(adam.backward_step(&loss)?)
    }))
}

fn depthwise(shape: &str, backward: bool) -> Result<Pass> {
    let [channels, size] = sizes(shape)?;
    let variable = |shape: &[usize]| -> Result<Var> { Ok(Var::from_tensor(&values(shape)?)?) };
    let (xs, weight) = (variable(&[8, channels, size, size])?, variable(&[channels, 1, 3, 3])?);
    Ok(Box::new(move || {
        if !backward {
            let (xs, weight) = (xs.as_detached_tensor(), weight.as_detached_tensor());
            return Ok(xs.conv2d(&weight, 1, 1, 1, channels).map(drop)?);
        }
        Ok(xs.conv2d(&weight, 1, 1, 1, channels)?.backward().map(drop)?)
    }))
}

fn main() -> Result<()> {
    let arguments = arguments();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        ["depthwise", shape, pass @ ("forward" | "both")] => serve(|| depthwise(shape, pass == "both")),
        [task @ ("train" | "predict"), model, batch, size, "f32"] => {
            serve(|| network(task, model, batch.parse()?, size.parse()?))
        }
        _ => bail!("stock_candle TASK MODEL BATCH SIZE f32, or stock_candle depthwise CHANNELS,SIZE PASS"),
    }
}
