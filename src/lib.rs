//! skeleton
pub mod error;
pub mod inference;
pub mod io;
pub mod losses;
pub mod metrics;
pub mod models;
pub mod nn;
pub mod plot;
pub mod prelude;
pub mod synthetic;
pub mod training;
pub mod transform;
pub mod types;
pub use error::{Error, Result};
