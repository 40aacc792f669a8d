//! A network with its weights.

use crate::models::network::{Network, Outputs};
use crate::models::{Architecture, DecoderKind, Encoder, Precision};
use crate::nn::{Mode, Weights, check_device, to_channels_first, to_channels_last, without_gradients};
use crate::{Error, Result};
use candle_core::{DType, Device, Tensor, Var};

/// A network with its weights on a device: built by a config such as [`Unet`](crate::Unet), or read by [`Model::load`].
///
/// ```
/// use tgs_salt::prelude::*;
/// let model = Unet::new(Encoder::Plain).depth(2).base_filters(4).build(&Device::Cpu)?;
/// let xs = Tensor::zeros((1, 1, 32, 32), DType::F32, &Device::Cpu).unwrap();
/// assert_eq!(model.forward(&xs)?.dims(), [1, 1, 32, 32]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
pub struct Model {
    config: Architecture,
    weights: Weights,
    network: Network,
    device: Device,
    precision: Precision,
}

impl Model {
    pub(crate) fn new(config: Architecture, device: &Device) -> Result<Model> {
        config.check()?;
        check_device(device)?;
        let weights = Weights::new(config.seed, device);
        weights.freeze_encoder(config.frozen);
        let network = Network::new(&config, weights.builder())?;
        Ok(Model { config, weights, network, device: device.clone(), precision: Precision::F32 })
    }

