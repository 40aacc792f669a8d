//! Fetches a file into the hub's cache by hf-hub: its layout, its lock, its part file that a later call continues.
//!
//! hf-hub waits without end for a connection or a byte, and asserts what it expects of a server. So it works on a thread
//! of its own, and this one shows what comes, gives up when nothing does, and turns a panic there into an error here.

use super::Source;
use super::checksum::{is_sha256, sha256};
use super::place::{Hub, token};
use super::progress::{Event, Events, Lines};
use super::reasons::why;
use crate::{Error, Result};
use hf_hub::api::sync::{Api, ApiBuilder, ApiError};
use hf_hub::{Cache, Repo, RepoType};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// For how long nothing may come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came, and what the hub announces: the size in bytes, and the sha256 if it does.
struct Fetched {
    path: PathBuf,
    size: u64,
    sha256: Option<String>,
}

pub(super) fn download(hub: &Hub, source: &Source) -> Result<PathBuf> {
    download_within(PATIENCE, hub, source)
}

pub(super) fn download_within(patience: Duration, hub: &Hub, source: &Source) -> Result<PathBuf> {
    let failed = |why| Error::Download { url: hub.url(source), why, place: hub.by_hand(source) };
    let (events, inbox) = mpsc::channel();
    let job = Job::new(hub, source);
    let worker = thread::Builder::new()
        .name("download".into())
        .spawn(move || job.run(&events))
        .map_err(|error| failed(format!("no thread for it ({error})")))?;
    let mut lines = Lines::new(hub.url(source));
    if !watch(&inbox, patience, &mut lines) {
        return Err(failed(format!(
            "nothing came for {} s; this machine may be offline",
            patience.as_secs()
        )));
    }
    let fetched = match worker.join() {
        Ok(fetched) => fetched.map_err(failed)?,
        Err(_) => {
            return Err(failed(
                "the answer is not one of a hub; a proxy or a login page may answer for it".into(),
            ));
        }
    };
    verify_new(hub, source, &fetched)?;
    lines.end(&fetched.path);
    Ok(fetched.path)
}

/// Shows what comes until the other thread is done; `false` when nothing comes any more.
fn watch(inbox: &Receiver<Event>, patience: Duration, lines: &mut Lines) -> bool {
    loop {
        match inbox.recv_timeout(patience) {
            Ok(event) => lines.show(event),
            Err(RecvTimeoutError::Disconnected) => return true,
            Err(RecvTimeoutError::Timeout) => return false,
        }
    }
}

/// Removes a file that is not the right one: the cache is shared with other programs, which do not check.
fn verify_new(hub: &Hub, source: &Source, fetched: &Fetched) -> Result<()> {
    let Some(expected) = source.sha256.or(fetched.sha256.as_deref()) else {
        return verify_size(hub, source, fetched);
    };
    let got = sha256(&fetched.path)?;
    if got == expected {
        return Ok(());
    }
    remove(&fetched.path);
    let hint = format!(
        "what came was removed; run again, or fetch {} by hand and place it at {}",
        hub.url(source),
        hub.by_hand(source).display()
    );
    Err(Error::Checksum { path: fetched.path.clone(), expected: expected.into(), got, hint })
}

fn verify_size(hub: &Hub, source: &Source, fetched: &Fetched) -> Result<()> {
    let size = fetched.path.metadata().map_err(Error::io("read", &fetched.path))?.len();
    if size == fetched.size {
        return Ok(());
    }
    remove(&fetched.path);
    let why = format!("expected {} bytes, got {size}, which were removed; run again", fetched.size);
    Err(Error::Download { url: hub.url(source), why, place: hub.by_hand(source) })
}

/// The file, and the link to it. What cannot be removed is found, and named, by the next call.
fn remove(path: &Path) {
    let file = path.canonicalize();
    for path in [Some(path), file.as_deref().ok()].into_iter().flatten() {
        let _ = std::fs::remove_file(path);
    }
}

/// What the thread owns.
struct Job {
    hub: Hub,
    url: String,
    repo: Repo,
    file: &'static str,
    pinned: Option<&'static str>,
}

impl Job {
    fn new(hub: &Hub, source: &Source) -> Job {
        let repo = Repo::with_revision(source.repository.into(), RepoType::Model, source.revision.into());
        Job { hub: hub.clone(), url: hub.url(source), repo, file: source.file, pinned: source.sha256 }
    }

    fn run(&self, events: &Sender<Event>) -> Result<Fetched, String> {
        let api = ApiBuilder::from_cache(Cache::new(self.hub.cache.clone()))
            .with_endpoint(self.hub.endpoint.clone())
            .with_token(token())
            .build()
            .map_err(|error| why(&error, &self.hub))?;
        let about = api.metadata(&self.url).map_err(|error| why(&error, &self.hub))?;
        // Both become names of files.
        if !is_plain(about.etag()) || !is_plain(about.commit_hash()) {
            return Err(format!(
                "{} does not answer as a hub does (etag {:?})",
                self.hub.endpoint,
                about.etag()
            ));
        }
        let announced = is_sha256(about.etag()).then(|| about.etag().to_string());
        if let (Some(pinned), Some(announced)) = (self.pinned, &announced)
            && pinned != announced
        {
            return Err(format!(
                "the file there has changed: expected sha256 {pinned}, but the hub announces {announced}"
            ));
        }
        let path = self.fetch(&api, about.etag(), events).map_err(|error| why(&error, &self.hub))?;
        Ok(Fetched { path, size: about.size() as u64, sha256: announced })
    }

    /// A part file that is complete, because its process ended before it was renamed, cannot be continued: hf-hub asks for
    /// the bytes after its end, which a server refuses. It is fetched anew.
    fn fetch(&self, api: &Api, etag: &str, events: &Sender<Event>) -> Result<PathBuf, ApiError> {
        let fetch = || api.repo(self.repo.clone()).download_with_progress(self.file, Events(events.clone()));
        match fetch() {
            Err(error) if is_bad_range(&error) => {
                let blob = Cache::new(self.hub.cache.clone()).repo(self.repo.clone()).blob_path(etag);
                std::fs::remove_file(blob.with_extension("part"))?;
                fetch()
            }
            done => done,
        }
    }
}

fn is_bad_range(error: &ApiError) -> bool {
    match error {
        ApiError::InvalidResume => true,
        ApiError::RequestError(error) => matches!(**error, ureq::Error::StatusCode(416)),
        _ => false,
    }
}

/// A name without anything that leads to another folder.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
