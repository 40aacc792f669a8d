//! The numbers of one step of an optimizer, in double precision: the kernels of the CPU and of a GPU take theirs from here.

/// How a parameter follows its gradient, by the kernels' numbers for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Adam = 0,
    AdamW = 1,
    Sgd = 2,
    Nesterov = 3,
    RmsProp = 4,
    Nadam = 5,
}

/// What all parameters have in common in a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepNumbers {
    pub rule: Rule,
    /// Whether each gradient is divided by its norm.
    pub normalized: bool,
    /// The largest norm of all gradients together.
    pub max_norm: Option<f64>,
    /// What gradients are multiplied by before anything else.
    pub share: f64,
    pub rate: f64,
    /// Memory of the mean of gradients; of others than Adam's kind, the momentum.
    pub beta1: f64,
    /// Memory of the mean of squares.
    pub beta2: f64,
    pub eps: f64,
    /// How far the mean of gradients moves a parameter: the rate without the bias of a young mean.
    pub size: f64,
    /// How far Nadam's gradient itself does.
    pub ahead: f64,
    /// The root of what a young mean of squares is too small by.
    pub root: f64,
}

impl StepNumbers {
    /// Plain gradient descent.
    pub(super) fn new(rate: f64) -> StepNumbers {
        StepNumbers {
            rule: Rule::Sgd,
            normalized: false,
            max_norm: None,
            share: 1.0,
            rate,
            beta1: 0.0,
            beta2: 0.0,
            eps: 0.0,
            size: rate,
            ahead: 0.0,
            root: 1.0,
        }
    }

    /// With Adam's corrections for young means.
    pub(super) fn adam(self, rule: Rule, [beta1, beta2, eps]: [f64; 3], step: usize) -> StepNumbers {
        let size = self.rate / (1.0 - libm::pow(beta1, step as f64));
        let root = (1.0 - libm::pow(beta2, step as f64)).sqrt();
        StepNumbers { rule, beta1, beta2, eps, size, root, ..self }
    }

    /// Whether a step depends on the size of gradients.
    pub(crate) fn needs_norms(&self) -> bool {
        self.normalized || self.max_norm.is_some()
    }

    /// What each gradient is multiplied by, from the sums of their squares: as `torch.nn.utils.clip_grad_norm_`, then normalized.
    pub(super) fn scales(&self, squares: &[f64]) -> Vec<f64> {
        let norm = self.share * squares.iter().sum::<f64>().sqrt();
        // What is no number stays so.
        let clip = self.max_norm.map_or(1.0, |max| max / (norm + 1e-6));
        let share = if clip > 1.0 { self.share } else { self.share * clip };
        let divisor = |square: &f64| if self.normalized { share * square.sqrt() + self.eps } else { 1.0 };
        squares.iter().map(|square| share / divisor(square)).collect()
    }
}
