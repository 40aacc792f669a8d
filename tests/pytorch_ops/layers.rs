//! Our side of each case.

use crate::cases::{Case, deviation};
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use tgs_salt::Result;
use tgs_salt::losses::bce;
use tgs_salt::nn::{
    Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig,
    Mode, Optimizer, Parameter, ScSe, Stepper, Weights, argsort_descending, avg_pool2d, backward, concat,
    cumsum, global_avg_pool2d, max_pool2d, to_channels_first, to_channels_last, upsample_bilinear2d,
    upsample_concat, upsample_nearest2d,
};

/// The worst deviation of values and that of gradients.
pub fn deviations(case: &Case) -> (f64, f64) {
    match case.kind.as_str() {
        "optimizer" => (optimizer(case), 0.0),
        "argsort" => {
            let order = argsort_descending(case.inputs()[0]).unwrap().to_dtype(DType::F32).unwrap();
            (deviation(case, "ys", &order), 0.0)
        }
        _ => layer(case),
    }
}

/// A pass forward and back.
fn layer(case: &Case) -> (f64, f64) {
    let weights = Weights::new(0, &Device::Cpu);
    let inputs: Vec<Var> = case.inputs().into_iter().map(|xs| Var::from_tensor(xs).unwrap()).collect();
    // Built once, so that the weights are there to be set.
    forward(case, &weights, &inputs).unwrap();
    for (name, var) in weights.vars() {
        var.set(case.get(&format!("w.{name}")).unwrap_or_else(|| panic!("{} {name}", case.name))).unwrap();
    }
    let ys = forward(case, &weights, &inputs).unwrap();
    let mut value = deviation(case, "ys", &ys);
    for (name, var) in weights.vars() {
        if name.contains("running") {
            value = value.max(deviation(case, &format!("after.{name}"), &var));
        }
    }
    let loss = (&ys * case.get("cotangent").unwrap()).unwrap().sum_all().unwrap();
    let mut gradient = gradients(case, &weights, &inputs, &backward(loss).unwrap());
    if ys.rank() == 0 {
        // A loss of our own operations alone: our walk back, and candle's over the same graph.
        let scale = case.get("cotangent").unwrap().to_scalar::<f32>().unwrap();
        for grads in [ys.backward().unwrap(), backward(ys).unwrap()] {
            gradient = gradient.max(scaled(case, &weights, &inputs, &grads, scale));
        }
    }
    (value, gradient)
}

fn gradients(case: &Case, weights: &Weights, inputs: &[Var], grads: &GradStore) -> f64 {
    scaled(case, weights, inputs, grads, 1.0)
}

fn scaled(case: &Case, weights: &Weights, inputs: &[Var], grads: &GradStore, scale: f32) -> f64 {
    let named = weights.trainable().into_iter().map(|(name, var)| (format!("grad.w.{name}"), var));
    let inputs = inputs.iter().enumerate().map(|(i, var)| (format!("grad.in.{i}"), var.clone()));
    let known = named.chain(inputs).filter(|(what, _)| case.get(what).is_some());
    let one = |(what, var): (String, Var)| {
        let grad = grads.get(&var).unwrap_or_else(|| panic!("{} {what}: no gradient", case.name));
        deviation(case, &what, &(grad * f64::from(scale)).unwrap())
    };
    known.map(one).fold(0.0, f64::max)
}

/// The operation, channels first at both ends.
fn forward(case: &Case, weights: &Weights, inputs: &[Var]) -> Result<Tensor> {
    match case.kind.as_str() {
        "cumsum" => return cumsum(&inputs[0]),
        "bce" => return bce(&inputs[0], &inputs[1]),
        "chain" => return chain(case, weights, inputs),
        _ => {}
    }
    let last = inputs.iter().map(|xs| to_channels_last(xs)).collect::<Result<Vec<_>>>()?;
    to_channels_first(&image(case, weights, &last)?)
}

fn image(case: &Case, weights: &Weights, inputs: &[Tensor]) -> Result<Tensor> {
    let (xs, vb) = (&inputs[0], weights.builder());
    let window = || ["kernel", "stride", "padding"].map(|key| case.size(key));
    match case.kind.as_str() {
        "conv2d" => convolution(case, weights, xs),
        "conv_transpose2d" => transposed(case, weights, xs),
        "batch_norm" => {
            let config = BatchNormConfig { activation: activation(case), ..BatchNormConfig::default() };
            let norm = BatchNorm::new(case.size("channels"), config, vb)?;
            norm.forward_residual(xs, inputs.get(1), Mode::Train)
        }
        "max_pool2d" => max_pool2d(xs, window()[0], window()[1], window()[2]),
        "avg_pool2d" => avg_pool2d(xs, window()[0], window()[1], window()[2]),
        "global_avg_pool2d" => global_avg_pool2d(xs),
        "nearest" => upsample_nearest2d(xs, case.pair("size")[0], case.pair("size")[1]),
        "bilinear" => {
            let [height, width] = case.pair("size");
            upsample_bilinear2d(xs, height, width, case.flag("align_corners"))
        }
        "upsample_concat" => upsample_concat(xs, &inputs[1]),
        "concat" => concat(xs, &inputs[1]),
        "activation" => activation(case).forward(xs),
        "scse" => ScSe::new(case.size("channels"), case.size("reduction"), vb)?.forward(xs),
        "shared" => {
            let channels = case.size("channels");
            let conv = Conv2d::new(channels, channels, Conv2dConfig::new(3), vb)?;
            let once = conv.forward(xs)?;
            Ok((&once + conv.forward(&once)?).unwrap())
        }
        other => panic!("no operation {other}"),
    }
}

