//! One side of a book: quantities by price in ticks.
//!
//! Ticks next to each other share a chunk: a bitmap of those that stand, and their quantities. What a diff
//! changes is near the best price, in chunks that were changed just before; a small table finds those
//! without a search, and to set or remove a level moves nothing. A chunk that runs empty stays for a
//! while, since a price that went often comes back; the best one never is empty.

use crate::decimal::Decimal;

/// Ticks a chunk: more cost memory where levels are far apart, fewer cost time where they are not.
const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 5;

/// Entries of the table of chunks used last.
const RECENT: usize = 256;

/// Empty chunks that are always let be.
const EMPTY_FEW: usize = 16;

/// The id of a chunk that is free: that of no key, since ids are shifted keys.
const FREE: i128 = i128::MAX;

/// Levels of a side by key. A key says a price in ticks so that a greater one is better.
#[derive(Clone)]
pub(super) struct Ladder {
    /// In no order, some of them free.
    chunks: Vec<Chunk>,
    free: Vec<usize>,
    /// The chunks in use, by index, the worst first, since most changes are near the best. The last is
    /// not empty.
    order: Vec<usize>,
    /// Where in `chunks` an id was found last, by the last bits of the id.
    recent: Box<[usize; RECENT]>,
    len: usize,
    /// How many of `order` are without levels.
    empty: usize,
}

#[derive(Clone)]
struct Chunk {
    id: i128,
    /// A bit for each slot that holds a level.
    live: u32,
    quantities: [Decimal; SLOTS],
}

/// What setting a level did to the chunk.
enum Turn {
    None,
    /// It was empty.
    Filled,
    /// It is empty now.
    Emptied,
}