    /// Logits `(N, classes, H, W)` of `xs` `(N, in_channels, H, W)`, in inference mode: batch norm uses its running
    /// statistics, nothing is dropped. `xs` is what [`Normalize`](crate::transform::Normalize) makes of amplitudes; H and W are
    /// multiples of 2^depth.
    ///
    /// # Errors
    /// [`Error::Shape`] when the channels or the size do not fit.
    pub fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        to_channels_first(&self.logits(xs)?)
    }

    /// What a training step needs of `xs` `(N, in_channels, H, W)`, for loops of your own: logits that can be differentiated
    /// (see [`nn::backward`](crate::nn::backward)), of all heads. Batch norm uses the batch and updates its running statistics.
    ///
    /// # Errors
    /// [`Error::Shape`] when the channels or the size do not fit.
    pub fn forward_train(&self, xs: &Tensor) -> Result<Outputs> {
        let Outputs { logits, side, presence } = self.outputs(xs)?;
        let side = side.iter().map(to_channels_first).collect::<Result<_>>()?;
        let presence = presence.map(|presence| presence.flatten_from(1)).transpose();
        let presence = presence.map_err(Error::tensor("presence"))?;
        Ok(Outputs { logits: to_channels_first(&logits)?, side, presence })
    }

    /// Logits `(N, classes)` of there being anything of a class in each of `xs` `(N, in_channels, H, W)`.
    ///
    /// # Errors
    /// [`Error::Config`] for a model without a presence head; [`Error::Shape`] when the channels or the size do not fit.
    pub fn presence(&self, xs: &Tensor) -> Result<Tensor> {
        self.check_input(xs)?;
        let xs = to_channels_last(xs)?;
        let Some(presence) = without_gradients(|| self.network.predict_presence(&xs))? else {
            let (got, expected) = ("false".into(), "true, to ask a model for presence".into());
            return Err(Error::Config { field: "presence_head", got, expected });
        };
        presence.flatten_from(1).map_err(Error::tensor("presence"))
    }

    /// As [`Model::forward_train`], with channels last.
    pub(crate) fn outputs(&self, xs: &Tensor) -> Result<Outputs> {
        self.check_input(xs)?;
        self.network.forward(&to_channels_last(xs)?, Mode::Train)
    }

    /// As [`Model::forward`], with channels last.
    pub(crate) fn logits(&self, xs: &Tensor) -> Result<Tensor> {
        Ok(self.infer(xs, |xs| self.network.forward(xs, Mode::Eval))?.logits)
    }

    /// As [`Model::logits`], with logits `(N, 1, 1, classes)` of presence, where there is a head for it.
    pub(crate) fn logits_and_presence(&self, xs: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
        let outputs = self.infer(xs, |xs| self.network.forward_presence(xs))?;
        Ok((outputs.logits, outputs.presence))
    }

    /// What the network gives for `xs` (N, in_channels, H, W) at this precision, in f32.
    fn infer(&self, xs: &Tensor, forward: impl FnOnce(&Tensor) -> Result<Outputs>) -> Result<Outputs> {
        self.check_input(xs)?;
        without_gradients(|| {
            let convert =
                |xs: &Tensor, dtype| xs.to_dtype(dtype).map_err(Error::tensor("change of precision"));
            let xs = to_channels_last(xs)?;
            match self.precision {
                Precision::F32 => forward(&xs),
                Precision::Bf16 => {
                    let Outputs { logits, presence, .. } = forward(&convert(&xs, DType::BF16)?)?;
                    let presence = presence.map(|presence| convert(&presence, DType::F32)).transpose()?;
                    Ok(Outputs { logits: convert(&logits, DType::F32)?, side: vec![], presence })
                }
            }
        })
    }

    /// What [`Model::forward`], [`Model::predict`] and [`Model::evaluate`] compute in from now on; training stays in f32.
    pub fn set_precision(&mut self, precision: Precision) {
        self.precision = precision;
    }

    /// From now on training leaves the encoder's first `convolutions` alone, counted from the image on, with what follows each of
    /// them; a frozen batch norm keeps its statistics. `usize::MAX` freezes the whole encoder.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let mut model = Unet::new(Encoder::Plain).depth(2).base_filters(4).build(&Device::Cpu)?;
    /// let all = model.trainable().len();
    /// model.freeze(2)?;
    /// assert_eq!(model.trainable().len(), all - 2 * 3); // a weight, and a batch norm's weight and bias
    /// model.unfreeze()?;
    /// assert_eq!(model.trainable().len(), all);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Tensor`] when memory is short.
    pub fn freeze(&mut self, convolutions: usize) -> Result<()> {
        self.weights.freeze_encoder(convolutions);
        // The layers over the weights that are there, anew.
        self.network = Network::new(&self.config, self.weights.builder())?;
        self.config.frozen = convolutions;
        Ok(())
    }

    /// From now on training changes all parameters.
    ///
    /// # Errors
    /// Those of [`Model::freeze`].
    pub fn unfreeze(&mut self) -> Result<()> {
        self.freeze(0)
    }

    /// What the network is made of.
    pub fn config(&self) -> &Architecture {
        &self.config
    }

    /// Where the weights are.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// How many numbers the parameters are, frozen ones too, as PyTorch counts `parameters()`.
    pub fn parameter_count(&self) -> usize {
        self.weights.parameter_count()
    }

    /// The parameters that training changes, sorted by name.
    pub fn trainable(&self) -> Vec<(String, Var)> {
        self.weights.trainable()
    }

    /// All weights and running statistics, sorted by name.
    pub fn vars(&self) -> Vec<(String, Var)> {
        self.weights.vars()
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    pub(crate) fn weights(&self) -> &Weights {
        &self.weights
    }

    fn check_input(&self, xs: &Tensor) -> Result<()> {
        let (channels, multiple) = (self.config.in_channels, self.config.size_multiple());
        let least = self.config.least_size();
        match *xs.dims() {
            [n, c, h, w]
                if n > 0 && c == channels && h.min(w) >= least && h % multiple == 0 && w % multiple == 0 =>
            {
                Ok(())
            }
            ref dims => Err(Error::Shape {
                what: "model input".into(),
                expected: format!(
                    "(N, {channels}, H, W) with H and W multiples of {multiple}, {least} or more"
                ),
                got: format!("{dims:?}"),
                hint: "`predict` and `train` pad by themselves; `input_size` makes images larger; for `forward` pad with transform::Padding"
                    .into(),
            }),
        }
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Architecture { encoder, in_channels, classes, depth, base_filters, .. } = &self.config;
        let kind = match self.config.decoder {
            DecoderKind::Unet => "Unet",
            DecoderKind::UnetPlusPlus => "UnetPlusPlus",
        };
        let filters = match encoder {
            Encoder::Plain => format!(", {base_filters} base filters"),
            _ => String::new(),
        };
        write!(
            f,
            "{kind}({encoder}, depth {depth}{filters}, {in_channels} → {classes} channels, {} parameters, on {:?})",
            self.parameter_count(),
            self.device.location()
        )
    }
}
