//! How a forward pass runs.

/// Whether a forward pass is for training or for prediction.
///
/// ```
/// use tgs_salt::nn::Mode;
/// assert_ne!(Mode::Train, Mode::Eval);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch normalization uses the statistics of the batch and updates the running ones; dropout drops.
    Train,
    /// Batch normalization uses the running statistics; nothing is changed and nothing is random.
    Eval,
}
