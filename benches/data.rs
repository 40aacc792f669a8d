//! Opening the competition's folder, decoding all of its images, encoding 18,000 masks: the half of `data.sh` that
//! is this crate. Prints a step, its seconds and a checksum per line.
//!
//! `bash benches/data.sh` runs it beside `data.py`. The data is looked for in `TGS_SALT_DATA`, else in
//! `../shared/data/tgs-salt`.

use std::path::PathBuf;
use std::time::Instant;

use rayon::prelude::*;
use tgs_salt::Result;
use tgs_salt::types::{Competition, Mask};

fn main() -> Result<()> {
    let data = std::env::var_os("TGS_SALT_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/tgs-salt"),
        PathBuf::from,
    );
    let start = Instant::now();
    let salt = Competition::open(data)?;
    let seconds = start.elapsed().as_secs_f64();
    print("open", seconds, (salt.train.len() + salt.test.len()) as u64);

    // The 3,200 masks of the training images come with them.
    let start = Instant::now();
    let (train, test) = (salt.train.samples()?, salt.test.samples()?);
    let seconds = start.elapsed().as_secs_f64();
    let values = train.iter().chain(&test).flat_map(|sample| &sample.image.pixels);
    let sum = values.map(|&p| (p * 255.0).round() as u64).sum();
    print("decode", seconds, sum);

    let masks: Vec<Mask> = train.into_iter().filter_map(|sample| sample.mask).collect();
    let masks: Vec<Mask> = masks.iter().cycle().take(18_000).cloned().collect();
    let start = Instant::now();
    let rows: Vec<String> = masks.par_iter().map(|mask| mask.to_rle().to_string()).collect();
    let seconds = start.elapsed().as_secs_f64();
    print("encode", seconds, rows.iter().map(|row| row.len() as u64).sum());
    Ok(())
}

fn print(step: &str, seconds: f64, checksum: u64) {
    println!("{step} {seconds:.6} {checksum}");
}
