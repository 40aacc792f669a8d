//! Figures and cards: how the crate's values look in a notebook.

mod axes;
mod colormap;
mod curves;
mod figure;
mod gallery;
mod resample;
mod style;
mod tile;

pub use self::colormap::Colormap;
pub use self::figure::Figure;

#[cfg(test)]
mod look;
