//! An image flooded from markers (Soille & Ansoult, Signal Processing 1990), as scikit-image does it.

use super::edges::magnitude;
use super::plane::Plane;

/// Floods the magnitude of the gradient from the pixels below `low`, which are 1, and those above `high`, which are 2. All is
/// 0 where no pixel is marked.
pub(super) fn watershed(plane: &Plane, low: f64, high: f64) -> Plane {
    let heights = magnitude(plane).values;
    let mark = |&v: &f64| if v > high { 2 } else { u8::from(v < low) };
    let mut labels: Vec<u8> = plane.values.iter().map(mark).collect();
    let mut heap = Heap::default();
    for (at, _) in labels.iter().enumerate().filter(|(_, label)| **label > 0) {
        heap.push(Item { height: heights[at], age: 0, at });
    }
    let mut age = 0;
    while let Some(item) = heap.pop() {
        for near in neighbours(item.at, plane) {
            if labels[near] == 0 {
                labels[near] = labels[item.at];
                age += 1;
                heap.push(Item { height: heights[near], age, at: near });
            }
        }
    }
    plane.like(labels.into_iter().map(f64::from).collect())
}

/// Above, to the left, to the right and below.
fn neighbours(at: usize, plane: &Plane) -> impl Iterator<Item = usize> {
    let x = at % plane.width;
    let above = at.checked_sub(plane.width);
    let left = (x > 0).then(|| at - 1);
    let right = (x + 1 < plane.width).then_some(at + 1);
    let below = (at + plane.width < plane.values.len()).then_some(at + plane.width);
    [above, left, right, below].into_iter().flatten()
}

#[derive(Clone, Copy, Debug)]
struct Item {
    height: f64,
    age: usize,
    at: usize,
}

impl Item {
    fn comes_before(&self, other: &Item) -> bool {
        if self.height == other.height { self.age < other.age } else { self.height < other.height }
    }
}

/// A binary heap whose order among equals is scikit-image's: all markers have the same age, and which of two as high is
/// flooded first decides where their waters meet.
#[derive(Debug, Default)]
struct Heap {
    items: Vec<Item>,
}

impl Heap {
    fn push(&mut self, item: Item) {
        let mut child = self.items.len();
        self.items.push(item);
        while child > 0 {
            let parent = (child - 1) / 2;
            if !self.items[child].comes_before(&self.items[parent]) {
                return;
            }
            self.items.swap(child, parent);
            child = parent;
        }
    }

    fn pop(&mut self) -> Option<Item> {
        if self.items.is_empty() {
            return None;
        }
        let first = self.items.swap_remove(0);
        let mut at = 0;
        loop {
            let children = [2 * at + 1, 2 * at + 2].into_iter().filter(|&child| child < self.items.len());
            let before = |a: usize, b: usize| self.items[b].comes_before(&self.items[a]);
            let smallest =
                children.fold(at, |smallest, child| if before(smallest, child) { child } else { smallest });
            if smallest == at {
                return Some(first);
            }
            self.items.swap(at, smallest);
            at = smallest;
        }
    }
}
