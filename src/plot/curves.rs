//! Curves: the losses and the score over the epochs, the score over the threshold.

use crate::Result;
use crate::metrics::ThresholdSearch;
use crate::plot::axes::{Line, Mark, Panel};
use crate::plot::figure::Figure;
use crate::plot::style::{BLUE, MARGIN, VERMILLION, WIDTH};
use crate::training::{Epoch, History};

const HEIGHT: i32 = 760;
const BETWEEN: i32 = 50;

impl History {
    /// The losses and the validation score over the epochs, the epoch with the best score marked.
    ///
    /// # Errors
    /// [`Error::Figure`](crate::Error::Figure) when it cannot be drawn.
    pub fn plot(&self) -> Result<Figure> {
        let line = |label: &str, color, value: fn(&Epoch) -> f64| Line {
            label: label.into(),
            color,
            points: self.epochs.iter().map(|epoch| (epoch.epoch as f64, value(epoch))).collect(),
        };
        let panel = |title: &str, lines, mark| Panel {
            title: title.into(),
            x_title: "epoch".into(),
            whole: true,
            lines,
            mark,
        };
        let losses = vec![line("train", BLUE, |e| e.train_loss), line("valid", VERMILLION, |e| e.valid_loss)];
        let scores = vec![line("valid", VERMILLION, |e| e.mean_precision)];
        let mark = self.best().filter(|best| best.mean_precision.is_finite()).map(|best| Mark {
            label: format!("best: {:.3} in epoch {}", best.mean_precision, best.epoch),
            color: VERMILLION,
            at: (best.epoch as f64, best.mean_precision),
        });
        let panels = [panel("Loss", losses, None), panel("Mean precision on validation", scores, mark)];
        side_by_side("training curves", &panels)
    }
}

impl ThresholdSearch {
    /// The score over the threshold, with the best threshold marked.
    ///
    /// # Errors
    /// [`Error::Figure`](crate::Error::Figure) when it cannot be drawn.
    pub fn plot(&self) -> Result<Figure> {
        let panel = Panel {
            title: "Mean precision by threshold".into(),
            x_title: "threshold: salt is where the probability is above it".into(),
            whole: false,
            lines: vec![Line { label: "valid".into(), color: BLUE, points: self.curve.clone() }],
            mark: Some(Mark {
                label: format!("best: {:.3} at {:.2}", self.mean_precision, self.best),
                color: VERMILLION,
                at: (self.best, self.mean_precision),
            }),
        };
        side_by_side("threshold curve", &[panel])
    }
}

fn side_by_side(what: &str, panels: &[Panel]) -> Result<Figure> {
    let count = panels.len().max(1) as i32;
    let width = (WIDTH as i32 - 2 * MARGIN - (count - 1) * BETWEEN) / count;
    Figure::draw(what, (WIDTH, HEIGHT as u32), |canvas| {
        (0..).zip(panels).try_for_each(|(i, panel)| {
            let corner = (MARGIN + i * (width + BETWEEN), MARGIN);
            panel.paint(canvas, corner, (width, HEIGHT - 2 * MARGIN))
        })
    })
}
