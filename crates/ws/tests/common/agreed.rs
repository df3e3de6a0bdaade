//! Two connections after their opening handshake with each other: what is agreed on there cannot be had otherwise.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "shared by tests")]

use std::time::Instant;
use tickwire_ws::{Config, Connection, Event, Request};

/// A client and a server of these configurations.
pub fn pair(client: &Config, server: &Config, now: Instant) -> (Connection, Connection) {
    let request = Request::new("localhost", "/").unwrap();
    let mut client = Connection::client(request, client.clone(), [42; 32], now);
    let mut server = Connection::server(server.clone(), now);
    pass(&mut client, &mut server, now);
    assert_eq!(server.poll(), Ok(Some(Event::Request)));
    server.accept(None).unwrap();
    pass(&mut server, &mut client, now);
    assert_eq!(client.poll(), Ok(Some(Event::Open)));
    (client, server)
}

fn pass(from: &mut Connection, to: &mut Connection, now: Instant) {
    let count = to.feed(from.transmit(), now);
    from.transmitted(count);
    assert!(from.transmit().is_empty());
}
