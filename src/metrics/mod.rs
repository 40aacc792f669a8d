//! How good a mask is: overlap with the truth, the competition's score, the threshold and the rule that serve it best; how good
//! the probabilities are that it is cut from.
//!
//! With `I` pixels in both masks and `U` in either, `IoU = I / U`. The competition asks at ten thresholds
//! `t = 0.50, 0.55 … 0.95` whether `IoU > t` and takes the mean; a score is the mean over the images.

mod bootstrap;
mod calibration;
mod cross_entropy;
mod mask_rule;
mod overlap;
mod rule_search;
mod score;
mod threshold;

pub(crate) use self::bootstrap::mean_interval;
pub use self::calibration::{Calibration, CalibrationBin};
pub use self::cross_entropy::binary_cross_entropy;
pub use self::mask_rule::MaskRule;
pub(crate) use self::overlap::{Overlap, check_same_classes};
pub use self::overlap::{dice, iou, mean_precision};
pub(crate) use self::rule_search::STEPS_PER_IMAGE;
pub use self::rule_search::{ChosenRule, RuleSearch};
pub use self::score::Score;
pub(crate) use self::threshold::none_or_middle;
pub use self::threshold::{ThresholdSearch, threshold_curve};
