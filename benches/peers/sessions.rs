//! TLS sessions between a client under test and a server that keeps nothing but the keys.

use crate::Outcome;
use crate::certificates::{HOST, Identity};
use crate::records::{self, Direction};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use tickwire::rustls::{ClientConnection, ServerConnection, StreamOwned};
use tickwire::{Client, Tls};

/// The server's keys: to the client, and from it.
pub(crate) type Keys = (Direction, Direction);

/// rustls as its users have it: buffered, over a stream that becomes nonblocking after the handshake.
pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A server's handshake, going on beside the client's.
pub(crate) struct Accepting(JoinHandle<Outcome<Keys>>);

impl Accepting {
    /// `server` has to be blocking.
    pub(crate) fn begin(identity: &Identity, server: &TcpStream) -> Outcome<Self> {
        let mut server = server.try_clone()?;
        let session = ServerConnection::new(Arc::clone(&identity.server))?;
        Ok(Self(thread::spawn(move || records::accept(session, &mut server))))
    }

    pub(crate) fn finish(self) -> Outcome<Keys> {
        self.0.join().map_err(|_| "the server's handshake panicked")?
    }
}

/// tickwire does its handshake while it is read.
pub(crate) fn tickwire(
    identity: &Identity,
    client: TcpStream,
    server: &TcpStream,
) -> Outcome<(Client<Tls<TcpStream>>, Keys)> {
    let accepting = Accepting::begin(identity, server)?;
    let tls = Tls::new(client, Arc::clone(&identity.client), HOST)?;
    let mut client = Client::builder().upgraded_through(tls, b"")?;
    while !accepting.0.is_finished() {
        assert!(client.next_message_direct()?.is_none(), "nothing was sent yet");
        thread::yield_now();
    }
    Ok((client, accepting.finish()?))
}

/// A stream for the peers that read from one.
pub(crate) fn stream(
    identity: &Identity,
    mut client: TcpStream,
    server: &TcpStream,
) -> Outcome<(Stream, Keys)> {
    let accepting = Accepting::begin(identity, server)?;
    let mut session = ClientConnection::new(Arc::clone(&identity.client), identity.name.clone())?;
    client.set_nonblocking(false)?;
    while session.is_handshaking() {
        session.complete_io(&mut client)?;
    }
    client.set_nonblocking(true)?;
    Ok((StreamOwned::new(session, client), accepting.finish()?))
}
