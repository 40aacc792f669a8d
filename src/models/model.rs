//! A network with its weights.

use crate::models::network::Network;
use crate::models::{Precision, Unet, checkpoint};
use crate::nn::{Mode, Weights, check_device, to_channels_first, to_channels_last, without_gradients};
use crate::{Error, Result};
use candle_core::{DType, Device, Tensor};
use std::path::Path;

/// A network with its weights on a device: built by a config such as [`Unet`], or read by [`Model::load`].
///
/// ```
/// use tgs_salt::prelude::*;
/// let model = Unet::new(Encoder::Plain).depth(2).base_filters(4).build(&Device::Cpu)?;
/// let xs = Tensor::zeros((1, 1, 32, 32), DType::F32, &Device::Cpu).unwrap();
/// assert_eq!(model.forward(&xs)?.dims(), [1, 1, 32, 32]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
pub struct Model {
    config: Unet,
    weights: Weights,
    network: Network,
    device: Device,
    precision: Precision,
}

/// What [`Model::load_weights`] did.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightsReport {
    /// The names that were read, sorted.
    pub loaded: Vec<String>,
}

impl Model {
    pub(crate) fn new(config: Unet, device: &Device) -> Result<Model> {
        config.check()?;
        check_device(device)?;
        let weights = Weights::new(config.seed, device);
        let network = Network::new(&config, weights.builder())?;
        Ok(Model { config, weights, network, device: device.clone(), precision: Precision::F32 })
    }

    /// Logits `(N, classes, H, W)` of `xs` `(N, in_channels, H, W)`, in inference mode: batch norm uses its running
    /// statistics. `xs` is what [`Normalize`](crate::transform::Normalize) makes of amplitudes; H and W are multiples
    /// of 2^depth.
    ///
    /// # Errors
    /// [`Error::Shape`] when the channels or the size do not fit.
    pub fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        to_channels_first(&self.logits(xs, Mode::Eval)?)
    }

    /// Logits `(N, H, W, classes)` of `xs` `(N, in_channels, H, W)`. In training mode they can be differentiated, and
    /// batch norm uses the batch and updates its statistics.
    pub(crate) fn logits(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        self.check_input(xs)?;
        match mode {
            Mode::Train => self.network.forward(&to_channels_last(xs)?, mode),
            Mode::Eval => without_gradients(|| self.predict_logits(xs)),
        }
    }

    fn predict_logits(&self, xs: &Tensor) -> Result<Tensor> {
        let convert = |xs: &Tensor, dtype| xs.to_dtype(dtype).map_err(Error::tensor("change of precision"));
        let xs = to_channels_last(xs)?;
        match self.precision {
            Precision::F32 => self.network.forward(&xs, Mode::Eval),
            Precision::Bf16 => {
                convert(&self.network.forward(&convert(&xs, DType::BF16)?, Mode::Eval)?, DType::F32)
            }
        }
    }

    /// What [`Model::forward`], [`Model::predict`] and [`Model::evaluate`] compute in from now on; training stays in f32.
    pub fn set_precision(&mut self, precision: Precision) {
        self.precision = precision;
    }

    /// What the network is made of.
    pub fn config(&self) -> &Unet {
        &self.config
    }

    /// Where the weights are.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// How many trainable numbers the network has, as PyTorch counts `parameters()`.
    pub fn parameter_count(&self) -> usize {
        self.weights.parameter_count()
    }

    pub(crate) fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Writes weights and config to a safetensors file, atomically.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written; an older file at `path` is then as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        checkpoint::save(path.as_ref(), &self.weights.to_tensors()?, self.config_json()?)
    }

    /// The model that [`Model::save`] wrote: same logits, bit for bit.
    ///
    /// # Errors
    /// [`Error::Missing`] without the file; [`Error::Weights`] when it is damaged or was not written by this crate.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Model> {
        let path = path.as_ref();
        let (tensors, about) = checkpoint::load(path, device)?;
        let about = about.ok_or_else(|| {
            let why = "it holds weights but no config; build the model yourself and call `load_weights`";
            checkpoint::misfit(path, why.into())
        })?;
        let config: Unet = serde_json::from_str(&about)
            .map_err(|source| checkpoint::misfit(path, format!("its config cannot be read ({source})")))?;
        let model = Model::new(config, device)?;
        model.weights.set_tensors(&tensors).map_err(in_file(path))?;
        Ok(model)
    }

    /// Reads the weights of a safetensors file into this model.
    ///
    /// # Errors
    /// [`Error::Weights`] names what is missing, unexpected or of another shape; the model is then as it was.
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<WeightsReport> {
        let path = path.as_ref();
        let (tensors, _) = checkpoint::load(path, &self.device)?;
        self.weights.set_tensors(&tensors).map_err(in_file(path))?;
        Ok(WeightsReport { loaded: tensors.into_keys().collect() })
    }

    pub(crate) fn config_json(&self) -> Result<String> {
        serde_json::to_string(&self.config).map_err(|source| Error::Config {
            field: "config",
            got: source.to_string(),
            expected: "values that JSON can hold".into(),
        })
    }

    fn check_input(&self, xs: &Tensor) -> Result<()> {
        let (channels, multiple) = (self.config.in_channels, self.config.size_multiple());
        match xs.dims() {
            [n, c, h, w]
                if *n > 0 && *c == channels && h * w > 0 && h % multiple == 0 && w % multiple == 0 =>
            {
                Ok(())
            }
            dims => Err(Error::Shape {
                what: "model input".into(),
                expected: format!("(N, {channels}, H, W) with H and W multiples of {multiple}"),
                got: format!("{dims:?}"),
                hint: "`predict` and `train` pad by themselves; for `forward` pad with transform::Padding"
                    .into(),
            }),
        }
    }
}

