//! What all workers of `compare.py` share: the protocol, and numbers to compute with.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, Write};
use std::time::Instant;
use tgs_salt::candle_core::{Device, Tensor};

/// One pass, to be timed.
pub type Pass = Box<dyn FnMut() -> Result<()>>;

/// Says `ready`, then answers each line of standard input, a number of passes, with the nanoseconds they took.
///
/// `build` runs when the first line has come: what was resident at `ready` is the program without a network.
pub fn serve(build: impl FnOnce() -> Result<Pass>) -> Result<()> {
    println!("ready");
    let mut lines = std::io::stdin().lock().lines();
    let Some(mut line) = lines.next() else { return Ok(()) };
    let mut pass = build()?;
    loop {
        let passes: u32 = line?.trim().parse().unwrap_or(1);
        let start = Instant::now();
        for _ in 0..passes {
            pass()?;
        }
        println!("{}", start.elapsed().as_nanos());
        std::io::stdout().flush()?;
        match lines.next() {
            Some(next) => line = next,
            None => return Ok(()),
        }
    }
}

/// What stands behind the program's name.
pub fn arguments() -> Vec<String> {
    // cargo adds `--bench` when it starts the program itself.
    std::env::args().skip(1).filter(|arg| arg != "--bench").collect()
}

/// Numbers between -1 and 1 without ties within a row and without a pattern along any axis.
pub fn values(shape: &[usize]) -> Result<Tensor> {
    let count: usize = shape.iter().product();
    let values = (0..count).map(|i| (i * 7919 % 20_011) as f32 / 10_000.0 - 1.0).collect();
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}

/// The numbers of an argument such as `64,64,3`.
pub fn sizes<const N: usize>(argument: &str) -> Result<[usize; N]> {
    let sizes: Vec<usize> = argument.split(',').map(str::parse).collect::<Result<_, _>>().context("sizes")?;
    match sizes.try_into() {
        Ok(sizes) => Ok(sizes),
        Err(_) => bail!("{argument}: {N} numbers expected"),
    }
}
