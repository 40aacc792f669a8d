//! The card of chosen rules.

use crate::inference::ChosenRules;
use crate::metrics::{ChosenRule, Score};
use crate::plot::html::Card;
use crate::plot::text::count;

impl ChosenRules {
    /// Shows a card in a cell of the notebook: a row for each class, and the means of the scores.
    pub fn evcxr_display(&self) {
        self.card().display(self);
    }

    pub(crate) fn card(&self) -> Card {
        let columns = ["threshold", "least pixels", "least presence", "mean precision", "IoU", "Dice"];
        let row = |card: Card, (name, ChosenRule { rule, score }): (&String, &ChosenRule)| {
            let min_size = if rule.min_size > 0 { count(rule.min_size) } else { none() };
            let gate = if rule.gate > 0.0 { format!("{:.2}", rule.gate) } else { none() };
            let scores = PARTS.map(|part| format!("{:.4}", part(score)));
            card.row(
                name,
                &[vec![format!("{:.2}", rule.threshold), min_size, gate], scores.to_vec()].concat(),
            )
        };
        let rows = self.class_names.iter().zip(&self.chosen);
        let means = PARTS.map(|part| format!("{:.4}", self.mean(part)));
        let blank = vec![String::new(); columns.len() - PARTS.len()];
        rows.fold(Card::new("Rules").columns(&columns), row).row("mean", &[blank, means.to_vec()].concat())
    }
}

const PARTS: [fn(&Score) -> f64; 3] = [|score| score.mean_precision, |score| score.iou, |score| score.dice];

/// What does nothing.
fn none() -> String {
    "–".into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::MaskRule;

    #[test]
    fn a_row_for_each_class_and_their_mean() {
        let chosen = |rule: MaskRule, mean_precision: f64, dice: f64| ChosenRule {
            rule,
            score: Score { mean_precision, iou: 0.5, dice, threshold: rule.threshold },
        };
        let rules = ChosenRules {
            class_names: vec!["Fish".into(), "<Sugar>".into()],
            chosen: vec![
                chosen(MaskRule::default().threshold(0.47).min_size(12_000), 0.25, 0.6),
                chosen(MaskRule::default().gate(0.3), 0.75, 0.7),
            ],
        };
        let html = rules.card().html();
        for shown in ["Fish", ">0.47<", ">12,000<", ">–<", "&lt;Sugar&gt;", ">0.30<", ">0.5000<", ">0.6500<"]
        {
            assert!(html.contains(shown), "{shown} in {html}");
        }
        assert_eq!(html.matches("<tr ").count(), 4);
        let lines = "Fish: above 0.47, masks of 12000 pixels or more; mean_precision 0.2500, iou 0.5000, dice 0.6000\n\
                     <Sugar>: above 0.50, presence 0.30 or more; mean_precision 0.7500, iou 0.5000, dice 0.7000\n\
                     mean: mean_precision 0.5000, iou 0.5000, dice 0.6500";
        assert_eq!(format!("{rules:?}"), lines);
        let each = [MaskRule { threshold: 0.47, min_size: 12_000, gate: 0.0 }, MaskRule::default().gate(0.3)];
        assert_eq!(rules.rules(), each);
    }
}
