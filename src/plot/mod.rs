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
#[cfg(feature = "frames")]
mod table;
mod text;
mod tile;

pub use self::colormap::Colormap;
pub use self::figure::Figure;
#[cfg(feature = "frames")]
pub use self::table::ShowTable;

#[cfg(test)]
mod look;
