//! Plain data: images, masks, run-length encodings, samples, datasets. No file, no tensor.
//!
//! A [`Competition`] holds two [`Dataset`]s; a dataset hands out [`Sample`]s, each an [`Image`] with its depth and,
//! in training data, its [`Mask`]. An [`Rle`] is a mask as the competition's CSV files spell it.

mod class_names;
mod competition;
mod coverage;
mod dataset;
mod entry;
mod image;
mod joined;
mod label;
mod mask;
mod resize;
mod rle;
mod sample;
mod statistics;
pub(crate) mod stratify;
mod submission_format;
mod tiles;
pub(crate) mod together;

pub(crate) use self::class_names::{common_names, numbered};
pub use self::competition::{Competition, Notes};
pub use self::coverage::coverage_class;
pub use self::dataset::Dataset;
pub(crate) use self::entry::{Entry, ImageSource, MaskSource};
pub use self::image::Image;
pub(crate) use self::image::check_size;
pub(crate) use self::label::Label;
pub use self::mask::Mask;
pub(crate) use self::resize::{MAX_SIDE, Resize, Taps, check_sides, weigh};
pub use self::rle::Rle;
pub use self::sample::Sample;
pub(crate) use self::sample::{check_id, check_sizes, sort_by_id};
pub(crate) use self::statistics::{MaskStatistics, mean_and_std};
pub use self::statistics::{PixelStatistics, TINY_MASK};
pub use self::stratify::Stratify;
pub(crate) use self::submission_format::SubmissionFormat;
pub(crate) use self::tiles::Tile;