/// Says of weights that do not fit in which file they are.
fn in_file(path: &Path) -> impl FnOnce(Error) -> Error {
    move |error| match error {
        Error::Weights { why, missing, unexpected, .. } => {
            Error::Weights { path: path.into(), why, missing, unexpected }
        }
        Error::Shape { what, expected, got, .. } => {
            checkpoint::misfit(path, format!("{what} is {got}, in this model it is {expected}"))
        }
        other => other,
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Unet { encoder, in_channels, classes, depth, base_filters, .. } = &self.config;
        write!(
            f,
            "Unet({encoder}, depth {depth}, {base_filters} base filters, {in_channels} → {classes} channels, \
             {} parameters, on {:?})",
            self.parameter_count(),
            self.device.location()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Encoder;
    use crate::types::Image;

    fn small(seed: u64) -> Model {
        Unet::new(Encoder::Plain).depth(2).base_filters(4).seed(seed).build(&Device::Cpu).unwrap()
    }

    fn logits(model: &Model) -> Vec<f32> {
        let image = Image::new(16, 24, (0..16 * 24).map(|i| (i % 13) as f32 / 13.0).collect()).unwrap();
        let xs = Tensor::from_vec(image.pixels, (1, 1, 16, 24), &Device::Cpu).unwrap();
        model.forward(&xs).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn the_seed_decides_the_weights() {
        assert_eq!(logits(&small(1)), logits(&small(1)));
        assert_ne!(logits(&small(1)), logits(&small(2)));
    }

    #[test]
    fn every_trainable_parameter_gets_a_gradient() {
        let model = small(3);
        let xs: Vec<f32> = (0..2 * 16 * 16).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect();
        let xs = Tensor::from_vec(xs, (2, 1, 16, 16), &Device::Cpu).unwrap();
        let target =
            to_channels_last(&xs).unwrap().ge(0.3).unwrap().to_dtype(candle_core::DType::F32).unwrap();
        let loss = crate::losses::bce(&model.logits(&xs, Mode::Train).unwrap(), &target).unwrap();
        let gradients = loss.backward().unwrap();
        for (name, var) in model.weights.trainable() {
            let gradient = gradients.get(&var).unwrap_or_else(|| panic!("{name} has no gradient"));
            let size = gradient.abs().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(size > 0.0, "{name} has a zero gradient");
        }
    }

    /// With momentum 1 the running statistics are those of the last batch, so that both modes agree on it (but for the
    /// unbiased variance).
    #[test]
    fn inference_sees_the_statistics_of_training() {
        let config = Unet::new(Encoder::Plain).depth(2).base_filters(4).batch_norm_momentum(1.0);
        let model = config.build(&Device::Cpu).unwrap();
        let xs: Vec<f32> = (0..2 * 32 * 32).map(|i| ((i * 37 % 101) as f32) / 5.0 + 3.0).collect();
        let xs = Tensor::from_vec(xs, (2, 1, 32, 32), &Device::Cpu).unwrap();
        let values = |logits: Tensor| logits.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let (train, eval) =
            (values(model.logits(&xs, Mode::Train).unwrap()), values(model.forward(&xs).unwrap()));
        let apart = train.iter().zip(&eval).map(|(t, e)| (t - e).abs()).fold(0.0, f32::max);
        let size = train.iter().map(|t| t.abs()).fold(0.0, f32::max);
        assert!(apart < 0.02 * size, "{apart} apart, logits up to {size}");
    }

    #[test]
    fn saved_and_loaded_gives_the_same_bits() {
        let path = tempfile::tempdir().unwrap().keep().join("model.safetensors");
        let model = small(5);
        model.save(&path).unwrap();
        assert_eq!(logits(&Model::load(&path, &Device::Cpu).unwrap()), logits(&model));
        let mut other = small(6);
        assert_eq!(other.load_weights(&path).unwrap().loaded.len(), other.weights.vars().len());
        assert_eq!(logits(&other), logits(&model));
    }

    #[test]
    fn bf16_is_close_to_f32() {
        for encoder in Encoder::ALL {
            let mut model = Unet::new(encoder).in_channels(3).build(&Device::Cpu).unwrap();
            let xs: Vec<f32> = (0..2 * 3 * 64 * 96).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect();
            let xs = Tensor::from_vec(xs, (2, 3, 64, 96), &Device::Cpu).unwrap();
            let values =
                |model: &Model| model.forward(&xs).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let single = values(&model);
            model.set_precision(Precision::Bf16);
            let half = values(&model);
            let norm = |xs: &mut dyn Iterator<Item = f32>| xs.map(|x| x * x).sum::<f32>().sqrt();
            let apart =
                norm(&mut single.iter().zip(&half).map(|(s, h)| s - h)) / norm(&mut single.iter().copied());
            assert!(apart > 1e-5 && apart < 0.02, "{encoder}: {apart}");
        }
    }

    #[test]
    fn weights_of_another_model_change_nothing() {
        let path = tempfile::tempdir().unwrap().keep().join("model.safetensors");
        Unet::new(Encoder::Plain).depth(2).base_filters(8).build(&Device::Cpu).unwrap().save(&path).unwrap();
        let mut model = small(7);
        let before = logits(&model);
        let message = model.load_weights(&path).unwrap_err().to_string();
        assert!(message.contains("model.safetensors"), "{message}");
        assert_eq!(logits(&model), before);
    }

    #[test]
    fn a_size_that_does_not_halve_is_a_shape_error() {
        let xs = Tensor::zeros((1, 1, 101, 101), candle_core::DType::F32, &Device::Cpu).unwrap();
        let message = small(1).forward(&xs).unwrap_err().to_string();
        assert!(message.contains("multiples of 4") && message.contains("101"), "{message}");
    }
}
