//! Charts: panels of layers over two axes, heat maps, and how they stand beside each other.

mod axes;
mod density;
mod heatmap;
mod layers;
mod layout;
mod panel;

pub(crate) use self::axes::{Axis, Ticks};
pub(crate) use self::density::{density, histogram, round_bins};
pub(crate) use self::heatmap::{Heatmap, Scale};
pub(crate) use self::layers::{Layer, Mark};
pub(crate) use self::layout::{Plot, Sheet, side_by_side};
pub(crate) use self::panel::Panel;
