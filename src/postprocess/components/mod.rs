//! Connected components of a mask: labelled, and cleaned of what is too small to be salt, or a hole in it.
//!
//! Labels and results are those of [scikit-image](https://scikit-image.org)'s `label`, `remove_small_objects` and
//! `remove_small_holes`. Labelled by union-find in two passes: A. Rosenfeld, J. L. Pfaltz, *Sequential Operations in
//! Digital Picture Processing*, J. ACM 13(4), 1966.

mod label;
#[cfg(test)]
mod tests;

use crate::types::Mask;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Which pixels are neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Connectivity {
    /// The 4 that share an edge; scikit-image's `connectivity=1`.
    #[default]
    Four,
    /// The 8 that share an edge or a corner; scikit-image's `connectivity=2`.
    Eight,
}

/// One connected component of a mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Its number in [`Components::labels`], from 1.
    pub label: u32,
    /// The class that it is of, from 0; a mask of the competition has one.
    pub class: usize,
    /// Its pixels.
    pub area: usize,
    /// The rows of its bounding box.
    pub rows: Range<usize>,
    /// The columns of its bounding box.
    pub columns: Range<usize>,
}

/// The connected components of a mask, by [`Mask::components`].
#[derive(Clone, PartialEq, Eq)]
pub struct Components {
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// `labels[y * width + x]` is the label of a pixel of salt, 0 elsewhere; class by class where there are several.
    pub labels: Vec<u32>,
    /// The components by label: that of label 1 first.
    pub list: Vec<Component>,
}

/// Which components of a mask stay. [`MaskRule::min_size`](crate::metrics::MaskRule::min_size) is about the whole mask.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `min_object` | 0 | an object of fewer pixels is dropped | ≥ 0 |
/// | `min_hole` | 0 | a hole of fewer pixels is filled; so is a part of the background that the border closes off | ≥ 0 |
/// | `connectivity` | [`Connectivity::Four`] | which pixels are of one object, or of one hole | |
///
/// Objects are dropped first, then holes are filled: a thin ring is judged by its own pixels.
///
/// ```
/// use tgs_salt::prelude::*;
/// let mask = Mask::new(4, 5, vec![
///     1, 1, 1, 0, 0,
///     1, 0, 1, 0, 1,
///     1, 1, 1, 0, 0,
///     0, 0, 0, 0, 0,
/// ])?;
/// let clean = ComponentRule::default().min_object(2).min_hole(2).clean(&mask);
/// assert_eq!(clean.pixels(), [
///     1, 1, 1, 0, 0,
///     1, 1, 1, 0, 0,
///     1, 1, 1, 0, 0,
///     0, 0, 0, 0, 0,
/// ]);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComponentRule {
    /// An object of fewer pixels is dropped.
    pub min_object: usize,
    /// A hole of fewer pixels is filled.
    pub min_hole: usize,
    /// Which pixels are of one object, or of one hole.
    pub connectivity: Connectivity,
}

impl ComponentRule {
    setters! {
        ComponentRule,
        /// An object of fewer pixels is dropped.
        min_object: usize,
        /// A hole of fewer pixels is filled.
        min_hole: usize,
        /// Which pixels are of one object, or of one hole.
        connectivity: Connectivity,
    }

    /// The mask without its small objects, then without its small holes. To clean what is clean changes nothing.
    pub fn clean(&self, mask: &Mask) -> Mask {
        mask.remove_small_objects(self.min_object, self.connectivity)
            .remove_small_holes(self.min_hole, self.connectivity)
    }
}

