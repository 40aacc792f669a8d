//! What a person sees while a run goes on: one finished line per epoch.
//!
//! Nothing is updated in place: evcxr forwards whole lines, each as an output of its own, and Jupyter drops the escape
//! sequences that would go back up. In the first epoch there is a line every few seconds as well, so that a long one
//! does not look like a stuck one, and it is soon clear how long the run will take.

use crate::training::{Epoch, History, Metric};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often the first epoch reports.
const EVERY: Duration = Duration::from_secs(10);

pub(crate) struct Progress {
    epochs: usize,
    images: usize,
    /// Epochs of this run that are done, and their mean seconds.
    done: usize,
    mean_seconds: f64,
    epoch_start: Instant,
    last_line: Instant,
    /// Seconds that the last epoch's steps waited for their batches.
    pub(crate) waited: f64,
}

impl Progress {
    pub(crate) fn new(epochs: usize, images: usize) -> Progress {
        let now = Instant::now();
        Progress { epochs, images, done: 0, mean_seconds: 0.0, epoch_start: now, last_line: now, waited: 0.0 }
    }

    pub(crate) fn start(&mut self, model: &str, resumed_after: usize, folder: &Path) {
        println!("{model}");
        if resumed_after > 0 {
            println!("resuming after epoch {resumed_after}, from {}", folder.display());
        }
        println!(
            "{} images, up to {} epoch{}; to stop early: touch {}",
            self.images,
            self.epochs,
            if self.epochs == 1 { "" } else { "s" },
            folder.join("STOP").display()
        );
        self.epoch_start = Instant::now();
        self.last_line = self.epoch_start;
    }

    /// Whether there should be a line amid the epoch now.
    pub(crate) fn is_due(&self) -> bool {
        self.done == 0 && self.last_line.elapsed() >= EVERY
    }

    /// The line amid the epoch.
    pub(crate) fn step(&mut self, seen: usize, loss: f64) {
        self.last_line = Instant::now();
        let per_image = self.epoch_start.elapsed().as_secs_f64() / seen.max(1) as f64;
        let left = duration(per_image * self.images.saturating_sub(seen) as f64);
        println!(
            "   {seen}/{} images  loss {loss:.4}  {:.0} images/s  {left} left in this epoch",
            self.images,
            1.0 / per_image
        );
    }

    /// The line after an epoch, with the score that is monitored, or mean precision where a loss is.
    pub(crate) fn epoch(&mut self, epoch: &Epoch, monitor: Metric, is_best: bool) {
        self.done += 1;
        self.mean_seconds += (epoch.seconds - self.mean_seconds) / self.done as f64;
        let left = self.mean_seconds * self.epochs.saturating_sub(epoch.epoch) as f64;
        println!(
            "epoch {:>2}/{}  train loss {:.4}  valid loss {:.4}  {} {:.4} {}  {:.0} images/s  {} left",
            epoch.epoch,
            self.epochs,
            epoch.train_loss,
            epoch.valid_loss,
            monitor.score(),
            monitor.score().of(epoch),
            if is_best { '★' } else { ' ' },
            epoch.images_per_second,
            duration(left)
        );
        self.epoch_start = Instant::now();
    }

    pub(crate) fn end(&mut self, history: &History) {
        println!("{}", history.ended);
    }
}

fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_read_well() {
        assert_eq!(
            [0.4, 59.6, 3599.0, 7260.0].map(duration),
            ["0 s", "1 min 00 s", "59 min 59 s", "2 h 01 min"]
        );
    }
}
