//! The opening handshake, RFC 6455 4: HTTP/1.1 heads, what both sides share.

pub(crate) mod client;
mod head;
mod key;
pub(crate) mod server;
