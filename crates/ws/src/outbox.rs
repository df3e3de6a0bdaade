//! The send queue: encoded frames in bounded buffers, written in as few writes as possible.
//!
//! ```text
//!   0         head                  boundary                 len
//!   ├─ written ┼─ frame being written ┼─ frames not begun ─────┤   data, and Close
//!                                     ▲
//!                  ├─ Pings and Pongs ┘                            control
//! ```
//! Pings and Pongs lie apart, so that they pass data that has not begun (RFC 6455 5.4, 5.5.3) without moving it. A payload that
//! is owned lies apart, too: only its header is in the buffer, and the payload is due where that ends.

use crate::error::SendError;
use crate::header::{HEADER_BYTES_MAX, Header, Opcode};
use crate::mask;
use bytes::{Buf as _, Bytes, BytesMut};
use std::collections::VecDeque;

/// What is kept allocated when a queue has run empty.
const REST_BYTES: usize = 256 << 10;
/// Control frames may pass the limit by this much, so that a full queue of data cannot mute a Pong or a Close.
const CONTROL_RESERVE_BYTES: usize = 16 << 10;

pub(crate) struct Outbox {
    data: Queue,
    /// The end of the frame being written; where the next one begins when none is.
    boundary: usize,
    /// Payloads that are not copied, in their order, and the bytes that are left of them.
    owned: VecDeque<Owned>,
    owned_bytes: usize,
    control: Queue,
    max: usize,
}

/// What is left of a payload, and where its header ends in the buffer of data.
struct Owned {
    at: usize,
    rest: Bytes,
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

    /// Takes `count` bytes off the front.
    fn written(&mut self, count: usize) {
        self.head = (self.head + count).min(self.buf.len());
    }

