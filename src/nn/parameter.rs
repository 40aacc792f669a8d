//! What an optimizer moves.

use candle_core::Var;

/// A weight with its own rate and weight decay: what PyTorch calls a group of parameters is those with the same numbers.
///
/// | Name | Usual | Meaning | Range |
/// |---|---|---|---|
/// | `name` | the checkpoint's | names what is remembered of it | unique |
/// | `value` | | the weight, f32, on the CPU or a CUDA GPU | |
/// | `learning_rate` | 1.0 | factor of the step's rate; lower for a pretrained encoder | ≥ 0 |
/// | `weight_decay` | 0.0 | L2 penalty, in AdamW the share that is lost per unit of the rate | ≥ 0 |
///
/// ```
/// use candle_core::Device;
/// use tgs_salt::nn::{Optimizer, Parameter, Stepper, Weights, takes_weight_decay};
///
/// let weights = Weights::new(42, &Device::Cpu);
/// weights.builder().get((2, 3), "encoder.weight").unwrap();
/// weights.builder().get(2, "encoder.bias").unwrap();
/// let group = |(name, value): (String, candle_core::Var)| Parameter {
///     learning_rate: if name.starts_with("encoder.") { 0.1 } else { 1.0 },
///     weight_decay: if takes_weight_decay(&name, &value) { 1e-2 } else { 0.0 },
///     name,
///     value,
/// };
/// let parameters: Vec<Parameter> = weights.trainable().into_iter().map(group).collect();
/// assert_eq!(parameters.iter().map(|p| p.weight_decay).collect::<Vec<_>>(), [0.0, 1e-2]);
/// let adamw = Stepper::new(Optimizer::adamw(), parameters);
/// ```
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Names what is remembered of it.
    pub name: String,
    /// The weight.
    pub value: Var,
    /// Factor of the step's rate.
    pub learning_rate: f64,
    /// L2 penalty, in AdamW the share that is lost per unit of the rate.
    pub weight_decay: f64,
}

impl From<(String, Var)> for Parameter {
    /// With the step's rate and without weight decay.
    fn from((name, value): (String, Var)) -> Parameter {
        Parameter { name, value, learning_rate: 1.0, weight_decay: 0.0 }
    }
}

/// Whether weight decay is usual for a parameter: not for biases and the weights of norms, which have one axis (as in timm).
pub fn takes_weight_decay(name: &str, value: &Var) -> bool {
    value.rank() > 1 && !name.ends_with(".bias")
}
