//! The send queue: encoded frames in one bounded buffer, written in as few writes as possible.
//!
//! ```text
//!   0         head                  boundary                 len
//!   ├─ written ┼─ frame being written ┼─ frames not begun ─────┤
//! ```
//! Pings and Pongs go in at `boundary`, ahead of data that has not begun (RFC 6455 5.4, 5.5.3).

use crate::error::SendError;
use crate::header::{HEADER_BYTES_MAX, Header, Opcode};
use crate::mask;

/// What is kept allocated when the queue has run empty.
const REST_BYTES: usize = 64 << 10;
/// Control frames may pass the limit by this much, so that a full queue of data cannot mute a Pong or a Close.
const CONTROL_RESERVE_BYTES: usize = 16 << 10;

pub(crate) struct Outbox {
    buf: Vec<u8>,
    head: usize,
    boundary: usize,
    max: usize,
}

impl Outbox {
    pub(crate) fn new(max: usize) -> Self {
        Self { buf: Vec::new(), head: 0, boundary: 0, max }
    }

    /// What waits to be written.
    pub(crate) fn pending(&self) -> &[u8] {
        self.buf.get(self.head..).unwrap_or_default()
    }

    /// The transport has taken `count` bytes of [`pending`](Self::pending).
    pub(crate) fn written(&mut self, count: usize) {
        self.head = (self.head + count).min(self.buf.len());
        if self.head == self.buf.len() {
            self.buf.clear();
            if self.buf.capacity() > REST_BYTES {
                self.buf = Vec::with_capacity(REST_BYTES);
            }
            (self.head, self.boundary) = (0, 0);
        }
        while self.boundary < self.head {
            self.boundary = self.frame_end(self.boundary);
        }
    }

    /// Appends the bytes of a handshake, before any frame.
    pub(crate) fn push_handshake(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
        self.boundary = self.buf.len();
    }

    /// Appends a frame behind everything that is queued.
    pub(crate) fn push(&mut self, header: Header, payload: &[u8]) -> Result<(), SendError> {
        self.admit(header.opcode, payload.len())?;
        encode(&mut self.buf, header, payload);
        Ok(())
    }

    /// Inserts a Ping or Pong ahead of the frames that have not begun, behind earlier Pings and Pongs.
    pub(crate) fn push_control(&mut self, header: Header, payload: &[u8]) -> Result<(), SendError> {
        self.admit(header.opcode, payload.len())?;
        let mut at = self.boundary;
        while let Some(first) = self.buf.get(at)
            && matches!(Opcode::from_bits(first & 0x0F), Some(Opcode::Ping | Opcode::Pong))
        {
            at = self.frame_end(at);
        }
        let behind = self.buf.split_off(at);
        encode(&mut self.buf, header, payload);
        self.buf.extend_from_slice(&behind);
        Ok(())
    }

    /// Takes the frames that have not begun out of the queue.
    pub(crate) fn drop_unbegun(&mut self) {
        self.buf.truncate(self.boundary);
    }

    fn admit(&mut self, opcode: Opcode, payload: usize) -> Result<(), SendError> {
        let max = self.max + if opcode.is_control() { CONTROL_RESERVE_BYTES } else { 0 };
        let bytes = payload.saturating_add(HEADER_BYTES_MAX);
        if bytes > max {
            return Err(SendError::TooBig { bytes, max });
        }
        let queued = self.pending().len();
        if queued + bytes > max {
            return Err(SendError::Full { queued, max });
        }
        // The written part goes when it is the larger one, so that each byte moves at most once.
        if self.head > self.buf.len() / 2 {
            self.buf.drain(..self.head);
            self.boundary -= self.head;
            self.head = 0;
        }
        Ok(())
    }

    /// The end of the frame of ours that begins at `at`.
    fn frame_end(&self, at: usize) -> usize {
        match Header::parse(self.buf.get(at..).unwrap_or_default()) {
            Ok(Some((header, size))) => at + size + usize::try_from(header.len).unwrap_or(usize::MAX),
            // Only whole frames of our own encoding are queued.
            Ok(None) | Err(_) => self.buf.len(),
        }
    }
}

fn encode(out: &mut Vec<u8>, header: Header, payload: &[u8]) {
    header.encode(out);
    match header.mask {
        Some(key) => mask::extend(out, payload, key),
        None => out.extend_from_slice(payload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(opcode: Opcode, payload: &[u8]) -> Header {
        Header { fin: true, rsv: 0, opcode, mask: None, len: payload.len() as u64 }
    }

    fn order(outbox: &Outbox) -> Vec<(Opcode, Vec<u8>)> {
        let mut frames = Vec::new();
        let mut at = outbox.boundary;
        while let Some(bytes) = outbox.buf.get(at..).filter(|bytes| !bytes.is_empty()) {
            let (header, size) = Header::parse(bytes).unwrap().unwrap();
            let end = size + usize::try_from(header.len).unwrap();
            frames.push((header.opcode, bytes[size..end].to_vec()));
            at += end;
        }
        frames
    }

    #[test]
    fn control_frames_pass_data_that_has_not_begun_and_keep_their_order() {
        let mut outbox = Outbox::new(1 << 20);
        outbox.push(header(Opcode::Text, b"one"), b"one").unwrap();
        outbox.push(header(Opcode::Text, b"two"), b"two").unwrap();
        outbox.written(1);
        outbox.push_control(header(Opcode::Pong, b"a"), b"a").unwrap();
        outbox.push_control(header(Opcode::Pong, b"b"), b"b").unwrap();
        assert_eq!(
            order(&outbox),
            [(Opcode::Pong, b"a".to_vec()), (Opcode::Pong, b"b".to_vec()), (Opcode::Text, b"two".to_vec())]
        );
        assert_eq!(&outbox.pending()[..4], b"\x03one", "the frame being written is left whole");
    }

    #[test]
    fn a_full_queue_refuses_data_but_still_takes_control_frames() {
        let mut outbox = Outbox::new(100);
        outbox.push(header(Opcode::Binary, &[0; 86]), &[0; 86]).unwrap();
        assert!(matches!(outbox.push(header(Opcode::Binary, &[0; 8]), &[0; 8]), Err(SendError::Full { .. })));
        assert_eq!(
            outbox.push(header(Opcode::Binary, &[0; 87]), &[0; 87]),
            Err(SendError::TooBig { bytes: 101, max: 100 })
        );
        outbox.push_control(header(Opcode::Pong, b"x"), b"x").unwrap();
        outbox.written(outbox.pending().len());
        outbox.push(header(Opcode::Binary, &[0; 86]), &[0; 86]).unwrap();
    }

    #[test]
    fn written_bytes_do_not_accumulate_behind_a_queue_that_never_empties() {
        let mut outbox = Outbox::new(1 << 20);
        outbox.push(header(Opcode::Binary, &[7; 1000]), &[7; 1000]).unwrap();
        for _ in 0..10_000 {
            outbox.push(header(Opcode::Binary, &[7; 1000]), &[7; 1000]).unwrap();
            outbox.written(1004);
        }
        assert!(outbox.buf.len() < 10_000, "{} bytes", outbox.buf.len());
        assert_eq!(outbox.pending().len(), 1004);
    }
}
