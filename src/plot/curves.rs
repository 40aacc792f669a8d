//! Curves: the losses and the score over the epochs, the score over the threshold.

use crate::metrics::ThresholdSearch;
use crate::plot::chart::{Axis, Layer, Mark, Panel, Ticks, side_by_side};
use crate::plot::figure::Figure;
use crate::plot::style::{BLUE, BLUISH_GREEN, COLORS, VERMILLION};
use crate::training::{Epoch, History, LrFind, Metric};
use crate::{Error, Result};

impl History {
    /// The losses and the validation score over the epochs; averaged weights have a dot of their own; what is best is marked.
    ///
    /// # Errors
    /// [`Error::Figure`](crate::Error::Figure) when it cannot be drawn.
    pub fn plot(&self) -> Result<Figure> {
        let line = |label: &str, color, metric| Layer::line(label, color, points(&self.epochs, metric));
        let mut losses =
            vec![line("train", BLUE, Metric::TrainLoss), line("valid", VERMILLION, Metric::ValidLoss)];
        let score = self.monitor.score();
        let mut scores = vec![line("valid", VERMILLION, score)];
        if let Some(averaged) = self.averaged {
            let dot = |metric| {
                let label = format!("averaged weights: {:.3}", Metric::of(metric, &averaged));
                Layer::line(label, BLUISH_GREEN, points(&[averaged], metric))
            };
            // Where it is the best, its mark says so.
            let marked = |metric| metric == self.monitor && self.keeps(&averaged);
            losses.extend((!marked(Metric::ValidLoss)).then(|| dot(Metric::ValidLoss)));
            scores.extend((!marked(score)).then(|| dot(score)));
        }
        let mark = self.best().map(|best| self.mark(best)).filter(|mark| mark.at.1.is_finite());
        let (in_losses, in_scores) = if self.monitor.is_loss() { (mark, None) } else { (None, mark) };
        let panels = vec![panel("Loss", losses, in_losses), panel(&title(score), scores, in_scores)];
        side_by_side("training curves", panels)
    }

    /// What the model has after training: the best epoch, or the averaged weights.
    fn mark(&self, best: Epoch) -> Mark {
        let (monitor, epoch) = (self.monitor, best.epoch);
        let (best, what, color) = match self.averaged.filter(|averaged| self.keeps(averaged)) {
            Some(averaged) => (averaged, "of averaged weights".into(), BLUISH_GREEN),
            None if monitor == Metric::TrainLoss => (best, format!("in epoch {epoch}"), BLUE),
            None => (best, format!("in epoch {epoch}"), VERMILLION),
        };
        let at = (best.epoch as f64, monitor.of(&best));
        Mark { label: format!("best: {:.3} {what}", at.1), color, at }
    }

