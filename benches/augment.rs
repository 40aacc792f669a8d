//! Augmentation on one core, the half of `augment.sh` that is this crate: a pipeline and its microseconds per image of
//! 101×101 with its mask, per line.

use std::time::Instant;
use tgs_salt::prelude::*;

fn main() -> Result<()> {
    let samples = Competition::sample()?.train.samples()?;
    let strong = Augment::strong().p(1.0);
    let everything = strong.clone().elastic(3.0).noise(0.05).cutout(2);
    for (name, augment) in [("flip", Augment::default()), ("strong", strong), ("everything", everything)] {
        let start = Instant::now();
        let mut seen = 0;
        for (index, sample) in samples.iter().cycle().take(2000).enumerate() {
            seen += augment.apply(sample.clone(), 42, 1, index)?.image.pixels.len();
        }
        println!("{name} {:.2} {seen}", 1e6 * start.elapsed().as_secs_f64() / 2000.0);
    }
    Ok(())
}
