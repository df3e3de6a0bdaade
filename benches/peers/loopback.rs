//! Sockets of this machine's loopback, and the thread that fills them.

use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

/// Room for what is queued: the kernel counts its own overhead, too.
const BUFFER: usize = 4 << 20;

/// A connection with large buffers: the client's end, nonblocking, and the server's, blocking.
pub(crate) fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // The window that the handshake can announce depends on it.
    client.set_recv_buffer_size(BUFFER)?;
    client.connect(&listener.local_addr()?.into())?;
    let client = TcpStream::from(client);
    let (server, _) = listener.accept()?;
    Socket::from(server.try_clone()?).set_send_buffer_size(BUFFER)?;
    for end in [&client, &server] {
        end.set_nodelay(true)?;
    }
    client.set_nonblocking(true)?;
    Ok((client, server))
}

/// What can be queued for a reader that does not read yet: a part of the buffer that the system really gives.
pub(crate) fn room() -> io::Result<usize> {
    let (client, _) = pair()?;
    Ok(Socket::from(client).recv_buffer_size()? / 4)
}

/// Writes one round's bytes into its socket.
pub(crate) type Job = Box<dyn FnMut() -> io::Result<()> + Send>;

/// A thread that writes on demand, so that the timed thread finds the bytes in its kernel as from a network.
pub(crate) struct Feeder {
    requests: Sender<usize>,
    done: Receiver<io::Result<()>>,
}

impl Feeder {
    pub(crate) fn start(mut jobs: Vec<Job>) -> Rc<Self> {
        let (requests, wanted) = mpsc::channel();
        let (finished, done) = mpsc::channel();
        thread::spawn(move || {
            for index in wanted {
                let index: usize = index;
                if finished.send(jobs[index]()).is_err() {
                    return;
                }
            }
        });
        Rc::new(Self { requests, done })
    }

    /// Returns when the bytes are the kernel's.
    pub(crate) fn fill(&self, index: usize) {
        self.requests.send(index).expect("the feeder is there");
        self.done.recv().expect("the feeder is there").expect("the socket takes a round");
    }
}

/// A nonblocking read's count; `None` when there is nothing yet. The end of the stream is an error here.
#[inline]
pub(crate) fn nothing_yet(read: io::Result<usize>) -> io::Result<Option<usize>> {
    match read {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Spins, but lets go of the core now and then: where both ends of a connection share one, the other has to run.
#[derive(Debug, Default)]
pub(crate) struct Spin(u32);

impl Spin {
    /// Far more polls than a reply takes when both ends have a core.
    const PATIENCE: u32 = 1 << 10;

    #[inline]
    pub(crate) fn once(&mut self) {
        self.0 += 1;
        if self.0 == Self::PATIENCE {
            self.0 = 0;
            thread::yield_now();
        }
    }
}
