//! Which images accept which as their neighbours.

use super::MosaicSearch;
use super::edges::{AllEdges, Side};
use super::nearest::{Nearest, nearest};

/// Two images side by side, or one above the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Link {
    /// The one to the left, or above.
    pub(super) first: u32,
    /// The one to the right, or below.
    pub(super) second: u32,
    pub(super) is_vertical: bool,
    pub(super) distance: f64,
}

/// What a search found.
pub(super) struct Found {
    /// Each pair once, shortest distance first.
    pub(super) links: Vec<Link>,
    /// How many images have found a neighbour above, below, to the left, to the right.
    pub(super) counts: [usize; 4],
}

pub(super) fn find(edges: &AllEdges, search: &MosaicSearch) -> Found {
    let (down, up) = directed(edges, (Side::Down, Side::Up), (search.down, search.up), search);
    let (right, left) = directed(edges, (Side::Right, Side::Left), (search.right, search.left), search);
    let counts = [up.len(), down.len(), left.len(), right.len()];
    let link = |is_vertical: bool| {
        move |(first, second, distance): (u32, u32, f64)| Link { first, second, is_vertical, distance }
    };
    let vertical = down.into_iter().chain(up).map(link(true));
    let mut links: Vec<Link> = vertical.chain(right.into_iter().chain(left).map(link(false))).collect();
    links.sort_by(|a, b| {
        let key = |link: &Link| (link.is_vertical, link.first, link.second);
        a.distance.total_cmp(&b.distance).then(key(a).cmp(&key(b)))
    });
    // Found from both sides, a pair has the same distance twice.
    links.dedup();
    Found { links, counts }
}

/// `(first, second, distance)`: what was found from the first of the pair, and what from the second.
type Pairs = Vec<(u32, u32, f64)>;

fn directed(
    edges: &AllEdges,
    (first, second): (Side, Side),
    limits: (f64, f64),
    search: &MosaicSearch,
) -> (Pairs, Pairs) {
    let (a, b) = (edges.side(first), edges.side(second));
    let (forward, backward) = nearest(a, b);
    let accepted = |nearest: &Option<Nearest>, limit: f64| {
        let clear =
            |n: &Nearest| search.compatibility == 0.0 || n.distance < (1.0 - search.compatibility) * n.second;
        nearest.filter(|n| n.distance < limit && clear(n))
    };
    let list = |from: &[u32], found: &[Option<Nearest>], limit: f64| -> Vec<(u32, Nearest)> {
        let both = from.iter().zip(found);
        both.filter_map(|(&image, found)| accepted(found, limit).map(|found| (image, found))).collect()
    };
    let mut forward = list(&a.images, &forward, limits.0);
    let mut backward = list(&b.images, &backward, limits.1);
    if search.mutual {
        let keeps = |list: &[(u32, Nearest)], from: u32, to: u32| {
            let at = list.binary_search_by_key(&from, |entry| entry.0);
            at.is_ok_and(|at| list[at].1.image == to)
        };
        forward.retain(|&(image, found)| keeps(&backward, found.image, image));
        backward.retain(|&(image, found)| keeps(&forward, found.image, image));
    }
    let forward = forward.into_iter().map(|(image, found)| (image, found.image, found.distance)).collect();
    let backward = backward.into_iter().map(|(image, found)| (found.image, image, found.distance)).collect();
    (forward, backward)
}
