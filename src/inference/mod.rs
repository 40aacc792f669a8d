//! From trained networks to probabilities, masks and scores.

mod assemble;
mod carry;
mod component_search;
mod components;
mod ensemble;
mod evaluate;
mod image_score;
mod joined;
mod labels;
mod masks;
mod mean;
mod predictions;
mod predictor;
mod refine;
mod seam_choice;
mod tta;

pub use carry::{ChosenSeamRules, SeamRuleScore};
pub use components::ChosenComponents;
pub use ensemble::Ensemble;
pub(crate) use image_score::{ImageScore, Known};
pub use masks::Masks;
pub use mean::Mean;
pub use predictions::Probabilities;
pub use tta::Tta;
