//! Downloads from a hub on loopback. What is in the environment, proxies and the disk is tested in child processes.

use super::download::download_within;
use super::place::Hub;
use super::server::{COMMIT, Manner, Server};
use super::{Source, file, file_of};
use crate::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const SHA256: &str = "c4d362cd2c9a18d81832e2c27f8816fa9f0befd09b75ca7d66037828d349f5df";
const SOURCE: Source =
    Source { repository: "timm/small", revision: "main", file: "model.safetensors", sha256: Some(SHA256) };
const UNPINNED: Source = Source { sha256: None, ..SOURCE };

fn body() -> Vec<u8> {
    (0..40_000).map(|i| (i * 7 + i / 256) as u8).collect()
}

/// A hub of some manner, and an empty cache for it.
struct Case {
    server: Server,
    hub: Hub,
    folder: tempfile::TempDir,
}

impl Case {
    fn new(manner: Manner) -> Case {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(manner, body(), SHA256);
        let hub = Hub { endpoint: server.endpoint.clone(), cache: folder.path().join("hub") };
        Case { server, hub, folder }
    }

    fn repository(&self) -> PathBuf {
        self.hub.cache.join("models--timm--small")
    }

    /// The error's line, which has to say everything that a person needs.
    fn line(&self, source: &Source) -> String {
        let line = file_of(&self.hub, source).unwrap_err().to_string();
        let url = format!("{}/timm/small/resolve/main/model.safetensors", self.server.endpoint);
        let place = self.repository().join("snapshots/main/model.safetensors");
        assert!(line.contains(&url) && line.contains(&place.display().to_string()), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
        line
    }

    /// No program finds a file under the name of a whole one.
    fn assert_nothing_whole(&self) {
        assert!(!self.repository().join("snapshots").join(COMMIT).join(SOURCE.file).exists());
        assert!(!self.repository().join("blobs").join(SHA256).exists());
    }
}

/// Runs [`child`] under `shell`, in which `$0` is this program; what it printed.
fn child(shell: &str, endpoint: &str, home: &Path, more: &[(&str, &str)]) -> String {
    let mut command = Command::new("sh");
    command.args(["-c", shell]).arg(std::env::current_exe().unwrap());
    for name in ["HF_HUB_CACHE", "ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.env("HF_ENDPOINT", endpoint).env("HF_HOME", home).envs(more.iter().copied());
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

const RUN: &str = "exec \"$0\" --ignored --exact models::pretrained::tests::in_a_child --nocapture";

#[test]
#[ignore = "run by others, in a child process"]
fn in_a_child() {
    match file(&SOURCE) {
        Ok(path) => println!("got {}", path.display()),
        Err(error) => println!("error {error}"),
    }
}

#[test]
fn a_file_comes_once_and_is_found_afterwards() {
    let case = Case::new(Manner::Good);
    let path = file_of(&case.hub, &SOURCE).unwrap();
    assert_eq!(path, case.repository().join("snapshots").join(COMMIT).join("model.safetensors"));
    assert_eq!(std::fs::read(&path).unwrap(), body());
    let requests = case.server.requests();
    assert!(requests[0].starts_with("/timm/small/resolve/main/model.safetensors"), "{requests:?}");
    assert_eq!(file_of(&case.hub, &SOURCE).unwrap(), path);
    assert_eq!(case.server.requests(), requests);
    // By its content it is found under another revision as well.
    let other = Source { revision: "other", ..SOURCE };
    assert_eq!(std::fs::read(file_of(&case.hub, &other).unwrap()).unwrap(), body());
    assert_eq!(case.server.requests(), requests);
}

#[test]
fn a_file_placed_by_hand_is_used() {
    let case = Case::new(Manner::Status(500));
    let place = case.hub.by_hand(&SOURCE);
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(&place, body()).unwrap();
    assert_eq!(file_of(&case.hub, &SOURCE).unwrap(), place);
    assert!(case.server.requests().is_empty());
}

#[test]
fn other_bytes_than_pinned_or_announced_are_removed() {
    for source in [SOURCE, UNPINNED] {
        let case = Case::new(Manner::Wrong);
        let error = file_of(&case.hub, &source).unwrap_err();
        assert!(matches!(&error, Error::Checksum { expected, .. } if expected == SHA256), "{error}");
        case.assert_nothing_whole();
        let line = case.line(&source);
        assert!(line.contains("wrong checksum: expected sha256 c4d362cd") && line.contains("got "), "{line}");
    }
}

#[test]
fn a_hub_that_announces_another_file_or_none() {
    let case = Case::new(Manner::Good);
    let other =
        Source { sha256: Some("57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8"), ..SOURCE };
    assert!(case.line(&other).contains("the file there has changed: expected sha256 57b0"));
    case.assert_nothing_whole();
    let case = Case::new(Manner::Plain);
    assert_eq!(std::fs::read(file_of(&case.hub, &SOURCE).unwrap()).unwrap(), body());
}

/// Asked for the rest of a file, it sends the whole.
#[test]
fn a_server_that_cannot_continue() {
    for (source, part) in [(UNPINNED, "expected 40000 bytes, got 40010"), (SOURCE, "wrong checksum")] {
        let case = Case::new(Manner::Plain);
        std::fs::create_dir_all(case.repository().join("blobs")).unwrap();
        std::fs::write(case.repository().join("blobs/abc.part"), &body()[..10]).unwrap();
        assert!(case.line(&source).contains(part));
        assert_eq!(std::fs::read(file_of(&case.hub, &source).unwrap()).unwrap(), body());
    }
}

#[test]
fn a_damaged_file_in_the_cache_is_named_and_comes_anew_once_deleted() {
    for source in [SOURCE, UNPINNED] {
        let case = Case::new(Manner::Good);
        let path = file_of(&case.hub, &source).unwrap();
        std::fs::write(&path, "damaged").unwrap();
        let line = case.line(&source);
        let named = line.split(": wrong checksum: ").next().unwrap();
        assert!(line.contains("delete it"), "{line}");
        std::fs::remove_file(named).unwrap();
        assert_eq!(file_of(&case.hub, &source).unwrap(), path);
        assert_eq!(std::fs::read(path).unwrap(), body());
    }
}

#[test]
fn refusals_say_what_they_mean() {
    for (code, part) in [
        (401, "HTTP status 401 (no access"),
        (403, "token"),
        (404, "HTTP status 404 (there is no such file"),
        (429, "wait some minutes"),
        (503, "try again later"),
    ] {
        let case = Case::new(Manner::Status(code));
        let line = case.line(&SOURCE);
        assert!(line.starts_with("cannot download http://127.0.0.1") && line.contains(part), "{line}");
        assert!(line.contains(".weights(\""), "{line}");
    }
    for manner in [Manner::Page, Manner::Lost] {
        let line = Case::new(manner).line(&SOURCE);
        assert!(line.contains("a proxy or a login page may answer for it"), "{line}");
    }
}

#[test]
fn a_connection_that_breaks_leaves_no_whole_file_and_is_continued() {
    let case = Case::new(Manner::Cut);
    let line = case.line(&SOURCE);
    assert!(line.contains("run again, the next call continues"), "{line}");
    case.assert_nothing_whole();
    let path = file_of(&case.hub, &SOURCE).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), body());
    let last = case.server.requests().pop().unwrap();
    assert!(last.ends_with(" 20000-"), "{last}");
}

/// A process can end between the last byte and the file's new name.
#[test]
fn a_part_file_that_is_complete_already_is_no_trap() {
    let case = Case::new(Manner::Good);
    let blobs = case.repository().join("blobs");
    std::fs::create_dir_all(&blobs).unwrap();
    for bytes in [body(), [body(), body()].concat()] {
        std::fs::write(blobs.join(SHA256).with_extension("part"), bytes).unwrap();
        let path = file_of(&case.hub, &SOURCE).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), body());
        std::fs::remove_dir_all(case.repository().join("snapshots")).unwrap();
        std::fs::remove_file(blobs.join(SHA256)).unwrap();
    }
}

