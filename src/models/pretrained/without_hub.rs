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
    use crate::models::pretrained::place::Hub;
    use crate::models::pretrained::{RESNET34, file_of};

    #[test]
    fn a_file_in_the_cache_is_used_and_a_missing_one_says_how_to_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let hub = Hub { endpoint: "https://hub".into(), cache: folder.path().into() };
        let line = file_of(&hub, &RESNET34).unwrap_err().to_string();
        let place = hub.by_hand(&RESNET34);
        for part in
            ["features = [\"hub\"]", "https://hub/timm/resnet34", &place.display().to_string(), ".weights("]
        {
            assert!(line.contains(part), "{line}");
        }
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(&place, "weights").unwrap();
        assert_eq!(file_of(&hub, &RESNET34).unwrap(), place);
    }
}
