//! From trained networks to probabilities, masks and scores.

mod assemble;
mod carry;
mod chosen_rules;
mod collect;
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
mod vote;

pub use carry::{ChosenSeamRules, SeamRuleScore};
pub use chosen_rules::ChosenRules;
pub use components::ChosenComponents;
pub use ensemble::Ensemble;
pub(crate) use ensemble::parts;
pub(crate) use image_score::{ImageScore, Known};
pub use masks::Masks;
pub use mean::Mean;
pub use predictions::Probabilities;
pub use tta::Tta;
