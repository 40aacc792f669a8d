//! Pretrained encoder weights: from the Hugging Face hub's cache, or else from the hub.
//!
//! A file is known by its sha256, which is checked each time that it is used. Pinned in [`table`] are those of VGG-16,
//! ResNet-34, ResNet-50 and Inception v3; VGG-19 and Xception are checked against what the hub announces. Without the
//! feature `hub` only the cache is looked into, and a file there is used as it lies.

mod place;
mod read;
mod table;

#[cfg(feature = "hub")]
mod checksum;
#[cfg(feature = "hub")]
mod download;
#[cfg(feature = "hub")]
mod progress;
#[cfg(feature = "hub")]
mod reasons;
#[cfg(all(test, feature = "hub"))]
mod server;
#[cfg(all(test, feature = "hub"))]
mod tests;
#[cfg(any(test, not(feature = "hub")))]
mod without_hub;

pub(crate) use read::tensors;
pub(crate) use table::{INCEPTION_V3, RESNET34, RESNET50, Source, VGG16, VGG19, XCEPTION};

#[cfg(not(feature = "hub"))]
use without_hub::{download, verify};
#[cfg(feature = "hub")]
use {checksum::verify, download::download};

use crate::Result;
use place::Hub;
use std::path::PathBuf;

/// The file of `source` on this machine: from the hub's cache, or downloaded into it.
///
/// # Errors
/// [`crate::Error::Download`] when it cannot be fetched; [`crate::Error::Checksum`] when it is not the file that it has to be.
pub(crate) fn file(source: &Source) -> Result<PathBuf> {
    file_of(&Hub::from_env()?, source)
}

fn file_of(hub: &Hub, source: &Source) -> Result<PathBuf> {
    match cached(hub, source)? {
        Some(path) => Ok(path),
        None => download(hub, source),
    }
}

/// The first file in the cache that is right. One that is wrong is an error, unless another one is right.
fn cached(hub: &Hub, source: &Source) -> Result<Option<PathBuf>> {
    let mut wrong = Ok(None);
    for path in hub.places(source).into_iter().filter(|path| path.is_file()) {
        match verify(hub, source, &path) {
            Ok(()) => return Ok(Some(path)),
            Err(error) => wrong = wrong.and(Err(error)),
        }
    }
    wrong
}
