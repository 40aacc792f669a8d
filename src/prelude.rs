//! What a notebook types: `use tgs_salt::prelude::*;`

pub use crate::types::{Image, Mask};
pub use crate::{Error, Result};
