//! Links grow into sections: Kruskal's algorithm, with a place for each tile.

use std::collections::HashMap;

use super::links::Link;

/// An image and its row and column, counted from anywhere.
pub(super) type Place = (u32, (i32, i32));

/// The sections of two and more tiles, and how many links were left out because they contradict shorter ones.
pub(super) fn assemble(images: usize, links: &[Link]) -> (Vec<Vec<Place>>, usize) {
    let mut board = Board {
        section: (0..images).collect(),
        place: vec![(0, 0); images],
        members: (0..images as u32).map(|image| vec![image]).collect(),
        taken: (0..images as u32).map(|image| HashMap::from([((0, 0), image)])).collect(),
    };
    let contradictions = links.iter().filter(|link| !board.join(link)).count();
    let Board { place, members, .. } = board;
    let sections = members.into_iter().filter(|members| members.len() > 1);
    let placed =
        |members: Vec<u32>| members.into_iter().map(|image| (image, place[image as usize])).collect();
    (sections.map(placed).collect(), contradictions)
}

struct Board {
    /// The section of each image.
    section: Vec<usize>,
    /// Row and column of each image in its section.
    place: Vec<(i32, i32)>,
    /// The images of each section.
    members: Vec<Vec<u32>>,
    /// Who is where in each section.
    taken: Vec<HashMap<(i32, i32), u32>>,
}

impl Board {
    /// Puts two sections together where a link says; false if it cannot be so.
    fn join(&mut self, link: &Link) -> bool {
        let (a, b) = (self.section[link.first as usize], self.section[link.second as usize]);
        let (row, column) = self.place[link.first as usize];
        let wanted = if link.is_vertical { (row + 1, column) } else { (row, column + 1) };
        let now = self.place[link.second as usize];
        if a == b {
            return wanted == now;
        }
        // How far the tiles of b move. The smaller section moves to the larger one.
        let shift = (wanted.0 - now.0, wanted.1 - now.1);
        let (to, from, shift) = match self.members[a].len() >= self.members[b].len() {
            true => (a, b, shift),
            false => (b, a, (-shift.0, -shift.1)),
        };
        let moved = |place: (i32, i32)| (place.0 + shift.0, place.1 + shift.1);
        let free = |&image: &u32| !self.taken[to].contains_key(&moved(self.place[image as usize]));
        if !self.members[from].iter().all(free) {
            return false;
        }
        self.taken[from].clear();
        for image in std::mem::take(&mut self.members[from]) {
            let place = moved(self.place[image as usize]);
            self.place[image as usize] = place;
            self.section[image as usize] = to;
            self.taken[to].insert(place, image);
            self.members[to].push(image);
        }
        true
    }
}
