//! Sockets, TLS, HTTP and WebSocket: everything between the network and a venue's session.

mod answers;
mod ca;
mod connection;
mod deflate;
mod framing;
mod head;
mod inflate;
mod open;
mod pings;
mod server;
mod transport;

pub use server::Server;
