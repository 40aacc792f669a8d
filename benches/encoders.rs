//! An epoch of each encoder's U-Net on 256 images of the competition, with its images per second.
//!
//! `cargo bench --profile dev --bench encoders` (the profile that a notebook uses). The data is looked for in `TGS_SALT_DATA`, else in
//! `../shared/data/tgs-salt`; without it the embedded sample is taken.

use anyhow::Result;
use std::path::PathBuf;
use tgs_salt::prelude::*;

const IMAGES: usize = 256;

fn competition() -> Result<Competition> {
    let data = std::env::var_os("TGS_SALT_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/tgs-salt"),
        PathBuf::from,
    );
    match data.join("train.csv").exists() {
        true => Ok(Competition::open(data)?),
        false => {
            println!("no data in {}: on the embedded sample", data.display());
            Ok(Competition::sample()?)
        }
    }
}

fn networks() -> Vec<(String, Architecture)> {
    let mut networks: Vec<(String, Architecture)> =
        Encoder::ALL.into_iter().map(|encoder| (encoder.to_string(), Unet::new(encoder))).collect();
    networks.push(("plain UNet++".into(), UnetPlusPlus::new(Encoder::Plain)));
    networks.push(("resnet34 UNet++".into(), UnetPlusPlus::new(Encoder::ResNet34)));
    networks.push(("vgg16 transfer".into(), Unet::vgg16_transfer(4)));
    networks.push(("vgg19 transfer".into(), Unet::vgg19_transfer()));
    networks.push(("xception residual".into(), Unet::xception_residual()));
    networks
}

fn main() -> Result<()> {
    let salt = competition()?;
    let (train, rest) = salt.train.split(1.0 - IMAGES as f64 / salt.train.len() as f64, 42)?;
    let (_, valid) = rest.split((32.0 / rest.len() as f64).min(0.5), 42)?;
    let folder = std::env::temp_dir().join("tgs_salt_encoders");
    println!("{:<20} {:>12} {:>8} {:>9}", "network", "parameters", "images/s", "loss");
    for (name, network) in networks() {
        let mut model = network.build(&device()?)?;
        let config = TrainConfig::default().epochs(1).batch_size(16).run_folder(&folder);
        let history = model.train(&train, &valid, &config)?;
        let epoch = history.epochs[0];
        let (parameters, speed, loss) = (model.parameter_count(), epoch.images_per_second, epoch.train_loss);
        println!("{name:<20} {parameters:>12} {speed:>8.1} {loss:>9.4}");
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
