//! What bad input gets: one line of a typed error that names the place, what was expected, what was found, and what
//! to do. Never a panic, never a silent skip.

#[path = "../data_fixture/mod.rs"]
mod data_fixture;

mod datasets;
mod folders;
mod images;
mod rles;
mod submissions;

use data_fixture::Folder;
use tgs_salt::Error;

impl Folder {
    /// The error of opening, or else of reading every sample.
    pub fn error(&self) -> Error {
        match self.open() {
            Err(error) => error,
            Ok(salt) => match salt.train.samples().and_then(|_| salt.test.samples()) {
                Err(error) => error,
                Ok(_) => panic!("nothing was wrong"),
            },
        }
    }
}
