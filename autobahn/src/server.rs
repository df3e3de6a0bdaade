//! Our server role as an echo server on blocking sockets, a thread for each connection.

use crate::clock::Deadline;
use crate::{Outcome, clock};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tickwire::Deflate;
use tickwire::rustls::{ServerConfig, ServerConnection, StreamOwned};
use tickwire::ws::{Config, Connection, Event};

/// A peer that reads nothing for this long is given up.
const WRITE_MAX: Duration = Duration::from_secs(120);
/// What a peer may still send after the end was said.
const LINGER_MAX: Duration = Duration::from_secs(3);

/// An echo server; it stops when dropped.
#[derive(Debug)]
pub(crate) struct EchoServer {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl EchoServer {
    /// Listens on a free port of the loopback interface.
    pub(crate) fn start(tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            for socket in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let tls = tls.clone();
                // How a connection ends is part of the case: the suite judges it.
                thread::spawn(move || socket.map_err(Into::into).and_then(|socket| serve(socket, tls)));
            }
        });
        Ok(Self { address, stop, thread: Some(thread) })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes it to see that it shall stop.
        if TcpStream::connect(self.address).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

/// A blocking stream over a socket.
trait Stream: Read + Write {
    fn socket(&self) -> &TcpStream;

    /// Tells the peer that nothing more will be written.
    fn say_end(&mut self) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }

    fn say_end(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Stream for StreamOwned<ServerConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }

    fn say_end(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()?;
        self.sock.shutdown(Shutdown::Write)
    }
}

fn serve(socket: TcpStream, tls: Option<Arc<ServerConfig>>) -> Outcome<()> {
    socket.set_nodelay(true)?;
    socket.set_write_timeout(Some(WRITE_MAX))?;
    match tls {
        Some(config) => talk(StreamOwned::new(ServerConnection::new(config)?, socket)),
        None => talk(socket),
    }
}

fn talk(mut stream: impl Stream) -> Outcome<()> {
    let config = Config { deflate: Some(Deflate::default()), ..Config::default() };
    let mut connection = Connection::server(config, clock::now());
    while !connection.is_ended() {
        read_once(&mut stream, &mut connection)?;
        let echoed = echo(&mut stream, &mut connection);
        write_queued(&mut stream, &mut connection)?;
        // What the peer did wrong has ended the connection and been told by a Close frame; anything else is ours.
        if !connection.is_ended() {
            echoed?;
        }
    }
    stream.say_end()?;
    linger(stream.socket())?;
    Ok(())
}

/// Reads what there is, until a timer of the connection's is due.
fn read_once(stream: &mut impl Stream, connection: &mut Connection) -> io::Result<()> {
    let left = connection.next_deadline().map(|deadline| {
        // No time at all would mean no limit.
        deadline.saturating_duration_since(clock::now()).max(Duration::from_millis(1))
    });
    stream.socket().set_read_timeout(left)?;
    match stream.read(connection.recv_buffer()) {
        Ok(0) => connection.received_end(),
        Ok(count) => connection.received(count, clock::now()),
        Err(error) => match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => connection.on_deadline(clock::now()),
            ErrorKind::Interrupted => {}
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset => connection.received_end(),
            _ => return Err(error),
        },
    }
    Ok(())
}

/// Answers all that has arrived.
fn echo(stream: &mut impl Stream, connection: &mut Connection) -> Outcome<()> {
    let mut copy = Vec::new();
    while let Some(event) = connection.poll()? {
        match event {
            Event::Request => connection.accept(None)?,
            Event::Message => {
                let payload = connection.payload().ok_or("a message without a payload")?;
                copy.clear();
                copy.extend_from_slice(payload.bytes);
                let kind = payload.kind;
                connection.send(kind, &copy)?;
            }
            _ => {}
        }
        write_queued(stream, connection)?;
    }
    Ok(())
}

fn write_queued(stream: &mut impl Stream, connection: &mut Connection) -> io::Result<()> {
    while let queued @ [_, ..] = connection.transmit() {
        let count = stream.write(queued)?;
        connection.transmitted(count);
    }
    stream.flush()
}

/// Reads to the end of the stream: a socket that is closed before takes back what the peer has not read yet.
fn linger(mut socket: &TcpStream) -> Outcome<()> {
    let deadline = Deadline::after(LINGER_MAX);
    let mut scratch = [0; 4096];
    loop {
        socket.set_read_timeout(Some(deadline.left("the peer does not end the connection")?))?;
        if socket.read(&mut scratch)? == 0 {
            return Ok(());
        }
    }
}
