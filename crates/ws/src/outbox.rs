//! The send queue: encoded frames in bounded buffers, written in as few writes as possible.
//!
//! ```text
//!   0         head                  boundary                 len
//!   ├─ written ┼─ frame being written ┼─ frames not begun ─────┤   data, and Close
//!                                     ▲
//!                  ├─ Pings and Pongs ┘                            control
//! ```
//! Pings and Pongs lie apart, so that they pass data that has not begun (RFC 6455 5.4, 5.5.3) without moving it.

use crate::error::SendError;
use crate::header::{HEADER_BYTES_MAX, Header, Opcode};
use crate::mask;

/// What is kept allocated when a queue has run empty.
const REST_BYTES: usize = 256 << 10;
/// Control frames may pass the limit by this much, so that a full queue of data cannot mute a Pong or a Close.
const CONTROL_RESERVE_BYTES: usize = 16 << 10;

pub(crate) struct Outbox {
    data: Queue,
    /// The end of the frame being written; where the next one begins when none is.
    boundary: usize,
    control: Queue,
    max: usize,
}

/// Bytes with a written part at their front.
#[derive(Default)]
struct Queue {
    buf: Vec<u8>,
    head: usize,
}

impl Queue {
    fn pending(&self) -> &[u8] {
        self.buf.get(self.head..).unwrap_or_default()
    }

    /// Takes `count` bytes off the front. True when nothing is left and the queue has started over.
    fn written(&mut self, count: usize) -> bool {
        self.head = (self.head + count).min(self.buf.len());
        let empty = self.head == self.buf.len();
        if empty {
            self.head = 0;
            self.buf.clear();
            if self.buf.capacity() > REST_BYTES {
                self.buf = Vec::with_capacity(REST_BYTES);
            }
        }
        empty
    }

    fn push(&mut self, header: Header, payload: &[u8]) {
        header.encode(&mut self.buf);
        match header.mask {
            Some(key) => mask::extend(&mut self.buf, payload, key),
            None => self.buf.extend_from_slice(payload),
        }
    }

    /// Forgets the written part when it is the larger one, so that each byte moves at most once. Tells its length.
    fn compact(&mut self) -> usize {
        if self.head <= self.buf.len() / 2 {
            return 0;
        }
        self.buf.drain(..self.head);
        std::mem::take(&mut self.head)
    }
}

impl Outbox {
    pub(crate) fn new(max: usize) -> Self {
        Self { data: Queue::default(), boundary: 0, control: Queue::default(), max }
    }

