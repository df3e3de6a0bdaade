//! Sockets, TLS, HTTP and WebSocket: everything between the network and a venue's session.

mod answers;
mod ca;
mod clients;
mod connection;
mod deflate;
mod framing;
mod head;
mod inflate;
mod open;
mod pings;
mod server;
mod site;
mod spoil;
mod transport;
mod trouble;
mod wire;

pub(crate) use clients::Clients;
pub use server::Server;
pub(crate) use site::Site;
pub(crate) use spoil::Spoiling;
pub use trouble::Trouble;
pub(crate) use wire::{Ending, Plug, pair};
