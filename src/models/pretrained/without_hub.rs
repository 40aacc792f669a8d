//! What a build without the feature `hub` does instead.

use super::Source;
use super::place::Hub;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// Nothing: what computes checksums comes with the feature.
pub(super) fn verify(_hub: &Hub, _source: &Source, _path: &Path) -> Result<()> {
    Ok(())
}

pub(super) fn download(hub: &Hub, source: &Source) -> Result<PathBuf> {
    let why = "tgs_salt was built without its downloader; enable it by \
               `:dep tgs_salt = { path = \"..\", features = [\"hub\"] }`";
    Err(Error::Download { url: hub.url(source), why: why.into(), place: hub.by_hand(source) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::pretrained::RESNET34;

    #[test]
    fn the_error_says_how_to_get_the_file() {
        let hub = Hub { endpoint: "https://hub".into(), cache: "cache".into() };
        let line = download(&hub, &RESNET34).unwrap_err().to_string();
        for part in [
            "cannot download https://hub/timm/resnet34.a1_in1k/resolve/main/model.safetensors",
            "features = [\"hub\"]",
            "place it at cache/models--timm--resnet34.a1_in1k/snapshots/main/model.safetensors",
            ".weights(",
        ] {
            assert!(line.contains(part), "{line}");
        }
        assert!(verify(&hub, &RESNET34, Path::new("any")).is_ok());
    }
}
