//! The clients of the round trips: each sends one text and spins until it is back.

use super::echo::Bare;
use crate::Outcome;
use crate::loopback::Spin;
use std::hint::black_box;
use std::io::{ErrorKind, Read, Write};
use tickwire::{Client, Transport};
use tungstenite::protocol::Role;
use tungstenite::{Error, Message, WebSocket};

pub(crate) trait Caller {
    /// One round trip; the length of what came back.
    fn call(&mut self, payload: &'static str) -> Outcome<usize>;
}

impl Caller for Bare {
    fn call(&mut self, payload: &'static str) -> Outcome<usize> {
        Ok(Self::call(self, payload.as_bytes())?)
    }
}

impl<T: Transport> Caller for Client<T> {
    fn call(&mut self, payload: &'static str) -> Outcome<usize> {
        self.send_text(payload)?;
        while !self.flush()? {}
        let mut spin = Spin::default();
        loop {
            if let Some(message) = self.next_message_direct()? {
                return Ok(message.fragments().map(|fragment| black_box(fragment).len()).sum());
            }
            spin.once();
        }
    }
}

/// The text is given away as static memory, which spares it a copy.
pub(crate) struct Tungstenite<S>(WebSocket<S>);

impl<S: Read + Write> Tungstenite<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self(WebSocket::from_raw_socket(stream, Role::Client, None))
    }
}

impl<S: Read + Write> Caller for Tungstenite<S> {
    fn call(&mut self, payload: &'static str) -> Outcome<usize> {
        self.0.send(Message::Text(tungstenite::Utf8Bytes::from_static(payload)))?;
        let mut spin = Spin::default();
        loop {
            match self.0.read() {
                Ok(message) => return Ok(black_box(message.into_data()).len()),
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => spin.once(),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(feature = "peers")]
impl<S: Read + Write> Caller for crate::arms::synchronous::Boomnet<S> {
    fn call(&mut self, payload: &'static str) -> Outcome<usize> {
        use boomnet::ws::WebsocketFrame;
        self.0.send_text(true, Some(payload.as_bytes())).map_err(|error| error.to_string())?;
        let mut spin = Spin::default();
        loop {
            match self.0.receive_next() {
                None => spin.once(),
                Some(Ok(WebsocketFrame::Text(true, payload))) => return Ok(black_box(payload).len()),
                Some(Ok(_)) => return Err("boomnet: another frame".into()),
                Some(Err(error)) => return Err(error.to_string().into()),
            }
        }
    }
}