impl Ladder {
    pub(super) fn new() -> Self {
        Self {
            chunks: Vec::new(),
            free: Vec::new(),
            order: Vec::new(),
            recent: Box::new([usize::MAX; RECENT]),
            len: 0,
            empty: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Chunks in use, which the cost of a new one grows with.
    pub(super) fn chunks(&self) -> usize {
        self.order.len()
    }

    /// Sets the quantity at a key; zero removes. Tells how many chunks made room for a new one.
    #[inline]
    pub(super) fn set(&mut self, key: i128, quantity: Decimal) -> usize {
        let (id, slot) = split(key);
        let index = self.recent.get(recent(id)).copied().unwrap_or(usize::MAX);
        match self.chunks.get_mut(index) {
            Some(chunk) if chunk.id == id => {
                let turn = chunk.set(slot, quantity, &mut self.len);
                self.follow(turn);
                0
            }
            _ => self.set_by_search(id, slot, quantity),
        }
    }

    /// The quantity at a key.
    pub(super) fn get(&self, key: i128) -> Option<Decimal> {
        let (id, slot) = split(key);
        let chunk = self.chunks.get(*self.order.get(self.search(id))?).filter(|chunk| chunk.id == id)?;
        if chunk.live & (1 << slot) == 0 { None } else { chunk.quantities.get(slot).copied() }
    }

    #[inline]
    pub(super) fn best(&self) -> Option<(i128, Decimal)> {
        let chunk = self.chunks.get(*self.order.last()?)?;
        chunk.level(chunk.live.checked_ilog2()?)
    }

    /// The levels, best first.
    pub(super) fn levels(&self) -> Levels<impl DoubleEndedIterator<Item = (i128, Decimal)>> {
        let chunks = self.order.iter().rev().filter_map(|index| self.chunks.get(*index));
        let levels = chunks.flat_map(|chunk| Bits(chunk.live).filter_map(|slot| chunk.level(slot)));
        Levels { levels, left: self.len }
    }

    /// Removes all levels; the memory stays.
    pub(super) fn clear(&mut self) {
        self.chunks.clear();
        self.free.clear();
        self.order.clear();
        (self.len, self.empty) = (0, 0);
    }

    /// Replaces all levels. Of levels with the same key the last one counts, zeros are left out.
    ///
    /// Returns how many levels beyond the best `len_max` were left out.
    pub(super) fn replace(&mut self, mut levels: Vec<(i128, Decimal)>, len_max: usize) -> u64 {
        // Backwards, so that the stable sort leaves the last of equal keys in front of the others.
        levels.reverse();
        levels.sort_by_key(|(key, _)| *key);
        levels.dedup_by_key(|(key, _)| *key);
        levels.retain(|(_, quantity)| !quantity.is_zero());
        let excess = levels.len().saturating_sub(len_max);
        self.clear();
        for (key, quantity) in levels.into_iter().skip(excess) {
            self.set(key, quantity);
        }
        // Room for new prices now, not in the middle of a diff.
        self.chunks.reserve(self.chunks.len() / 2);
        excess as u64
    }

    /// Drops the worst levels beyond `len_max` and returns how many.
    pub(super) fn trim(&mut self, len_max: usize) -> u64 {
        let excess = self.len.saturating_sub(len_max);
        if excess == 0 {
            return 0;
        }
        let mut left = excess;
        let mut dropped = 0;
        for index in &self.order {
            let Some(chunk) = self.chunks.get_mut(*index) else { break };
            let levels = chunk.live.count_ones() as usize;
            if left == 0 || levels > left {
                (0..left).for_each(|_| chunk.live &= chunk.live - 1);
                break;
            }
            self.empty -= usize::from(levels == 0);
            chunk.id = FREE;
            self.free.push(*index);
            left -= levels;
            dropped += 1;
        }
        self.order.drain(..dropped);
        self.len -= excess;
        excess as u64
    }

    /// Where in the order an id is, or would be. Looks in ever larger pieces at the better end.
    fn search(&self, id: i128) -> usize {
        let is_worse = |index: &usize| self.chunks.get(*index).is_some_and(|chunk| chunk.id < id);
        let len = self.order.len();
        let mut piece = 1;
        while let Some(index) = len.checked_sub(piece).and_then(|at| self.order.get(at)) {
            if is_worse(index) {
                break;
            }
            piece *= 4;
        }
        let (before, piece) = self.order.split_at(len.saturating_sub(piece));
        before.len() + piece.partition_point(is_worse)
    }

    #[inline(never)]
    fn set_by_search(&mut self, id: i128, slot: usize, quantity: Decimal) -> usize {
        let at = self.search(id);
        let standing = self.order.get(at).copied();
        let standing = standing.filter(|index| self.chunks.get(*index).is_some_and(|chunk| chunk.id == id));
        let (index, moved) = match standing {
            Some(index) => (index, 0),
            None if quantity.is_zero() => return 0,
            None => (self.insert(at, id), self.order.len() - at),
        };
        if let Some(place) = self.recent.get_mut(recent(id)) {
            *place = index;
        }
        if let Some(chunk) = self.chunks.get_mut(index) {
            let turn = chunk.set(slot, quantity, &mut self.len);
            self.follow(turn);
        }
        moved
    }

    /// A new chunk, empty.
    fn insert(&mut self, at: usize, id: i128) -> usize {
        let index = self.free.pop().unwrap_or(self.chunks.len());
        match self.chunks.get_mut(index) {
            Some(chunk) => (chunk.id, chunk.live) = (id, 0),
            None => self.chunks.push(Chunk { id, live: 0, quantities: [Decimal::ZERO; SLOTS] }),
        }
        self.order.insert(at, index);
        self.empty += 1;
        index
    }

    /// Keeps what is said about empty chunks true.
    #[inline]
    fn follow(&mut self, turn: Turn) {
        match turn {
            Turn::None => {}
            Turn::Filled => self.empty -= 1,
            Turn::Emptied => self.shed(),
        }
    }

    /// After a chunk ran empty: frees those at the better end, and all others once they are too many.
    #[inline(never)]
    fn shed(&mut self) {
        self.empty += 1;
        while let Some(index) = self.order.last().copied()
            && let Some(chunk) = self.chunks.get_mut(index).filter(|chunk| chunk.live == 0)
        {
            chunk.id = FREE;
            self.free.push(index);
            self.order.pop();
            self.empty -= 1;
        }
        if self.empty > EMPTY_FEW + self.order.len() / 2 {
            self.compact();
        }
    }

    #[cold]
    fn compact(&mut self) {
        let Self { chunks, free, order, .. } = self;
        order.retain(|index| {
            let Some(chunk) = chunks.get_mut(*index).filter(|chunk| chunk.live == 0) else { return true };
            chunk.id = FREE;
            free.push(*index);
            false
        });
        self.empty = 0;
    }
}

#[cfg(test)]
impl Ladder {
    /// What is said about chunks is true of them.
    pub(super) fn assert_consistent(&self) {
        let used: Vec<_> = self.order.iter().map(|index| &self.chunks[*index]).collect();
        assert!(used.is_sorted_by(|worse, better| worse.id < better.id));
        assert!(used.last().is_none_or(|best| best.live != 0));
        assert_eq!(used.iter().filter(|chunk| chunk.live == 0).count(), self.empty);
        assert_eq!(used.iter().map(|chunk| chunk.live.count_ones() as usize).sum::<usize>(), self.len);
        assert!(self.free.iter().all(|index| self.chunks[*index].id == FREE));
        assert_eq!(self.free.len() + self.order.len(), self.chunks.len());
    }
}

impl Chunk {
    /// Sets the quantity in a slot; zero removes. `len` counts the levels.
    #[inline]
    fn set(&mut self, slot: usize, quantity: Decimal, len: &mut usize) -> Turn {
        let before = self.live;
        let bit = u32::from(!quantity.is_zero()) << slot;
        self.live = before & !(1 << slot) | bit;
        if let Some(place) = self.quantities.get_mut(slot) {
            *place = quantity;
        }
        *len = *len + usize::from(bit != 0) - usize::from(before & (1 << slot) != 0);
        match (before == 0, self.live == 0) {
            (true, false) => Turn::Filled,
            (false, true) => Turn::Emptied,
            _ => Turn::None,
        }
    }

    /// The level in a slot, whether it stands or not.
    #[inline]
    fn level(&self, slot: u32) -> Option<(i128, Decimal)> {
        let quantity = self.quantities.get(slot as usize)?;
        Some(((self.id << SLOT_BITS) + i128::from(slot), *quantity))
    }
}

/// The chunk of a key, and the slot in it.
#[inline]
fn split(key: i128) -> (i128, usize) {
    #[expect(clippy::cast_sign_loss, reason = "the last bits are wanted")]
    let slot = key as usize & (SLOTS - 1);
    (key >> SLOT_BITS, slot)
}

/// The place of an id in the table.
#[inline]
fn recent(id: i128) -> usize {
    #[expect(clippy::cast_sign_loss, reason = "the last bits are wanted")]
    let last = id as usize & (RECENT - 1);
    last
}

/// The bits set in a word, from the highest to the lowest.
struct Bits(u32);

impl Iterator for Bits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let bit = self.0.checked_ilog2()?;
        self.0 &= !(1 << bit);
        Some(bit)
    }
}

impl DoubleEndedIterator for Bits {
    fn next_back(&mut self) -> Option<u32> {
        let bit = self.0.trailing_zeros();
        self.0 &= self.0.checked_sub(1)?;
        Some(bit)
    }
}

/// Levels, and how many are left.
pub(super) struct Levels<I> {
    levels: I,
    left: usize,
}

impl<I: Iterator> Iterator for Levels<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        let level = self.levels.next()?;
        self.left = self.left.saturating_sub(1);
        Some(level)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<I: DoubleEndedIterator> DoubleEndedIterator for Levels<I> {
    fn next_back(&mut self) -> Option<I::Item> {
        let level = self.levels.next_back()?;
        self.left = self.left.saturating_sub(1);
        Some(level)
    }
}

impl<I: Iterator> ExactSizeIterator for Levels<I> {}
