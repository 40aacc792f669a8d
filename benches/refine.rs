//! draft: dumps
use std::io::Write;
use std::path::PathBuf;
use tgs_salt::prelude::*;
fn main() -> anyhow::Result<()> {
    let a: Vec<String> = std::env::args().collect();
    let seed: u64 = a[1].parse()?;
    let folder = PathBuf::from(&a[2]);
    let salt = Competition::open("/work/shared/data/tgs-salt")?;
    let (_, valid) = salt.train.split(0.2, seed)?;
    let model = Model::load(folder.join("best.safetensors"), &Device::Cpu)?;
    for (name, p) in [("plain", model.predict(&valid)?), ("tta", model.predict_tta(&valid, &Tta::default())?)]
    {
        let mut f = std::fs::File::create(folder.join(format!("{name}.f32")))?;
        for id in &p.ids {
            f.write_all(&p.get(id)?.pixels.iter().flat_map(|p| p.to_le_bytes()).collect::<Vec<u8>>())?;
        }
        std::fs::write(folder.join("ids.txt"), p.ids.join("\n"))?;
    }
    Ok(())
}
