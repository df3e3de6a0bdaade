//! The receive buffer: one linear allocation that knows bytes, not frames.
//!
//! ```text
//!   0        head            parsed             tail             len
//!   ├─ free ──┼─ held ────────┼─ not parsed ─────┼─ room ─────────┤
//! ```
//! `held` is what the message in progress or just handed out lies in; positions in it are ranges, never pointers,
//! so the buffer may grow or move its bytes while they are kept. Bytes move only when the room runs out.

use std::ops::Range;

/// What a read may bring at most: larger windows gain nothing (the destination falls out of the cache).
pub(crate) const WINDOW_BYTES: usize = 64 << 10;
/// The size of a busy connection: a few windows, so that bytes are moved once in many reads.
const BUSY_BYTES: usize = 256 << 10;
/// The size of an idle one: enough for a handshake and for what trickles in.
const IDLE_BYTES: usize = 4 << 10;
/// After this many returns to empty that needed less than half of it, a grown buffer gives half of itself back.
const CALM_MAX: u32 = 1024;

pub(crate) struct Inbox {
    buf: Vec<u8>,
    head: usize,
    parsed: usize,
    tail: usize,
    /// How many bytes belong directly behind what is here.
    missing: usize,
    /// Where a frame ends that was found to have no room even at the front: it need not be looked at again at each read.
    hopeless: usize,
    size: Size,
    calm: u32,
    moved: u64,
}

