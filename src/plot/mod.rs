//! Figures and cards: how the crate's values look in a notebook.

mod axes;
mod card;
mod colormap;
mod curves;
mod figure;
mod gallery;
mod html;
mod predictions;
mod resample;
mod show;
mod style;
mod text;
mod tile;

pub use self::colormap::Colormap;
pub use self::figure::Figure;

#[cfg(test)]
mod look;
