//! Files: the competition's folder in, a submission out.
//!
//! `Competition::open` lists folders and reads the CSV files; images are decoded when a dataset is asked for them.

pub(crate) mod atomic;
mod clouds;
mod competition;
mod csv;
mod decode;
mod folder;
mod from_folders;
mod load;
mod picture;
mod png;
mod statistics;
mod submission;
mod together;

pub(crate) use self::atomic::write_atomically;
pub(crate) use self::clouds::is_clouds;
pub(crate) use self::submission::write_rows;
pub use self::submission::{Submission, write_submission};