impl Mask {
    /// Its connected components, numbered from 1 by their first pixels, row by row. Classes are not connected.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let mask = Mask::new(2, 4, vec![0, 1, 0, 1, 1, 0, 0, 1])?;
    /// let components = mask.components(Connectivity::Four);
    /// assert_eq!(components.labels, [0, 1, 0, 2, 3, 0, 0, 2]);
    /// assert_eq!((components.list[1].area, components.list[1].columns.clone()), (2, 3..4));
    /// assert_eq!(mask.components(Connectivity::Eight).list.len(), 2);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    pub fn components(&self, connectivity: Connectivity) -> Components {
        let (height, width) = (self.height(), self.width());
        let (labels, count) = self.labels(1, connectivity);
        let one = |label: usize| Component {
            label: label as u32,
            class: 0,
            area: 0,
            rows: height..0,
            columns: width..0,
        };
        let mut list: Vec<Component> = (1..=count).map(one).collect();
        for (at, &label) in labels.iter().enumerate().filter(|&(_, &label)| label > 0) {
            let (y, x, component) = (at / width % height, at % width, &mut list[label as usize - 1]);
            component.class = at / width / height;
            component.area += 1;
            component.rows = component.rows.start.min(y)..component.rows.end.max(y + 1);
            component.columns = component.columns.start.min(x)..component.columns.end.max(x + 1);
        }
        Components { height, width, labels, list }
    }

    /// The mask without its components of fewer than `min_size` pixels: what `remove_small_objects(mask, min_size)` gave in
    /// scikit-image up to 0.25. Since 0.26 it is `max_size=min_size - 1` there, with "or equal" in place of "fewer"; fewer
    /// is what `min_size` means throughout this crate.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let mask = Mask::new(1, 6, vec![1, 1, 1, 0, 1, 1])?;
    /// assert_eq!(mask.remove_small_objects(3, Connectivity::Four).pixels(), [1, 1, 1, 0, 0, 0]);
    /// assert!(mask.remove_small_objects(4, Connectivity::Four).is_empty());
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    pub fn remove_small_objects(&self, min_size: usize, connectivity: Connectivity) -> Mask {
        self.flip_small(1, min_size, connectivity)
    }

    /// The mask with its holes of fewer than `min_size` pixels filled, as scikit-image's `remove_small_holes` does. A hole is
    /// a connected component of the background, at the border of the image too, where nobody knows how it goes on. That is
    /// also the background of a mask without salt, if the image is that small.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let mask = Mask::new(1, 6, vec![1, 0, 1, 0, 0, 1])?;
    /// assert_eq!(mask.remove_small_holes(2, Connectivity::Four).pixels(), [1, 1, 1, 0, 0, 1]);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    pub fn remove_small_holes(&self, min_size: usize, connectivity: Connectivity) -> Mask {
        self.flip_small(0, min_size, connectivity)
    }

    /// Components of `value` with fewer than `min_size` pixels get the other value.
    fn flip_small(&self, value: u8, min_size: usize, connectivity: Connectivity) -> Mask {
        if min_size <= 1 {
            return self.clone();
        }
        let (labels, count) = self.labels(value, connectivity);
        let areas = areas(&labels, count);
        let flips = |at: usize| labels[at] > 0 && areas[labels[at] as usize] < min_size;
        self.with(|at| (self.pixels()[at] == 1) != flips(at))
    }

    /// The label of each pixel of background, 0 for salt, and the pixels of each label, nothing at 0.
    pub(crate) fn holes(&self, connectivity: Connectivity) -> (Vec<u32>, Vec<usize>) {
        let (labels, count) = self.labels(0, connectivity);
        let areas = areas(&labels, count);
        (labels, areas)
    }

    /// The label of each pixel that has `value`, and the number of labels; class by class.
    fn labels(&self, value: u8, connectivity: Connectivity) -> (Vec<u32>, usize) {
        let (mut all, mut total) = (Vec::with_capacity(self.pixels().len()), 0);
        for plane in self.planes() {
            let (labels, count) = label::label(plane, self.width(), value, connectivity);
            let first = total as u32;
            all.extend(labels.into_iter().map(|label| if label > 0 { first + label } else { 0 }));
            total += count;
        }
        (all, total)
    }
}

/// The pixels of each label; nothing at 0.
fn areas(labels: &[u32], count: usize) -> Vec<usize> {
    let mut areas = vec![0; count + 1];
    labels.iter().filter(|&&label| label > 0).for_each(|&label| areas[label as usize] += 1);
    areas
}

impl std::fmt::Debug for Components {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Components {}×{}: {}", self.height, self.width, self.list.len())?;
        let areas = self.list.iter().map(|component| component.area);
        match (areas.clone().min(), areas.max()) {
            (Some(least), Some(most)) => write!(f, ", of {least} to {most} pixels"),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for ComponentRule {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let ComponentRule { min_object, min_hole, connectivity } = self;
        write!(f, "ComponentRule: objects of {min_object} pixels or more, holes of {min_hole} or more")?;
        if *connectivity == Connectivity::Eight { f.write_str(", 8-connected") } else { Ok(()) }
    }
}
