//! Rules for masks of several classes.

use crate::Result;
use crate::inference::Probabilities;
use crate::metrics::{ChosenRule, MaskRule, RuleSearch, Score, check_same_classes};
use crate::types::{Dataset, Mask};

/// A rule for each class, and what its masks score. A cell shows a table of them.
#[derive(Clone, PartialEq)]
pub struct ChosenRules {
    /// What the classes are called, as in the dataset.
    pub class_names: Vec<String>,
    /// What was chosen for each class.
    pub chosen: Vec<ChosenRule>,
}

impl ChosenRules {
    /// The rules alone, one for each class: for `Model::predict_masks` and [`Probabilities::apply_each`].
    pub fn rules(&self) -> Vec<MaskRule> {
        self.chosen.iter().map(|chosen| chosen.rule).collect()
    }

    /// The mean over the classes, at the threshold of the first.
    pub(crate) fn score(&self) -> Score {
        let threshold = self.chosen.first().map_or(0.5, |chosen| chosen.rule.threshold);
        Score {
            mean_precision: self.mean(|score| score.mean_precision),
            iou: self.mean(|score| score.iou),
            dice: self.mean(|score| score.dice),
            threshold,
        }
    }

    /// The mean over the classes of a part of the score.
    pub(crate) fn mean(&self, part: impl Fn(&Score) -> f64) -> f64 {
        self.chosen.iter().map(|chosen| part(&chosen.score)).sum::<f64>() / self.chosen.len() as f64
    }
}

impl Probabilities {
    /// As [`Probabilities::choose_rule`], a rule for each class.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, valid) = Competition::sample()?.train.split(0.05, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let chosen = model.predict(&valid)?.choose_rules(&valid, &RuleSearch::default().min_size(true))?;
    /// let masks = model.predict_masks(&valid, &Tta::none(), &chosen.rules())?;
    /// assert_eq!(masks.mean_precision(&valid)?, chosen.chosen[0].score.mean_precision);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Probabilities::choose_rule`].
    pub fn choose_rules(&self, dataset: &Dataset, search: &RuleSearch) -> Result<ChosenRules> {
        let truths = self.truths(dataset)?;
        truths.iter().try_for_each(|truth| check_same_classes(truth.classes(), self.class_names().len()))?;
        let one = |class: usize| {
            let truths: Vec<Mask> = truths.iter().map(|mask| mask.class(class)).collect::<Result<_>>()?;
            let probabilities = self.class(class)?;
            search.choose(&truths, probabilities.maps(), &probabilities.presence())
        };
        let class_names = self.class_names().to_vec();
        Ok(ChosenRules { chosen: (0..class_names.len()).map(one).collect::<Result<_>>()?, class_names })
    }
}

impl std::fmt::Debug for ChosenRules {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        for (name, ChosenRule { rule, score }) in self.class_names.iter().zip(&self.chosen) {
            write!(f, "{name}: above {:.2}", rule.threshold)?;
            if rule.min_size > 0 {
                write!(f, ", masks of {} pixels or more", rule.min_size)?;
            }
            if rule.gate > 0.0 {
                write!(f, ", presence {:.2} or more", rule.gate)?;
            }
            let Score { mean_precision, iou, dice, .. } = score;
            writeln!(f, "; mean_precision {mean_precision:.4}, iou {iou:.4}, dice {dice:.4}")?;
        }
        let mean_precision = self.mean(|score| score.mean_precision);
        let (iou, dice) = (self.mean(|score| score.iou), self.mean(|score| score.dice));
        write!(f, "mean: mean_precision {mean_precision:.4}, iou {iou:.4}, dice {dice:.4}")
    }
}
