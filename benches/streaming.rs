//! Memory and waiting over an epoch of images that are never all in memory: thousands of made-up JPEGs of 1400×2100 pixels.
//!
//! `cargo bench --profile dev --bench streaming -- --images 2000 --filters 8`. The files are written first, into a temporary
//! folder, or once and for all into `--folder`. Linux only: memory is what `/proc/self/status` says.

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tgs_salt::prelude::*;

const SIZE: (usize, usize) = (1400, 2100);

fn argument(name: &str) -> Option<String> {
    let arguments: Vec<String> = std::env::args().collect();
    arguments.iter().position(|a| a == name).and_then(|i| arguments.get(i + 1).cloned())
}

fn number(name: &str, default: usize) -> usize {
    argument(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Picture `i`: one of the sample, enlarged, with a grain of its own.
fn jpeg(sample: &Sample, i: usize) -> Result<Vec<u8>> {
    let image = sample.image.resize(SIZE.0, SIZE.1)?;
    let mut grain = vec![0; image.pixels.len()];
    ChaCha8Rng::seed_from_u64(i as u64).fill_bytes(&mut grain);
    let pixel = |(&p, &grain): (&f32, &u8)| (240.0 * p) as u8 + grain / 16;
    let pixels: Vec<u8> = image.pixels.iter().zip(&grain).map(pixel).collect();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
    encoder.encode(&pixels, SIZE.1 as u32, SIZE.0 as u32, ExtendedColorType::L8).expect("encoded");
    Ok(bytes)
}

/// A folder as Kaggle ships it, of `images` pictures; what it takes on disk, in bytes.
fn write(folder: &Path, images: usize) -> Result<u64> {
    let sample = Competition::sample_clouds()?;
    let (samples, names) = (sample.train.len(), sample.train.class_names());
    fs::create_dir_all(folder.join("train_images")).expect("a folder");
    let one = |i: usize| {
        let sample = sample.train.get(i % samples)?;
        let bytes = jpeg(&sample, i)?;
        fs::write(folder.join(format!("train_images/{i:07}.jpg")), &bytes).expect("written");
        let mask = sample.mask.expect("a mask").resize(SIZE.0, SIZE.1)?;
        let row = |(class, name): (usize, &String)| {
            Ok(format!("{i:07}.jpg_{name},{}\n", mask.class(class)?.to_rle()))
        };
        Ok((names.iter().enumerate().map(row).collect::<Result<String>>()?, bytes.len() as u64))
    };
    let (rows, sizes): (Vec<String>, Vec<u64>) =
        (0..images).into_par_iter().map(one).collect::<Result<Vec<_>>>()?.into_iter().unzip();
    let table = format!("Image_Label,EncodedPixels\n{}", rows.concat());
    fs::write(folder.join("train.csv"), table).expect("written");
    Ok(sizes.iter().sum())
}

/// A line of `/proc/self/status`, in GB: `VmRSS`, or `VmHWM`, its highest so far.
fn memory(line: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(line)).unwrap_or_default();
    let kilobytes = line.split_whitespace().nth(1).and_then(|n| n.parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) / 1e6
}

/// The memory in use each second until `work` is done, and what that gave.
fn watched<T>(work: impl FnOnce() -> T) -> (Vec<f64>, T) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut seen = Vec::new();
            while !done.load(Ordering::Relaxed) {
                seen.push(memory("VmRSS"));
                std::thread::sleep(Duration::from_secs(1));
            }
            seen
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        (watch.join().expect("watched"), result)
    })
}

/// The highest of each tenth.
fn tenths(seen: &[f64]) -> String {
    let highest = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
    let parts = seen.chunks(seen.len().div_ceil(10).max(1));
    parts.map(|part| format!("{:.2}", highest(part))).collect::<Vec<_>>().join(", ")
}

fn main() -> Result<()> {
    let (images, filters) = (number("--images", 2000), number("--filters", 8));
    let own = tempfile::tempdir().expect("a folder");
    let folder = argument("--folder").map_or(own.path().to_owned(), Into::into);
    if !folder.join("train.csv").exists() {
        let bytes = write(&folder, images)?;
        println!("{images} JPEGs of {}×{}, {:.2} GB on disk", SIZE.0, SIZE.1, bytes as f64 / 1e9);
    }
    let started = Instant::now();
    let clouds = Competition::clouds(&folder)?;
    println!("opened in {:.1} s, {:.2} GB in use", started.elapsed().as_secs_f64(), memory("VmRSS"));
    let (train, valid) = clouds.train.split(0.02, 1)?;
    let network = Unet::new(Encoder::Plain).base_filters(filters).classes(4).input_size(256, 384);
    let mut model = network.build(&Device::Cpu)?;
    let config = TrainConfig::default().epochs(1).batch_size(8).loss(Loss::BceDice);
    let config = config.run_folder(own.path().join("run"));
    let (seen, history) = watched(|| model.train(&train, &valid, &config));
    let history = history?;
    let epoch = &history.epochs[0];
    println!(
        "one epoch of {} images: {:.0} s, of which the steps waited {:.3} s for data",
        train.len(),
        epoch.seconds,
        epoch.waited
    );
    println!("memory in use in each tenth of it, GB: {}", tenths(&seen));
    println!("the most ever: {:.2} GB", memory("VmHWM"));
    Ok(())
}