/// What the latest news say about the size of the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Right,
    /// The last read took all the room there was: more is waiting than the buffer takes at once.
    Small,
    /// Nothing has come for long.
    Idle,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            buf: vec![0; IDLE_BYTES],
            head: 0,
            parsed: 0,
            tail: 0,
            missing: 0,
            hopeless: 0,
            size: Size::Right,
            calm: 0,
            moved: 0,
        }
    }

    /// Bytes that arrived and are not parsed yet.
    #[inline]
    pub(crate) fn unparsed(&self) -> &[u8] {
        self.buf.get(self.parsed..self.tail).unwrap_or_default()
    }

    /// As [`unparsed`](Self::unparsed), where a branch is cheaper than a choice between two slices.
    #[inline]
    pub(crate) fn unparsed_or_none(&self) -> Option<&[u8]> {
        self.buf.get(self.parsed..self.tail)
    }

    /// Whether nothing is unparsed.
    #[inline]
    pub(crate) fn is_parsed(&self) -> bool {
        self.parsed == self.tail
    }

    /// Where [`unparsed`](Self::unparsed) begins.
    #[inline]
    pub(crate) fn position(&self) -> usize {
        self.parsed
    }

    /// Everything, for ranges made from [`position`](Self::position).
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buf
    }

    #[inline]
    pub(crate) fn range_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        self.buf.get_mut(range).unwrap_or_default()
    }

    /// Marks the next `count` unparsed bytes as parsed and held.
    #[inline]
    pub(crate) fn advance(&mut self, count: usize) {
        self.parsed = (self.parsed + count).min(self.tail);
    }

    /// Releases what was parsed, and parses the next `skip` bytes and `len` bytes behind them, which must be there. Where
    /// the latter lie.
    #[inline]
    pub(crate) fn take(&mut self, skip: usize, len: usize) -> Range<usize> {
        self.head = self.parsed;
        let start = self.parsed + skip;
        self.parsed = start + len;
        start..start + len
    }

    /// So many bytes belong directly behind what is here.
    #[inline]
    pub(crate) fn expect(&mut self, missing: usize) {
        self.missing = missing;
    }

    /// Lets everything parsed go.
    #[inline]
    pub(crate) fn release(&mut self) {
        self.head = self.parsed;
    }

    /// Lets everything go, parsed or not.
    pub(crate) fn clear(&mut self) {
        self.head = self.tail;
        self.parsed = self.tail;
        self.size = Size::Right;
    }

    /// The room for the next read, never none and at most [`WINDOW_BYTES`]. `held` are the ranges still wanted below
    /// [`position`](Self::position), in order; they are moved along with their bytes.
    #[inline]
    pub(crate) fn room(&mut self, held: &mut [Range<usize>]) -> &mut [u8] {
        if self.head == self.tail && self.size == Size::Right && self.buf.len() <= BUSY_BYTES {
            self.start_over();
        } else {
            self.prepare(held);
        }
        let end = self.buf.len().min(self.tail + WINDOW_BYTES);
        self.buf.get_mut(self.tail..end).unwrap_or_default()
    }

    #[inline(never)]
    fn prepare(&mut self, held: &mut [Range<usize>]) {
        if self.head == self.tail {
            self.rest();
            if self.size == Size::Small && self.buf.len() < BUSY_BYTES {
                self.grow();
            }
        } else if self.buf.len() - self.tail < WINDOW_BYTES.min(self.buf.len() / 4) {
            self.make_room(held);
        } else if self.missing > self.buf.len() - self.tail {
            self.make_way(held);
        }
        self.missing = 0;
        self.size = Size::Right;
    }

    /// The transport has written `count` bytes into the room.
    #[inline]
    pub(crate) fn received(&mut self, count: usize) {
        self.tail = (self.tail + count).min(self.buf.len());
        self.size = if self.tail == self.buf.len() { Size::Small } else { Size::Right };
    }

    /// Nothing has come for long: an empty buffer is given back when room is asked for again, and not before, because a
    /// read may be going on.
    pub(crate) fn idle(&mut self) {
        self.size = Size::Idle;
    }

    /// Bytes that are parsed and not released.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.parsed - self.head
    }

    /// Bytes moved inside the buffer so far.
    pub(crate) fn moved(&self) -> u64 {
        self.moved
    }

    /// Empty: start over at the front, and give memory back once a burst is long past.
    fn rest(&mut self) {
        if self.size == Size::Idle && self.buf.len() > IDLE_BYTES {
            *self = Self { moved: self.moved, ..Self::new() };
        }
        // Asking again for what has not come yet is no sign of calm.
        if self.buf.len() > BUSY_BYTES && self.tail > 0 {
            self.calm = if self.tail * 2 <= self.buf.len() { self.calm + 1 } else { 0 };
            if self.calm == CALM_MAX {
                self.calm = 0;
                self.buf.truncate((self.buf.len() / 2).max(BUSY_BYTES));
                self.buf.shrink_to_fit();
            }
        }
        self.start_over();
    }

    #[inline]
    fn start_over(&mut self) {
        (self.head, self.parsed, self.tail, self.hopeless) = (0, 0, 0, 0);
    }

    /// A frame that fits into the buffer, but not behind what lies before it: what of it is there moves now, while that
    /// is little.
    fn make_way(&mut self, held: &mut [Range<usize>]) {
        let end = self.tail.saturating_add(self.missing);
        if self.missing > self.buf.len() || end == self.hopeless {
            return;
        }
        if self.kept(held) + self.missing <= self.buf.len() {
            self.close_gaps(held);
        } else {
            self.hopeless = end;
        }
    }

    /// The bytes that are still wanted.
    fn kept(&self, held: &[Range<usize>]) -> usize {
        held.iter().map(ExactSizeIterator::len).sum::<usize>() + self.tail - self.parsed
    }

    /// Closes the gaps when that makes room for two reads at least and for a quarter of the buffer, so that each byte
    /// moves a bounded number of times; else doubles it.
    fn make_room(&mut self, held: &mut [Range<usize>]) {
        let freed = self.buf.len() - self.kept(held);
        if freed >= (2 * WINDOW_BYTES).max(self.buf.len() / 4) {
            self.close_gaps(held);
        } else {
            self.grow();
        }
    }

    fn grow(&mut self) {
        self.moved += self.tail as u64;
        self.hopeless = 0;
        self.buf.resize(self.buf.len() * 2, 0);
    }

    /// Moves the held ranges and the unparsed bytes to the front, without the headers and control frames between them.
    pub(crate) fn close_gaps(&mut self, held: &mut [Range<usize>]) {
        let mut end = 0;
        for range in held {
            let len = range.len();
            self.shift(range.clone(), end);
            *range = end..end + len;
            end += len;
        }
        let unparsed = self.tail - self.parsed;
        self.shift(self.parsed..self.tail, end);
        (self.head, self.parsed, self.tail) = (0, end, end + unparsed);
        self.hopeless = 0;
    }

    /// Joins `held` into one range at the place of the first, leaving all other bytes where they are.
    pub(crate) fn join(&mut self, held: &[Range<usize>]) -> Range<usize> {
        let start = held.first().map_or(self.parsed, |first| first.start);
        let mut end = start;
        for range in held {
            self.shift(range.clone(), end);
            end += range.len();
        }
        start..end
    }

    fn shift(&mut self, from: Range<usize>, to: usize) {
        if from.start != to && !from.is_empty() {
            self.moved += from.len() as u64;
            self.buf.copy_within(from, to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(inbox: &mut Inbox, held: &mut [Range<usize>], mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = inbox.room(held);
            let (now, later) = bytes.split_at(room.len().min(bytes.len()));
            room[..now.len()].copy_from_slice(now);
            inbox.received(now.len());
            bytes = later;
        }
    }

    #[test]
    fn room_grows_with_what_comes_up_to_a_window() {
        let mut inbox = Inbox::new();
        let mut rooms = Vec::new();
        for _ in 0..12 {
            let room = inbox.room(&mut []).len();
            rooms.push(room);
            inbox.received(room);
            inbox.advance(room);
            inbox.release();
        }
        assert_eq!(rooms[..5], [4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10]);
        assert!(rooms[5..].iter().all(|room| *room == WINDOW_BYTES), "{rooms:?}");
        assert!(inbox.buf.len() <= BUSY_BYTES);
        let mut trickled = Inbox::new();
        for _ in 0..1000 {
            feed(&mut trickled, &mut [], b"tick");
            trickled.clear();
        }
        assert_eq!(trickled.buf.len(), IDLE_BYTES);
    }

    #[test]
    fn an_idle_buffer_is_given_back_and_one_in_use_is_not() {
        let mut inbox = Inbox::new();
        feed(&mut inbox, &mut [], &[1; 100_000]);
        inbox.idle();
        inbox.room(&mut []);
        assert_eq!(inbox.unparsed(), [1; 100_000]);
        inbox.clear();
        inbox.idle();
        assert_eq!(inbox.room(&mut []).len(), IDLE_BYTES);
        assert_eq!(inbox.buf.len(), IDLE_BYTES);
    }

    #[test]
    fn what_arrives_in_the_moment_of_giving_back_is_kept() {
        let mut inbox = Inbox::new();
        feed(&mut inbox, &mut [], &[1; 100_000]);
        inbox.clear();
        inbox.room(&mut [])[..5].copy_from_slice(b"hello");
        inbox.idle();
        inbox.received(5);
        assert_eq!(inbox.unparsed(), b"hello");
    }

    #[test]
    fn a_frame_that_will_not_fit_behind_others_moves_while_it_is_short() {
        let mut inbox = Inbox::new();
        for _ in 0..40 {
            feed(&mut inbox, &mut [], &[1; WINDOW_BYTES]);
        }
        let size = inbox.buf.len();
        inbox.clear();
        feed(&mut inbox, &mut [], &[1; WINDOW_BYTES]);
        inbox.advance(WINDOW_BYTES - 10);
        inbox.release();
        let before = inbox.moved();
        inbox.expect(size - 10);
        inbox.room(&mut []);
        assert_eq!((inbox.moved() - before, inbox.unparsed().len(), inbox.buf.len()), (10, 10, size));
    }

    #[test]
    fn a_frame_that_has_no_room_at_the_front_is_looked_at_once() {
        let mut inbox = Inbox::new();
        for _ in 0..40 {
            feed(&mut inbox, &mut [], &[1; WINDOW_BYTES]);
        }
        let size = inbox.buf.len();
        inbox.clear();
        // The beginning of a message, and of its next frame.
        let mut held = [0..WINDOW_BYTES / 2, WINDOW_BYTES / 2..WINDOW_BYTES];
        feed(&mut inbox, &mut held, &[1; WINDOW_BYTES]);
        inbox.advance(WINDOW_BYTES);
        feed(&mut inbox, &mut held, &[2; 10]);
        let before = inbox.moved();
        let read = |inbox: &mut Inbox, held: &mut [Range<usize>], missing| {
            inbox.expect(missing);
            inbox.room(held);
            inbox.received(1);
            inbox.moved() - before
        };
        assert_eq!(read(&mut inbox, &mut held, size - 10), 0);
        // What is held is not even looked at while the frame is the same.
        assert_eq!(read(&mut inbox, &mut [], size - 11), 0);
        assert_eq!(read(&mut inbox, &mut [], size - 100), 12, "another frame");
    }

    #[test]
    fn held_ranges_keep_their_bytes_when_gaps_close_and_when_the_buffer_grows() {
        let mut inbox = Inbox::new();
        let mut held: Vec<Range<usize>> = Vec::new();
        // A held piece of 3 bytes and a gap of 60,000 bytes, over and over: far more than the buffer.
        for round in 0..40u8 {
            let mut chunk = vec![0xEE; 60_000];
            chunk[..3].fill(round);
            feed(&mut inbox, &mut held, &chunk);
            held.push(inbox.position()..inbox.position() + 3);
            inbox.advance(60_000);
        }
        assert!(inbox.buf.len() <= BUSY_BYTES, "gaps are closed before the buffer grows");
        for (round, range) in held.iter().enumerate() {
            assert_eq!(inbox.bytes()[range.clone()], [u8::try_from(round).unwrap(); 3]);
        }
        let joined = inbox.join(&held);
        let expected: Vec<u8> = (0..40u8).flat_map(|round| [round; 3]).collect();
        assert_eq!(inbox.bytes()[joined], expected);
    }

    #[test]
    fn a_buffer_that_is_mostly_held_grows_instead_of_closing_gaps_at_each_read() {
        let mut inbox = Inbox::new();
        let mut held = Vec::new();
        for _ in 0..3 {
            feed(&mut inbox, &mut held, &[7; WINDOW_BYTES]);
        }
        held.push(0..3 * WINDOW_BYTES);
        inbox.advance(3 * WINDOW_BYTES);
        feed(&mut inbox, &mut held, b"x");
        feed(&mut inbox, &mut held, b"x");
        assert!(inbox.buf.len() > BUSY_BYTES);
    }

    #[test]
    fn a_grown_buffer_shrinks_back_only_after_a_long_calm() {
        let mut inbox = Inbox::new();
        for _ in 0..32 {
            feed(&mut inbox, &mut [], &vec![1; WINDOW_BYTES]);
        }
        let grown = inbox.buf.len();
        assert!(grown >= 32 * WINDOW_BYTES);
        let mut rounds = 0;
        while inbox.buf.len() > BUSY_BYTES {
            inbox.clear();
            feed(&mut inbox, &mut [], b"tick");
            rounds += 1;
            assert!(rounds < 100_000, "never shrinks");
        }
        assert!(rounds > CALM_MAX, "shrank after {rounds} quiet rounds");
    }
}
