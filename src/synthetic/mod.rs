//! The embedded samples: seismic sections, and clouds, made by code, to try everything on with nothing to download.
//!
//! A section is a layered earth: sequences of beds with random thickness and impedance, folded, tilted, cut by
//! faults and an unconformity, pierced by salt that drags them up. It is seen through the convolutional model: an
//! interface between the impedances `I1` and `I2` reflects `r = (I2 - I1) / (I2 + I1)`, and what comes back is
//!
//! ```text
//! s(u) = Σ r_i w((u - u_i) / λ),      w(t) = (1 - 2π²t²) exp(-π²t²)
//! ```
//!
//! with `u` the stratigraphic depth of a pixel (counted along the layers' normal), `λ` the dominant wavelength
//! there, and `w` the Ricker wavelet. Inside the salt nothing is layered, so only weak blobs and streaks are left;
//! its top reflects strongly. Tiles of 101×101 pixels are cut from the sections, each stretched to the full grey
//! range, and chosen so that their coverage has the competition's distribution.
//!
//! - Ricker, N. (1953). The form and laws of propagation of seismic wavelets. *Geophysics* 18(1), 10–40.
//! - Robinson, E. A. (1957). Predictive decomposition of seismic traces. *Geophysics* 22(4), 767–778.
//!
//! All of it comes from a seed by `ChaCha8`, `libm` and IEEE arithmetic: the same bits with any number of threads.

mod clouds;
mod earth;
mod field;
mod salt;
mod section;
mod survey;
#[cfg(test)]
mod tests;
mod wavelet;

pub(crate) use self::survey::survey;

use std::sync::{Arc, OnceLock};

use crate::types::{Competition, Dataset, Notes, SubmissionFormat};
use crate::{Error, Result};

/// Of the survey that everyone gets: notebooks show the same images everywhere.
const SEED: u64 = 2018;
/// Of the made-up clouds.
const CLOUDS_SEED: u64 = 2019;

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

    /// Made-up satellite images in the form of [`Competition::clouds`]: 120 images of 140×210 with masks of the four patterns,
    /// `Fish`, `Flower`, `Gravel`, `Sugar`, and 40 without. One to four patterns are in an image, and their masks are boxes that
    /// may overlap, as people drew them. Nothing to download; the same bits on every machine, made once.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let clouds = Competition::sample_clouds()?;
    /// assert_eq!((clouds.train.len(), clouds.test.len()), (120, 40));
    /// assert_eq!(clouds.train.class_names(), ["Fish", "Flower", "Gravel", "Sugar"]);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// None in practice; the signature is that of [`Competition::clouds`].
    pub fn sample_clouds() -> Result<Competition> {
        static MADE: OnceLock<Competition> = OnceLock::new();
        if let Some(made) = MADE.get() {
            return Ok(made.clone());
        }
        let (train, test) = clouds::clouds(CLOUDS_SEED, 120, 40)?;
        let format = Arc::new(SubmissionFormat { by_class: true, ..SubmissionFormat::default() });
        let dataset = |samples| {
            let all = Dataset::from_samples(samples)?.with_class_names(&clouds::NAMES)?;
            Ok::<_, Error>(all.with_submission_format(format.clone()))
        };
        let (train, test) = (dataset(train)?, dataset(test)?);
        Ok(MADE.get_or_init(|| Competition { train, test, notes: Notes::default() }).clone())
    }
}
