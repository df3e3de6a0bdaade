//! A connection without a network: what its two ends share while somebody else moves the bytes.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::rc::Rc;

/// How a byte stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// In good order, after everything before.
    Finished,
    /// With a reset.
    Reset,
    /// With an alert of the TLS layer, by its number.
    Alert(u8),
}

#[derive(Debug)]
struct Buffers {
    received: Vec<u8>,
    /// How many of the received bytes were read.
    read: usize,
    /// What comes behind the received bytes.
    ended: Option<Ending>,
    sent: Vec<u8>,
    /// How many bytes the network takes.
    room: usize,
    /// Whether a write found no room, or not enough.
    starved: bool,
    /// Whether the server has let go.
    closed: bool,
}

/// The server's end: a nonblocking socket. Dropping it closes the connection after what was sent.
#[derive(Debug)]
pub(crate) struct End(Rc<RefCell<Buffers>>);

/// The network's end of the same.
#[derive(Debug)]
pub(crate) struct Plug(Rc<RefCell<Buffers>>);

/// Both ends of a connection whose network takes so many bytes from the server.
pub(crate) fn pair(room: usize) -> (End, Plug) {
    let buffers = Rc::new(RefCell::new(Buffers {
        received: Vec::new(),
        read: 0,
        ended: None,
        sent: Vec::new(),
        room,
        starved: false,
        closed: false,
    }));
    (End(Rc::clone(&buffers)), Plug(buffers))
}

impl Read for End {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut buffers = self.0.borrow_mut();
        let Buffers { received, read, ended, .. } = &mut *buffers;
        let ready = received.get(*read..).unwrap_or_default();
        if !ready.is_empty() {
            let len = ready.len().min(into.len());
            into.iter_mut().zip(ready).for_each(|(to, from)| *to = *from);
            *read += len;
            return Ok(len);
        }
        received.clear();
        *read = 0;
        match ended {
            None => Err(io::ErrorKind::WouldBlock.into()),
            Some(Ending::Finished) => Ok(0),
            Some(Ending::Reset | Ending::Alert(_)) => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut buffers = self.0.borrow_mut();
        if buffers.ended.is_some_and(|ended| ended != Ending::Finished) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let room = buffers.room.saturating_sub(buffers.sent.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        buffers.starved |= taken.len() < bytes.len();
        if taken.is_empty() && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        buffers.sent.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.0.borrow_mut().closed = true;
    }
}

impl Plug {
    /// Bytes arrive at the server.
    pub(crate) fn push(&self, bytes: &[u8]) {
        self.0.borrow_mut().received.extend_from_slice(bytes);
    }

    /// Nothing more arrives at the server.
    pub(crate) fn end(&self, ending: Ending) {
        self.0.borrow_mut().ended.get_or_insert(ending);
    }

    /// What the server has sent since the last time.
    pub(crate) fn take_sent(&self) -> Vec<u8> {
        let mut buffers = self.0.borrow_mut();
        let sent = std::mem::take(&mut buffers.sent);
        buffers.room = buffers.room.saturating_sub(sent.len());
        sent
    }

    /// Gives back room that was taken.
    pub(crate) fn release(&self, len: usize) {
        self.0.borrow_mut().room += len;
    }

    /// Whether the server wants to be told of room; it is asked once.
    pub(crate) fn take_starved(&self) -> bool {
        std::mem::take(&mut self.0.borrow_mut().starved)
    }

    /// Whether the server sent something, or closed.
    pub(crate) fn has_news(&self) -> bool {
        let buffers = self.0.borrow();
        buffers.closed || !buffers.sent.is_empty()
    }

    /// Whether the server has let go.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.borrow().closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_takes_as_much_as_it_has_room_for() {
        let (mut end, plug) = pair(5);
        assert_eq!(end.write(b"abc").expect("room"), 3);
        assert!(!plug.take_starved());
        assert_eq!(end.write(b"defg").expect("some room"), 2);
        assert_eq!(end.write(b"x").map_err(|error| error.kind()), Err(io::ErrorKind::WouldBlock));
        assert!(plug.take_starved() && !plug.take_starved());
        assert_eq!(plug.take_sent(), b"abcde");
        assert!(end.write(b"x").is_err(), "what was taken away still fills the window");
        plug.release(1);
        assert_eq!(end.write(b"xy").expect("room again"), 1);
    }

    #[test]
    fn the_end_comes_behind_what_arrived_and_closing_is_seen() {
        let (mut end, plug) = pair(0);
        let mut into = [0; 2];
        assert_eq!(end.read(&mut into).map_err(|error| error.kind()), Err(io::ErrorKind::WouldBlock));
        plug.push(b"abc");
        plug.end(Ending::Finished);
        let mut lens = || end.read(&mut into).expect("bytes or the end");
        assert_eq!([lens(), lens(), lens()], [2, 1, 0]);
        assert!(!plug.is_closed());
        drop(end);
        assert!(plug.is_closed());
    }
}
