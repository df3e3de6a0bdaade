//! Names to addresses, on a thread, because the system's resolver blocks.

use mio::unix::pipe;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::mpsc;

/// A look-up that is under way.
#[derive(Debug)]
pub(super) struct Lookup {
    answer: mpsc::Receiver<io::Result<Vec<SocketAddr>>>,
    /// Rings when the answer is there.
    pub(super) bell: pipe::Receiver,
}

impl Lookup {
    pub(super) fn start(host: &str, port: u16) -> io::Result<Self> {
        let (mut ring, bell) = pipe::new()?;
        let (sender, answer) = mpsc::channel();
        let host = host.to_owned();
        std::thread::Builder::new().name("tickwire-lookup".into()).spawn(move || {
            let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
            // Nobody listens any more when the client was dropped.
            let _ = sender.send(found);
            let _ = ring.write(&[1]);
        })?;
        Ok(Self { answer, bell })
    }

    /// The addresses, at least one, or why there are none; `None` while it goes on.
    pub(super) fn poll(&mut self) -> Option<Result<Vec<SocketAddr>, String>> {
        // The bell only wakes; emptying it makes the next ring an event of its own.
        let _ = self.bell.read(&mut [0; 8]);
        match self.answer.try_recv() {
            Err(mpsc::TryRecvError::Empty) => None,
            Ok(Ok(addresses)) if !addresses.is_empty() => Some(Ok(addresses)),
            Ok(Ok(_)) => Some(Err("the name has no address".to_owned())),
            Ok(Err(error)) => Some(Err(error.to_string())),
            Err(mpsc::TryRecvError::Disconnected) => Some(Err("the look-up thread ended".to_owned())),
        }
    }

    /// One whose answer never comes, and what keeps it so.
    #[cfg(test)]
    pub(super) fn endless() -> (Self, impl Sized) {
        let (sender, answer) = mpsc::channel();
        let (ring, bell) = pipe::new().unwrap();
        (Self { answer, bell }, (sender, ring))
    }
}
