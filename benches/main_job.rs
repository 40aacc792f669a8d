//! The main job on the competition's data, step by step with its time: open, split, train, evaluate, predict, submit.
//!
//! `cargo bench --profile dev --bench main_job -- --epochs 16` (the profile that a notebook uses). The data is looked for
//! in `TGS_SALT_DATA`, else in `../shared/data/tgs-salt`.

use std::path::PathBuf;
use tgs_salt::RunConfig;
use tgs_salt::prelude::TrainConfig;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| arguments.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1].clone());
    let epochs = value("--epochs").map_or(Ok(16), |epochs| epochs.parse())?;
    let learning_rate = value("--learning-rate").map_or(Ok(2e-3), |rate| rate.parse())?;
    let data = std::env::var_os("TGS_SALT_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/tgs-salt"),
        PathBuf::from,
    );
    let out = std::env::temp_dir().join("tgs_salt_main_job");
    std::fs::create_dir_all(&out)?;
    let train = TrainConfig::default()
        .epochs(epochs)
        .patience(epochs)
        .learning_rate(learning_rate)
        .run_folder(out.join("run"));
    let config = RunConfig::default().train(train).submission(out.join("submission.csv"));
    println!("{:?}", tgs_salt::run(data, &config)?);
    Ok(())
}
