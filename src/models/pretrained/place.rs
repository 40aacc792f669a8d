//! Where the hub is, and where its cache is: the folders and variables of Python's `huggingface_hub`, so that a file which
//! one of them has fetched is there for the other.

use super::Source;
use crate::{Error, Result};
use std::env;
use std::path::{Path, PathBuf};

/// A hub, and the folder that its files are kept in.
#[derive(Clone)]
pub(super) struct Hub {
    pub(super) endpoint: String,
    pub(super) cache: PathBuf,
}

impl Hub {
    /// `HF_ENDPOINT`, and the first of `HF_HUB_CACHE`, `HF_HOME/hub`, `XDG_CACHE_HOME/huggingface/hub` and
    /// `~/.cache/huggingface/hub`.
    pub(super) fn from_env() -> Result<Hub> {
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".into());
        let cache =
            variable("HF_HUB_CACHE").map(PathBuf::from).or_else(|| home().map(|home| home.join("hub")));
        let cache = cache.ok_or_else(|| Error::Config {
            field: "HF_HOME",
            got: "nothing, and there is no home folder".into(),
            expected: "the folder for what is fetched from the Hugging Face hub".into(),
        })?;
        Ok(Hub { endpoint: endpoint.trim_end_matches('/').into(), cache })
    }

    pub(super) fn url(&self, source: &Source) -> String {
        format!("{}/{}/resolve/{}/{}", self.endpoint, source.repository, source.revision, source.file)
    }

    /// Where a person places the file.
    pub(super) fn by_hand(&self, source: &Source) -> PathBuf {
        self.folder(source).join("snapshots").join(source.revision).join(source.file)
    }

    /// Where the file may lie: under the commit that the revision was when it was fetched, under the revision itself, and
    /// by its content, whatever revision it was fetched under.
    pub(super) fn places(&self, source: &Source) -> Vec<PathBuf> {
        let folder = self.folder(source);
        let commit = std::fs::read_to_string(folder.join("refs").join(source.revision)).ok();
        let by_commit = commit.map(|commit| folder.join("snapshots").join(commit.trim()).join(source.file));
        let by_content = source.sha256.map(|sha256| folder.join("blobs").join(sha256));
        [by_commit, Some(self.by_hand(source)), by_content].into_iter().flatten().collect()
    }

    fn folder(&self, source: &Source) -> PathBuf {
        self.cache.join(format!("models--{}", source.repository.replace('/', "--")))
    }
}

/// The access token, if there is one: public files need none, some mirrors do.
#[cfg(feature = "hub")]
pub(super) fn token() -> Option<String> {
    let file = || std::fs::read_to_string(home()?.join("token")).ok();
    let token = variable("HF_TOKEN").or_else(file)?.trim().to_string();
    (!token.is_empty()).then_some(token)
}

fn home() -> Option<PathBuf> {
    let general = || variable("XDG_CACHE_HOME").map(PathBuf::from).or_else(user_cache);
    variable("HF_HOME").map(PathBuf::from).or_else(|| general().map(|cache| cache.join("huggingface")))
}

fn user_cache() -> Option<PathBuf> {
    env::home_dir().filter(|home| home != Path::new("")).map(|home| home.join(".cache"))
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
