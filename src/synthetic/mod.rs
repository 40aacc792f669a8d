//! The embedded sample survey.
mod earth;
mod field;
mod salt;
mod section;
mod survey;
mod wavelet;
pub(crate) use survey::survey;