    /// Starts over if nothing is left; true if so.
    fn start_over(&mut self) -> bool {
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

    /// So that each byte moves at most once when the written part is forgotten then.
    fn is_mostly_written(&self) -> bool {
        self.head > self.buf.len() / 2
    }

    /// Forgets the written part but for its last bytes. Tells how many went.
    #[inline(never)]
    fn forget_written(&mut self, kept: usize) -> usize {
        let count = self.head.saturating_sub(kept);
        self.buf.drain(..count);
        self.head -= count;
        count
    }
}

impl Outbox {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            data: Queue::default(),
            boundary: 0,
            owned: VecDeque::new(),
            owned_bytes: 0,
            control: Queue::default(),
            max,
        }
    }

    /// Whether nothing waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // A queue that runs empty starts over, that of data when no payload is left either.
        self.data.buf.is_empty() && self.control.buf.is_empty()
    }

    /// Whether data or a Close waits.
    pub(crate) fn has_data(&self) -> bool {
        !self.data.buf.is_empty()
    }

    /// What is to be written next, in one piece; more may follow it.
    #[inline]
    pub(crate) fn pending(&self) -> &[u8] {
        if self.owned.is_empty() && self.control.buf.is_empty() {
            return self.data.pending();
        }
        self.pending_of_several()
    }

    #[inline(never)]
    fn pending_of_several(&self) -> &[u8] {
        if self.control_is_next() {
            return self.control.pending();
        }
        if let Some(rest) = self.pending_owned() {
            return rest;
        }
        let end = match (self.control.pending(), self.owned.front()) {
            ([], None) => self.data.buf.len(),
            ([], Some(owned)) => owned.at,
            _ => self.boundary,
        };
        self.data.buf.get(self.data.head..end).unwrap_or_default()
    }

    /// The same, if it is the rest of an owned payload.
    #[inline]
    pub(crate) fn pending_owned(&self) -> Option<&Bytes> {
        self.owned.front().filter(|owned| owned.at == self.data.head).map(|owned| &owned.rest)
    }

    /// Control frames go ahead between two frames of data.
    fn control_is_next(&self) -> bool {
        let has_control = !self.control.buf.is_empty();
        has_control && self.data.head == self.boundary && self.pending_owned().is_none()
    }

    /// The transport has taken `count` bytes of [`pending`](Self::pending).
    pub(crate) fn written(&mut self, count: usize) {
        if self.control_is_next() {
            self.control.written(count);
            self.control.start_over();
            return;
        }
        match self.owned.front_mut() {
            Some(owned) if owned.at == self.data.head => {
                let count = count.min(owned.rest.len());
                owned.rest.advance(count);
                self.owned_bytes -= count;
                if owned.rest.is_empty() {
                    self.owned.pop_front();
                }
            }
            _ => self.data.written(count),
        }
        self.start_over();
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
        if self.data.is_mostly_written() {
            self.forget_written();
        }
        self.data.push(header, payload);
        Ok(())
    }

    /// The same without a copy: takes the payload, which must not be empty, and masks it where it lies.
    pub(crate) fn push_owned(&mut self, header: Header, payload: &mut BytesMut) -> Result<(), SendError> {
        self.admit(header.opcode, payload.len())?;
        if let Some(key) = header.mask {
            mask::apply(payload, key, 0);
        }
        if self.data.is_mostly_written() {
            self.forget_written();
        }
        header.encode(&mut self.data.buf);
        self.owned_bytes += payload.len();
        self.owned.push_back(Owned { at: self.data.buf.len(), rest: std::mem::take(payload).freeze() });
        Ok(())
    }

    #[inline(never)]
    fn forget_written(&mut self) {
        // The buffer is empty only when nothing waits at all: something stays of the header of a payload that is being written.
        let count = self.data.forget_written(usize::from(self.pending_owned().is_some()));
        self.boundary -= count;
        self.owned.iter_mut().for_each(|owned| owned.at -= count);
    }

    /// Queues a Ping or Pong ahead of the frames that have not begun, behind earlier Pings and Pongs.
    pub(crate) fn push_control(&mut self, header: Header, payload: &[u8]) -> Result<(), SendError> {
        self.admit(header.opcode, payload.len())?;
        if self.control.is_mostly_written() {
            self.control.forget_written(0);
        }
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
        self.owned.retain(|owned| owned.at <= self.boundary);
        self.owned_bytes = self.owned.iter().map(|owned| owned.rest.len()).sum();
        self.start_over();
    }

    /// Lets what is written go, if that is all.
    fn start_over(&mut self) {
        if self.owned.is_empty() && self.data.start_over() {
            self.boundary = 0;
        }
    }

    /// Makes sure that a frame of this payload fits.
    pub(crate) fn admit(&self, opcode: Opcode, payload: usize) -> Result<(), SendError> {
        let reserve = if opcode.is_control() { CONTROL_RESERVE_BYTES } else { 0 };
        let max = self.max.saturating_add(reserve);
        let bytes = payload.saturating_add(HEADER_BYTES_MAX);
        if bytes > max {
            return Err(SendError::TooBig { bytes, max });
        }
        let queued = self.data.pending().len() + self.owned_bytes + self.control.pending().len();
        if queued.saturating_add(bytes) > max {
            return Err(SendError::Full { queued, max });
        }
        Ok(())
    }

    /// The end of the frame of ours that begins at `at`.
    fn frame_end(&self, at: usize) -> usize {
        match Header::parse(self.data.buf.get(at..).unwrap_or_default()) {
            Ok(Some((_, size))) if self.owned.front().is_some_and(|owned| owned.at == at + size) => at + size,
            Ok(Some((header, size))) => at + size + usize::try_from(header.len).unwrap_or(usize::MAX),
            // Only whole frames of our own encoding are queued.
            Ok(None) | Err(_) => self.data.buf.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

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
        // Nor do the headers of payloads that lie elsewhere, whenever there is a payload being written.
        let mut outbox = Outbox::new(1 << 20);
        for _ in 0..10_000 {
            let mut payload = BytesMut::zeroed(1000);
            outbox.push_owned(header(Opcode::Binary, &payload), &mut payload).unwrap();
            let bytes = if outbox.owned_bytes == 1000 { 504 } else { 1004 };
            write(&mut outbox, bytes);
        }
        assert!(outbox.data.buf.len() < 100, "{} bytes", outbox.data.buf.len());
        assert_eq!(outbox.pending().len(), 500);
    }

    #[test]
    fn a_payload_that_is_taken_goes_out_from_where_it_lies() {
        let mut outbox = Outbox::new(1 << 20);
        let mut payload = BytesMut::from(&b"Hello"[..]);
        let address = payload.as_ptr();
        // RFC 6455 5.7: a single-frame masked text message.
        let header = Header { mask: Some([0x37, 0xfa, 0x21, 0x3d]), ..header(Opcode::Text, &payload) };
        outbox.push_owned(header, &mut payload).unwrap();
        assert!(payload.is_empty() && outbox.pending_owned().is_none());
        assert_eq!(outbox.pending(), [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d]);
        outbox.written(6);
        assert_eq!(outbox.pending_owned().unwrap(), &[0x7f, 0x9f, 0x4d, 0x51, 0x58][..]);
        assert_eq!(outbox.pending().as_ptr(), address);
        outbox.written(2);
        let rest = outbox.pending_owned().cloned().unwrap();
        outbox.written(3);
        assert!(outbox.is_empty() && outbox.pending().is_empty());
        assert_eq!(rest, &[0x4d, 0x51, 0x58][..], "a handle keeps what the outbox has let go");
    }

    /// What can happen to a queue.
    #[derive(Debug, Clone)]
    enum Step {
        Data { payload: Vec<u8>, is_owned: bool, mask: Option<[u8; 4]> },
        Control { payload: Vec<u8> },
        Write { bytes: usize },
        DropUnbegun,
    }

    fn any_step() -> impl Strategy<Value = Step> {
        let payload = prop_oneof![4 => vec(any::<u8>(), 1..60), 1 => vec(any::<u8>(), 120..140)];
        prop_oneof![
            6 => (payload, any::<bool>(), any::<Option<[u8; 4]>>())
                .prop_map(|(payload, is_owned, mask)| Step::Data { payload, is_owned, mask }),
            3 => vec(any::<u8>(), 0..9).prop_map(|payload| Step::Control { payload }),
            8 => prop_oneof![0usize..9, 0usize..200].prop_map(|bytes| Step::Write { bytes }),
            1 => Just(Step::DropUnbegun),
        ]
    }

    /// Writes so many bytes, in as many pieces as the queue has them in.
    fn write(outbox: &mut Outbox, mut bytes: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while bytes > 0 && !outbox.pending().is_empty() {
            let piece = outbox.pending();
            if let Some(owned) = outbox.pending_owned() {
                assert_eq!(owned, piece);
            }
            let count = piece.len().min(bytes);
            out.extend_from_slice(&piece[..count]);
            outbox.written(count);
            bytes -= count;
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_is_not_copied_goes_out_as_what_is(steps in vec(any_step(), 1..60)) {
            let [mut copying, mut owning] = [Outbox::new(700), Outbox::new(700)];
            for step in steps {
                match step {
                    Step::Data { payload, is_owned, mask } => {
                        let header = Header { mask, ..header(Opcode::Binary, &payload) };
                        let expected = copying.push(header, &payload);
                        let mut taken = BytesMut::from(&payload[..]);
                        let done = if is_owned { owning.push_owned(header, &mut taken) } else { owning.push(header, &payload) };
                        prop_assert_eq!(done, expected);
                        prop_assert!(taken == payload || (is_owned && done.is_ok() && taken.is_empty()));
                    }
                    Step::Control { payload } => {
                        let header = header(Opcode::Pong, &payload);
                        prop_assert_eq!(owning.push_control(header, &payload), copying.push_control(header, &payload));
                    }
                    Step::Write { bytes } => prop_assert_eq!(write(&mut owning, bytes), write(&mut copying, bytes)),
                    Step::DropUnbegun => {
                        copying.drop_unbegun();
                        owning.drop_unbegun();
                    }
                }
                prop_assert_eq!(owning.pending().is_empty(), copying.pending().is_empty());
                prop_assert_eq!((owning.is_empty(), owning.has_data()), (copying.is_empty(), copying.has_data()));
            }
            prop_assert_eq!(write(&mut owning, usize::MAX), write(&mut copying, usize::MAX));
            prop_assert!(owning.is_empty() && owning.owned.is_empty());
        }
    }
}
