//! How good a mask is: overlap with the truth, the competition's score, and the threshold that serves it best.
//!
//! With `I` pixels in both masks and `U` in either, `IoU = I / U`. The competition asks at ten thresholds
//! `t = 0.50, 0.55 … 0.95` whether `IoU > t` and takes the mean; a score is the mean over the images.

mod overlap;
mod score;
mod threshold;

pub use self::overlap::{dice, iou, mean_precision};
pub use self::score::Score;
pub use self::threshold::{ThresholdSearch, threshold_curve};
