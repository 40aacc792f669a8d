//! What a person sees of a download: finished lines, as of training, because a notebook shows no others.

use std::path::Path;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// How often there is a line.
const EVERY: Duration = Duration::from_secs(10);

/// What the downloading thread reports.
pub(super) enum Event {
    /// The file's size in bytes; counting starts anew.
    Size(usize),
    /// So many more bytes are there.
    Came(usize),
}

pub(super) struct Events(pub(super) Sender<Event>);

impl hf_hub::api::Progress for Events {
    fn init(&mut self, size: usize, _filename: &str) {
        self.send(Event::Size(size));
    }

    fn update(&mut self, size: usize) {
        self.send(Event::Came(size));
    }

    fn finish(&mut self) {}
}

impl Events {
    fn send(&self, event: Event) {
        let _ = self.0.send(event); // nobody listens any more after the call has given up
    }
}

pub(super) struct Lines {
    url: String,
    size: Option<usize>,
    came: usize,
    begun: Instant,
    last: Instant,
}

impl Lines {
    pub(super) fn new(url: String) -> Lines {
        let now = Instant::now();
        Lines { url, size: None, came: 0, begun: now, last: now }
    }

    pub(super) fn show(&mut self, event: Event) {
        match event {
            Event::Size(size) => {
                if self.size.replace(size).is_none() {
                    println!("downloading {}, {}", self.url, megabytes(size));
                }
                self.came = 0;
            }
            Event::Came(count) => {
                self.came += count;
                if self.last.elapsed() >= EVERY {
                    self.last = Instant::now();
                    println!("{}", self.line());
                }
            }
        }
    }

    fn line(&self) -> String {
        let size = self.size.unwrap_or(self.came);
        format!("   {} of {}, {} s", megabytes(self.came), megabytes(size), self.begun.elapsed().as_secs())
    }

    pub(super) fn end(&self, path: &Path) {
        println!(
            "{} in {} s, kept at {}",
            megabytes(self.came),
            self.begun.elapsed().as_secs(),
            path.display()
        );
    }
}

fn megabytes(bytes: usize) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_counts_from_where_the_download_continues() {
        let mut lines = Lines::new("u".into());
        for event in [
            Event::Size(83_000_000),
            Event::Size(83_000_000),
            Event::Came(40_000_000),
            Event::Came(1_500_000),
        ] {
            lines.show(event);
        }
        assert_eq!(lines.line(), "   41.5 MB of 83.0 MB, 0 s");
    }
}
