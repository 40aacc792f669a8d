//! Numbers for the vertices of a lattice, in the order in which they are first met.

/// Bits of one coordinate in a key: coordinates that `f32` holds exactly fit, whatever their sign.
pub(super) const BITS: u32 = 24;

/// A hash table with open addressing. A key is a vertex's coordinates side by side, so that a step along an axis of the
/// lattice is one addition.
#[derive(Default)]
pub(super) struct Table {
    /// `keys[i]` is that of vertex `i + 1`; 0 means no vertex.
    keys: Vec<u128>,
    /// A power of two of places, at most half of them taken.
    places: Vec<u32>,
}

impl Table {
    /// Forgets everything but its memory.
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        let places = self.places.len().max(1 << 10);
        self.places.clear();
        self.places.resize(places, 0);
    }

    pub(super) fn keys(&self) -> &[u128] {
        &self.keys
    }

    /// The number of a vertex, or 0.
    pub(super) fn find(&self, key: u128) -> u32 {
        self.places[self.place(key)]
    }

    /// The number of a vertex, a new one if it has none. [`Table::clear`] comes first.
    pub(super) fn number(&mut self, key: u128) -> u32 {
        let place = self.place(key);
        if self.places[place] != 0 {
            return self.places[place];
        }
        self.keys.push(key);
        let number = self.keys.len() as u32;
        self.places[place] = number;
        if 2 * self.keys.len() > self.places.len() {
            self.grow();
        }
        number
    }

    /// Where a key is, or would be.
    fn place(&self, key: u128) -> usize {
        let last = self.places.len() - 1;
        // The high bits of a product depend on all bits of its factors (Fibonacci hashing).
        let mixed = (key as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ ((key >> 64) as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
        let mut place = (mixed >> 32) as usize & last;
        loop {
            match self.places[place] {
                0 => return place,
                number if self.keys[number as usize - 1] == key => return place,
                _ => place = (place + 1) & last,
            }
        }
    }

    fn grow(&mut self) {
        let places = 2 * self.places.len();
        self.places.clear();
        self.places.resize(places, 0);
        for i in 0..self.keys.len() {
            let place = self.place(self.keys[i]);
            self.places[place] = i as u32 + 1;
        }
    }
}
