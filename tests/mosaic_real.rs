//! Mosaics of the real competition data, where it is there: set TGS_SALT_DATA, or put it into ../shared/data/tgs-salt.

use std::path::PathBuf;
use std::time::Instant;

use tgs_salt::prelude::*;

fn real() -> Option<Competition> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/tgs-salt");
    let dir = std::env::var_os("TGS_SALT_DATA").map_or_else(beside, PathBuf::from);
    if dir.is_dir() {
        return Some(Competition::open(&dir).unwrap());
    }
    assert!(std::env::var_os("CI").is_none(), "{}: the real data has to be there in CI", dir.display());
    eprintln!("SKIPPED: no real data in {}; set TGS_SALT_DATA to the unpacked Kaggle folder", dir.display());
    None
}

#[test]
fn look_at_numbers() {
    let Some(salt) = real() else { return };
    let all = salt.train.join(&salt.test).unwrap();
    let start = Instant::now();
    all.samples().unwrap();
    println!("decode: {:.1} s", start.elapsed().as_secs_f64());
    for search in [MosaicSearch::default(), MosaicSearch::default().extrapolate(1.0), MosaicSearch::kernel()]
    {
        let start = Instant::now();
        let mosaics = Mosaics::find(&all, &search).unwrap();
        println!("{:.1} s {mosaics:?} {:?}", start.elapsed().as_secs_f64(), mosaics.counts);
    }
}
