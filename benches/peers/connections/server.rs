//! The server's process: it accepts and sends what it is told to.

use crate::Outcome;
use crate::certificates::Identity;
use crate::workload::{self, TICKER};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use tickwire::rustls::{ServerConnection, StreamOwned};
use tungstenite::{Message, Utf8Bytes, WebSocket};

/// What the client asks for, in order.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// So many more connections.
    Accept(u32),
    /// A message on every `stride`th connection from `first` on.
    Send { first: u32, stride: u32 },
}

impl Order {
    pub(crate) fn encode(self) -> [u8; 8] {
        let (first, second) = match self {
            Self::Accept(count) => (count, 0),
            Self::Send { first, stride } => (first, stride),
        };
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&first.to_be_bytes());
        bytes[4..].copy_from_slice(&second.to_be_bytes());
        bytes
    }

    fn decode(bytes: [u8; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = bytes;
        let (first, second) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
        match second {
            0 => Self::Accept(first),
            stride => Self::Send { first, stride },
        }
    }
}

/// A certificate as text.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn run() -> Outcome<()> {
    let identity = Identity::new()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{} {}", listener.local_addr()?.port(), hex(&identity.certificate));
    let (mut orders, _) = listener.accept()?;
    orders.set_nodelay(true)?;
    let text = Utf8Bytes::try_from(workload::payload(TICKER.len))?;
    let mut sockets: Vec<WebSocket<StreamOwned<ServerConnection, TcpStream>>> = Vec::new();
    let mut order = [0; 8];
    loop {
        match orders.read_exact(&mut order) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        match Order::decode(order) {
            Order::Accept(count) => {
                for _ in 0..count {
                    let (stream, _) = listener.accept()?;
                    stream.set_nodelay(true)?;
                    let session = ServerConnection::new(Arc::clone(&identity.server))?;
                    let accepted = tungstenite::accept(StreamOwned::new(session, stream));
                    sockets.push(accepted.map_err(|error| error.to_string())?);
                }
            }
            Order::Send { first, stride } => {
                for socket in sockets.iter_mut().skip(first as usize).step_by(stride as usize) {
                    socket.send(Message::Text(text.clone()))?;
                }
                orders.write_all(&[1])?;
            }
        }
    }
}
