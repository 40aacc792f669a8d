//! draft: trains only
use std::path::PathBuf;
use tgs_salt::prelude::*;
fn main() -> anyhow::Result<()> {
    let a: Vec<String> = std::env::args().collect();
    let seed: u64 = a[1].parse()?;
    let folder = PathBuf::from(&a[2]);
    let salt = Competition::open("/work/shared/data/tgs-salt")?;
    let (train, valid) = salt.train.split(0.2, seed)?;
    let network = Unet::new(Encoder::Plain).base_filters(8).seed(seed);
    let mut model = network.input_size(64, 64).build(&Device::Cpu)?;
    let config = TrainConfig::default()
        .learning_rate(2e-3)
        .seed(seed)
        .epochs(12)
        .patience(12)
        .run_folder(folder)
        .resume(true);
    let history = model.train(&train, &valid, &config)?;
    println!("{history:?}");
    println!("{:?}", model.predict(&valid)?.evaluate_rule(&valid, &MaskRule::default())?);
    Ok(())
}