    /// Several runs over the epochs: their validation losses, and the score that the first one monitors. At most 7 can be told
    /// apart; they are named by their run folders.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// # let epoch = Epoch { epoch: 1, train_loss: 0.5, valid_loss: 0.4, mean_precision: 0.7, iou: 0.7, dice: 0.8,
    /// #     learning_rate: 1e-3, images_per_second: 50.0, waited: 0.0, seconds: 60.0 };
    /// # let run = |name: &str| History { epochs: vec![epoch], run_folder: name.into(), ended: "".into(),
    /// #     monitor: Metric::MeanPrecision, averaged: None, snapshots: vec![] };
    /// # let (bce, lovasz) = (run("runs/bce"), run("runs/lovasz"));
    /// let figure = History::compare(&[&bce, &lovasz])?;
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Figure`](crate::Error::Figure) for none or more than 7, and when it cannot be drawn.
    pub fn compare(runs: &[&History]) -> Result<Figure> {
        let first = runs.first().filter(|_| runs.len() <= COLORS.len());
        let Some(first) = first else {
            let why = format!("{} runs; expected 1 to {}", runs.len(), COLORS.len());
            return Err(Error::Figure { what: "comparison of runs".into(), why });
        };
        let score = first.monitor.score();
        let lines = |metric: Metric| {
            let line = |(run, &color): (&&History, _)| {
                let name = run.run_folder.file_name().unwrap_or(run.run_folder.as_os_str());
                Layer::line(name.to_string_lossy(), color, points(&run.epochs, metric))
            };
            runs.iter().zip(&COLORS).map(line).collect()
        };
        let loss = panel("Loss on validation", lines(Metric::ValidLoss), None);
        side_by_side("comparison of runs", vec![loss, panel(&title(score), lines(score), None)])
    }
}

fn points(epochs: &[Epoch], metric: Metric) -> Vec<(f64, f64)> {
    epochs.iter().map(|epoch| (epoch.epoch as f64, metric.of(epoch))).collect()
}

fn title(score: Metric) -> String {
    match score {
        Metric::MeanPrecision => "Mean precision on validation".into(),
        Metric::Dice => "Dice on validation".into(),
        other => format!("{other} on validation"),
    }
}

fn panel(title: &str, lines: Vec<Layer>, mark: Option<Mark>) -> Panel {
    Panel::new(title, Axis::new("epoch").ticks(Ticks::Whole), Axis::new("")).layers(lines).marks(mark)
}

impl LrFind {
    /// The loss over the learning rate, the suggestion marked.
    ///
    /// # Errors
    /// [`Error::Figure`](crate::Error::Figure) when it cannot be drawn.
    pub fn plot(&self) -> Result<Figure> {
        let points: Vec<(f64, f64)> =
            self.curve.iter().map(|&(rate, loss)| (libm::log10(rate), loss)).collect();
        let at = self.curve.iter().position(|point| point.0 >= self.suggestion).unwrap_or(0);
        let mark = points.get(at).map(|&at| Mark {
            label: format!("suggestion: {:.1e}", self.suggestion),
            color: VERMILLION,
            at,
        });
        let x = Axis::new("learning rate").ticks(Ticks::Powers);
        let panel = Panel::new("Loss by learning rate", x, Axis::new(""))
            .layer(Layer::line("smoothed loss", BLUE, points))
            .marks(mark);
        side_by_side("learning rate", vec![panel])
    }
}

impl ThresholdSearch {
    /// The score over the threshold, with the best threshold marked.
    ///
    /// # Errors
    /// [`Error::Figure`](crate::Error::Figure) when it cannot be drawn.
    pub fn plot(&self) -> Result<Figure> {
        let mark = Mark {
            label: format!("best: {:.3} at {:.2}", self.mean_precision, self.best),
            color: VERMILLION,
            at: (self.best, self.mean_precision),
        };
        let panel =
            threshold_panel().layer(Layer::line("mean precision", BLUE, self.curve.clone())).marks([mark]);
        side_by_side("threshold curve", vec![panel])
    }
    /// Several curves with their best thresholds, such as of train and valid: where they are apart, the model knows its training
    /// images by heart. At most 7 can be told apart.
    ///
    /// ```
    /// use tgs_salt::{metrics::ThresholdSearch, types::{Image, Mask}};
    /// let truths = [Mask::new(1, 2, vec![0, 1])?];
    /// let train = ThresholdSearch::new(&truths, &[Image::new(1, 2, vec![0.1, 0.9])?])?;
    /// let valid = ThresholdSearch::new(&truths, &[Image::new(1, 2, vec![0.4, 0.6])?])?;
    /// let figure = ThresholdSearch::compare(&[("train", &train), ("valid", &valid)])?;
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Figure`](crate::Error::Figure) for none or more than 7, and when it cannot be drawn.
    pub fn compare(searches: &[(&str, &ThresholdSearch)]) -> Result<Figure> {
        if searches.is_empty() || searches.len() > COLORS.len() {
            let why = format!("{} curves; expected 1 to {}", searches.len(), COLORS.len());
            return Err(Error::Figure { what: "comparison of thresholds".into(), why });
        }
        let lines = searches
            .iter()
            .zip(COLORS)
            .map(|((name, search), color)| Layer::line(*name, color, search.curve.clone()));
        let marks = searches.iter().zip(COLORS).map(|((name, search), color)| Mark {
            label: format!("best on {name}: {:.3} at {:.2}", search.mean_precision, search.best),
            color,
            at: (search.best, search.mean_precision),
        });
        let panel = threshold_panel().layers(lines).marks(marks);
        side_by_side("comparison of thresholds", vec![panel])
    }
}

fn threshold_panel() -> Panel {
    let x = Axis::new("threshold: masks are where the probability is above it");
    Panel::new("Mean precision by threshold", x, Axis::new(""))
}
