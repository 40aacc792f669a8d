//! The embedded sample survey.
mod earth;
mod field;
mod salt;
mod section;
mod survey;
mod wavelet;
pub(crate) use survey::survey;

use crate::Result;
use crate::types::{Competition, Dataset, Notes};

/// Of the survey that everyone gets: notebooks show the same images everywhere.
const SEED: u64 = 2018;

impl Competition {
    /// A made-up survey in the competition's form: 400 images with masks, 200 without. Nothing to download; the same bits
    /// on every machine, in about a second.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let salt = Competition::sample()?;
    /// assert_eq!((salt.train.len(), salt.test.len()), (400, 200));
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// None in practice; the signature is that of [`Competition::open`].
    pub fn sample() -> Result<Competition> {
        let (train, test) = survey(SEED, 400, 200)?;
        Ok(Competition {
            train: Dataset::from_samples(train)?,
            test: Dataset::from_samples(test)?,
            notes: Notes::default(),
        })
    }
}