    /// Whether nothing waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // A queue that runs empty starts over.
        self.data.buf.is_empty() && self.control.buf.is_empty()
    }

    /// Whether data or a Close waits.
    pub(crate) fn has_data(&self) -> bool {
        !self.data.buf.is_empty()
    }

    /// What is to be written next, in one piece; more may follow it.
    pub(crate) fn pending(&self) -> &[u8] {
        if self.control_is_next() {
            return self.control.pending();
        }
        match self.control.pending() {
            [] => self.data.pending(),
            _ => self.data.buf.get(self.data.head..self.boundary).unwrap_or_default(),
        }
    }

    /// Control frames go ahead between two frames of data.
    fn control_is_next(&self) -> bool {
        !self.control.pending().is_empty() && self.data.head == self.boundary
    }

    /// The transport has taken `count` bytes of [`pending`](Self::pending).
    pub(crate) fn written(&mut self, count: usize) {
        if self.control_is_next() {
            self.control.written(count);
            return;
        }
        if self.data.written(count) {
            self.boundary = 0;
        }
        while self.boundary < self.data.head {
            self.boundary = self.frame_end(self.boundary);
        }
    }

    /// Appends the bytes of a handshake, before any frame.
    pub(crate) fn push_handshake(&mut self, bytes: &[u8]) {
        self.data.buf.extend_from_slice(bytes);
        self.boundary = self.data.buf.len();
    }

    /// Appends a frame behind everything that is queued.
    pub(crate) fn push(&mut self, header: Header, payload: &[u8]) -> Result<(), SendError> {
        self.admit(header.opcode, payload.len())?;
        self.boundary -= self.data.compact();
        self.data.push(header, payload);
        Ok(())
    }

    /// Queues a Ping or Pong ahead of the frames that have not begun, behind earlier Pings and Pongs.
    pub(crate) fn push_control(&mut self, header: Header, payload: &[u8]) -> Result<(), SendError> {
        self.admit(header.opcode, payload.len())?;
        self.control.compact();
        self.control.push(header, payload);
        Ok(())
    }

    /// Lets everything go.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.max);
    }

    /// Takes the frames of data that have not begun out of the queue.
    pub(crate) fn drop_unbegun(&mut self) {
        self.data.buf.truncate(self.boundary);
    }

    /// Makes sure that a frame of this payload fits.
    pub(crate) fn admit(&self, opcode: Opcode, payload: usize) -> Result<(), SendError> {
        let reserve = if opcode.is_control() { CONTROL_RESERVE_BYTES } else { 0 };
        let max = self.max.saturating_add(reserve);
        let bytes = payload.saturating_add(HEADER_BYTES_MAX);
        if bytes > max {
            return Err(SendError::TooBig { bytes, max });
        }
        let queued = self.data.pending().len() + self.control.pending().len();
        if queued.saturating_add(bytes) > max {
            return Err(SendError::Full { queued, max });
        }
        Ok(())
    }

    /// The end of the frame of ours that begins at `at`.
    fn frame_end(&self, at: usize) -> usize {
        match Header::parse(self.data.buf.get(at..).unwrap_or_default()) {
            Ok(Some((header, size))) => at + size + usize::try_from(header.len).unwrap_or(usize::MAX),
            // Only whole frames of our own encoding are queued.
            Ok(None) | Err(_) => self.data.buf.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(opcode: Opcode, payload: &[u8]) -> Header {
        Header { fin: true, rsv: 0, opcode, mask: None, len: payload.len() as u64 }
    }

    fn push(outbox: &mut Outbox, opcode: Opcode, payload: &[u8]) {
        let header = header(opcode, payload);
        match opcode {
            Opcode::Ping | Opcode::Pong => outbox.push_control(header, payload).unwrap(),
            _ => outbox.push(header, payload).unwrap(),
        }
    }

    /// Everything that goes out, in writes of `size` bytes at most.
    fn drain(outbox: &mut Outbox, size: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while let [first, ..] = outbox.pending() {
            let _ = first;
            let count = outbox.pending().len().min(size);
            out.extend_from_slice(&outbox.pending()[..count]);
            outbox.written(count);
        }
        out
    }

    #[test]
    fn control_frames_pass_data_that_has_not_begun_and_keep_their_order() {
        for size in 1..20 {
            let mut outbox = Outbox::new(1 << 20);
            push(&mut outbox, Opcode::Text, b"one");
            push(&mut outbox, Opcode::Text, b"two");
            outbox.written(1);
            push(&mut outbox, Opcode::Pong, b"a");
            push(&mut outbox, Opcode::Pong, b"b");
            push(&mut outbox, Opcode::Close, b"");
            assert_eq!(
                drain(&mut outbox, size),
                b"\x03one\x8a\x01a\x8a\x01b\x81\x03two\x88\x00",
                "writes of {size}"
            );
        }
    }

    #[test]
    fn a_control_frame_that_is_being_written_is_finished_before_data() {
        let mut outbox = Outbox::new(1 << 20);
        push(&mut outbox, Opcode::Text, b"x");
        push(&mut outbox, Opcode::Ping, b"abc");
        outbox.written(2);
        push(&mut outbox, Opcode::Ping, b"d");
        assert_eq!(drain(&mut outbox, 3), b"abc\x89\x01d\x81\x01x");
    }

    #[test]
    fn a_handshake_goes_out_before_any_frame() {
        let mut outbox = Outbox::new(100);
        outbox.push_handshake(b"GET / HTTP/1.1");
        outbox.written(3);
        push(&mut outbox, Opcode::Ping, b"");
        assert_eq!(drain(&mut outbox, 100), b" / HTTP/1.1\x89\x00");
    }

    #[test]
    fn a_full_queue_refuses_data_but_still_takes_control_frames() {
        let mut outbox = Outbox::new(100);
        push(&mut outbox, Opcode::Binary, &[0; 86]);
        assert!(matches!(outbox.push(header(Opcode::Binary, &[0; 8]), &[0; 8]), Err(SendError::Full { .. })));
        let refused = outbox.push(header(Opcode::Binary, &[0; 87]), &[0; 87]);
        assert_eq!(refused, Err(SendError::TooBig { bytes: 101, max: 100 }));
        push(&mut outbox, Opcode::Pong, b"x");
        drain(&mut outbox, 1000);
        push(&mut outbox, Opcode::Binary, &[0; 86]);
    }

    #[test]
    fn a_limit_of_everything_is_no_limit() {
        let mut outbox = Outbox::new(usize::MAX);
        push(&mut outbox, Opcode::Binary, &[0; 1000]);
        push(&mut outbox, Opcode::Pong, b"x");
    }

    #[test]
    fn written_bytes_do_not_accumulate_behind_a_queue_that_never_empties() {
        let mut outbox = Outbox::new(1 << 20);
        push(&mut outbox, Opcode::Binary, &[7; 1000]);
        for _ in 0..10_000 {
            push(&mut outbox, Opcode::Binary, &[7; 1000]);
            outbox.written(1004);
        }
        assert!(outbox.data.buf.len() < 10_000, "{} bytes", outbox.data.buf.len());
        assert_eq!(outbox.pending().len(), 1004);
    }
}
