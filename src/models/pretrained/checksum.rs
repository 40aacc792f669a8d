//! Is a file the one that it has to be?

use super::Source;
use super::place::Hub;
use crate::{Error, Result};
use ring::digest::{Context, SHA256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A file in the cache against the pinned sha256, or against its own name in the hub's cache, which is the sha256 that the
/// hub announced when it was fetched. A file without either, placed by hand, passes.
pub(super) fn verify(hub: &Hub, source: &Source, path: &Path) -> Result<()> {
    let Some(expected) = source.sha256.map(String::from).or_else(|| announced(path)) else { return Ok(()) };
    let got = sha256(path)?;
    if got == expected {
        return Ok(());
    }
    let hint = format!(
        "it is damaged or of another version; delete it and run again, or fetch {} by hand and place it at {}",
        hub.url(source),
        hub.by_hand(source).display()
    );
    // Not the link to it: what is deleted has to be the damaged file itself.
    let path = path.canonicalize().unwrap_or_else(|_| path.into());
    Err(Error::Checksum { path, expected, got, hint })
}

/// `snapshots/<commit>/<file>` is a link to `blobs/<sha256>`.
fn announced(path: &Path) -> Option<String> {
    let target = path.canonicalize().ok()?;
    target.file_name()?.to_str().filter(|name| is_sha256(name)).map(String::from)
}

pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// In hexadecimal. ring is fast in debug builds too, since its loop is assembly.
pub(super) fn sha256(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(Error::io("read", path))? {
            0 => break,
            count => context.update(&buffer[..count]),
        }
    }
    Ok(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sha256_of_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(file.path()).unwrap(), expected);
        assert!(is_sha256(expected) && !is_sha256("abc") && !is_sha256(&expected.to_uppercase()));
    }
}