#[test]
fn nobody_there_and_nothing_said() {
    let mut case = Case::new(Manner::Stuck);
    let start = Instant::now();
    let line = download_within(Duration::from_secs(1), &case.hub, &SOURCE).unwrap_err().to_string();
    assert!(line.contains("nothing came for 1 s") && start.elapsed() < Duration::from_secs(5), "{line}");
    for (endpoint, part) in [
        ("http://127.0.0.1:1", "no connection (Connection refused"),
        ("http://no-such-host.invalid", "this machine may be offline"),
        ("not an address", "HF_ENDPOINT = not an address is not an address such as https"),
    ] {
        case.hub.endpoint = endpoint.into();
        let line = file_of(&case.hub, &SOURCE).unwrap_err().to_string();
        assert!(line.contains(part) && line.contains(endpoint), "{line}");
    }
}

#[test]
fn a_cache_that_cannot_be_written() {
    let mut case = Case::new(Manner::Good);
    case.hub.cache = case.folder.path().join("file");
    std::fs::write(&case.hub.cache, "").unwrap();
    let line = case.line(&SOURCE);
    assert!(line.contains("cannot be written to") && line.contains("set HF_HOME"), "{line}");
}

#[cfg(unix)]
#[test]
fn the_environment_says_where() {
    let case = Case::new(Manner::Good);
    let printed = child(RUN, &case.server.endpoint, case.folder.path(), &[]);
    let place = format!("hub/models--timm--small/snapshots/{COMMIT}/model.safetensors");
    assert!(printed.contains(&format!("got {}", case.folder.path().join(place).display())), "{printed}");
    assert!(
        printed.contains("downloading http://") && printed.contains("0.0 MB in 0 s, kept at"),
        "{printed}"
    );
}

#[cfg(unix)]
#[test]
fn a_proxy_that_is_not_there() {
    let case = Case::new(Manner::Good);
    let proxy = ("HTTPS_PROXY", "http://127.0.0.1:1");
    let printed = child(RUN, "http://hub.invalid", case.folder.path(), &[proxy]);
    assert!(printed.contains("error cannot download http://hub.invalid/timm/small"), "{printed}");
    assert!(printed.contains("through the proxy 127.0.0.1:1 that"), "{printed}");
    let around = [proxy, ("NO_PROXY", "127.0.0.1")];
    let printed = child(RUN, &case.server.endpoint, case.folder.path(), &around);
    assert!(printed.contains("got "), "{printed}");
}

/// A limit on the size of files is a full disk that any user can have.
#[cfg(unix)]
#[test]
fn a_full_disk() {
    let case = Case::new(Manner::Good);
    let limited = format!("trap '' XFSZ; ulimit -f 8; {RUN}");
    let printed = child(&limited, &case.server.endpoint, case.folder.path(), &[]);
    assert!(printed.contains("the disk is full") && printed.contains("set HF_HOME"), "{printed}");
    case.assert_nothing_whole();
    let path = file_of(&case.hub, &SOURCE).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), body());
}
