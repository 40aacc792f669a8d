//! Figures and cards: how the crate's values look in a notebook.

mod batch;
mod card;
mod chart;
mod classes;
mod colormap;
mod curves;
mod evaluation;
mod explore;
mod features;
mod figure;
mod gallery;
pub(crate) mod html;
mod montage;
mod mosaic;
mod mosaic_card;
mod predictions;
mod resample;
mod rules_card;
mod show;
mod style;
mod summary;
#[cfg(feature = "frames")]
mod table;
pub(crate) mod text;
mod tile;
mod words;

pub use self::colormap::Colormap;
pub use self::figure::Figure;
#[cfg(feature = "frames")]
pub use self::table::ShowTable;

#[cfg(test)]
mod look;