fn activation(case: &Case) -> Activation {
    match case.text("activation") {
        "none" => Activation::None,
        "relu" => Activation::Relu,
        "leaky_relu" => Activation::LeakyRelu(0.1),
        "elu" => Activation::Elu,
        "sigmoid" => Activation::Sigmoid,
        other => panic!("no activation {other}"),
    }
}

fn convolution(case: &Case, weights: &Weights, xs: &Tensor) -> Result<Tensor> {
    let [inputs, outputs] = case.pair("channels");
    let config = Conv2dConfig {
        kernel: case.pair("kernel"),
        stride: case.pair("stride"),
        padding: case.pair("padding"),
        dilation: case.pair("dilation"),
        groups: case.size("groups"),
        bias: case.flag("bias"),
        ..Conv2dConfig::default()
    };
    Conv2d::new(inputs, outputs, config, weights.builder())?.forward(xs)
}

fn transposed(case: &Case, weights: &Weights, xs: &Tensor) -> Result<Tensor> {
    let [inputs, outputs] = case.pair("channels");
    let config = ConvTranspose2dConfig {
        kernel: case.pair("kernel"),
        stride: case.pair("stride"),
        padding: case.pair("padding"),
        output_padding: case.pair("output_padding"),
        dilation: case.pair("dilation"),
        groups: case.size("groups"),
        bias: case.flag("bias"),
        ..ConvTranspose2dConfig::default()
    };
    ConvTranspose2d::new(inputs, outputs, config, weights.builder())?.forward(xs)
}

/// The network `Chain` of `generate.py`.
fn chain(case: &Case, weights: &Weights, inputs: &[Var]) -> Result<Tensor> {
    let ([first, channels], vb) = (case.pair("channels"), weights.builder());
    let three = Conv2dConfig::new(3).bias(false);
    let norm = |name: &str, activation| {
        BatchNorm::new(channels, BatchNormConfig { activation, ..BatchNormConfig::default() }, vb.pp(name))
    };
    let (xs, target) = (to_channels_last(&inputs[0])?, to_channels_last(&inputs[1].detach())?);
    let hs = Conv2d::new(first, channels, three, vb.pp("conv1"))?.forward(&xs)?;
    let hs = norm("bn1", Activation::Relu)?.forward(&hs, Mode::Train)?;
    let ys = Conv2d::new(channels, channels, three, vb.pp("conv2"))?.forward(&hs)?;
    let ys = norm("bn2", Activation::Elu)?.forward_residual(&ys, Some(&hs), Mode::Train)?;
    let joined = upsample_concat(&max_pool2d(&ys, 2, 2, 0)?, &ys)?;
    let attended = ScSe::new(2 * channels, 2, vb.pp("scse"))?.forward(&joined)?;
    bce(&Conv2d::new(2 * channels, 1, Conv2dConfig::new(3), vb.pp("head"))?.forward(&attended)?, &target)
}

/// The parameters after each of 20 steps.
fn optimizer(case: &Case) -> f64 {
    let weight_decay = case.number("weight_decay");
    let (beta1, beta2, eps) = (0.9, 0.999, 1e-8);
    let rule = match case.text("rule") {
        "adam" => Optimizer::Adam { beta1, beta2, eps },
        "adam_w" => Optimizer::AdamW { beta1, beta2, eps },
        _ => Optimizer::Sgd { momentum: case.number("momentum"), nesterov: case.flag("nesterov") },
    };
    let param = Var::from_tensor(case.inputs()[0]).unwrap();
    let parameter = Parameter { weight_decay, ..("param".into(), param.clone()).into() };
    let mut optimizer = Stepper::new(rule, vec![parameter]);
    let mut steps = vec![];
    for step in 0..20 {
        let mut grads = GradStore::default();
        grads.insert(&param, case.get("gradients").unwrap().get(step).unwrap());
        optimizer.step(&grads, case.number("lr")).unwrap();
        steps.push(param.as_detached_tensor().copy().unwrap());
    }
    deviation(case, "ys", &Tensor::stack(&steps, 0).unwrap())
}
