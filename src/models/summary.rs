//! What a network consists of, layer by layer.

use crate::Result;
use crate::models::Model;
use crate::nn::{LayerWeight, Mode, to_channels_last, traced};
use candle_core::{DType, Tensor};

/// A layer with weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Its name in the state_dict.
    pub name: String,
    /// `(C, H, W)` of what comes out of it.
    pub output: [usize; 3],
    /// How many numbers its parameters are.
    pub parameters: usize,
    /// Whether training changes them.
    pub trainable: bool,
}

/// A network's layers, as the notebook and `println!` show them: a table that can be unfolded, or lines.
#[derive(Clone, PartialEq)]
pub struct Summary {
    /// What the image is like: `(C, H, W)`.
    pub input: [usize; 3],
    /// In the order in which an image meets them.
    pub layers: Vec<Layer>,
    /// How many numbers all parameters are, as PyTorch's `sum(p.numel() for p in model.parameters())`.
    pub parameters: usize,
    /// How many of them training changes.
    pub trainable: usize,
}

impl Model {
    /// The layers with their output shapes for an image of 128×128 (or the next size that fits), parameters, and whether they
    /// are trained.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let summary = Unet::new(Encoder::Plain).depth(2).base_filters(4).build(&Device::Cpu)?.summary()?;
    /// assert_eq!((summary.layers[0].name.as_str(), summary.layers[0].output), ("encoder.stages.0.conv1.0", [4, 128, 128]));
    /// assert_eq!(summary.parameters, summary.layers.iter().map(|layer| layer.parameters).sum::<usize>());
    /// println!("{summary}");
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Tensor`](crate::Error::Tensor) when memory is short.
    pub fn summary(&self) -> Result<Summary> {
        let config = self.config();
        let side = 128usize.next_multiple_of(config.size_multiple());
        let xs = Tensor::zeros((1, config.in_channels, side, side), DType::F32, self.device());
        let xs = to_channels_last(&xs.map_err(crate::Error::tensor("summary"))?)?;
        let (outputs, trace) = traced(|| self.network().forward_heads(&xs, Mode::Eval));
        outputs?;
        let mut layers: Vec<Layer> = Vec::new();
        for LayerWeight { name, id, shape, is_parameter, is_frozen } in self.weights().in_order() {
            let layer = name.rsplit_once('.').map_or(name.as_str(), |(layer, _)| layer);
            // A batch norm keeps the shape of the convolution before it.
            let before = layers.last().map_or([0; 3], |layer| layer.output);
            let elements = shape.iter().product::<usize>();
            let output = match trace.get(&(id, shape)).map(Vec::as_slice) {
                Some(&[_, height, width, channels]) => [channels, height, width],
                _ => before,
            };
            if layers.last().is_none_or(|last| last.name != layer) {
                layers.push(Layer { name: layer.into(), output, parameters: 0, trainable: !is_frozen });
            }
            if let Some(last) = layers.last_mut().filter(|_| is_parameter) {
                last.parameters += elements;
            }
        }
        let parameters = self.parameter_count();
        let trainable = layers.iter().filter(|layer| layer.trainable).map(|layer| layer.parameters).sum();
        Ok(Summary { input: [config.in_channels, side, side], layers, parameters, trainable })
    }
}

/// `(C, H, W)` as people write it.
pub(crate) fn shape([channels, height, width]: [usize; 3]) -> String {
    format!("{channels} × {height} × {width}")
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let wide = self.layers.iter().map(|layer| layer.name.len()).max().unwrap_or(0).max(9);
        writeln!(f, "{:wide$}  {:>18}  {:>11}  trainable", "layer", "output", "parameters")?;
        for Layer { name, output, parameters, trainable } in &self.layers {
            let trainable = if *trainable { "yes" } else { "no" };
            writeln!(f, "{name:wide$}  {:>18}  {parameters:>11}  {trainable}", shape(*output))?;
        }
        let (all, trainable) = (self.parameters, self.trainable);
        write!(f, "{:wide$}  {:>18}  {all:>11}  {trainable} of them", "all", shape(self.input))
    }
}

impl std::fmt::Debug for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
