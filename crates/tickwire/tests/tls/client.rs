//! A whole client over TLS, in memory.

use crate::pair::{HOST, LAYERS, Pair, Pipe, SUITES, Settings, settings};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tickwire::{Client, Timeouts, Tls, TlsRecords};

/// A client that is not connected yet, and the pair without it.
fn client(settings: &Settings, records: TlsRecords, timeouts: Timeouts) -> (Client<Tls<Pipe>>, Pair) {
    let mut pair = Pair::with(settings, usize::MAX, 0, records);
    let unused = Tls::new(Pipe(Rc::new(RefCell::default())), Arc::clone(&settings.client), HOST).unwrap();
    let tls = std::mem::replace(&mut pair.client, unused);
    let client = Client::builder().timeouts(timeouts).upgraded_through(tls, b"").unwrap();
    (client, pair)
}

/// Lets both sides talk until the server has nothing more to say.
fn talk(client: &mut Client<Tls<Pipe>>, pair: &mut Pair) {
    loop {
        assert!(client.next_message().unwrap().is_none());
        if !pair.server_moves() {
            return;
        }
    }
}

#[test]
fn more_than_waits_for_the_handshake_is_written_at_its_end_without_another_event() {
    for suite in [0, 3] {
        let mut settings = settings(&SUITES[suite..=suite]);
        // Tickets would be an event.
        Arc::get_mut(&mut settings.server).unwrap().send_tls13_tickets = 0;
        for records in LAYERS {
            let (mut client, mut pair) = client(&settings, records, Timeouts::default());
            client.send_binary(&[7; 300_000]).unwrap();
            talk(&mut client, &mut pair);
            assert_eq!(pair.arrived.len(), 14 + 300_000, "{records:?}");
        }
    }
}

#[test]
fn a_close_that_the_session_still_holds_has_not_been_said() {
    for records in LAYERS {
        let settings = settings(&SUITES[..1]);
        let timeouts = Timeouts { close: Duration::from_millis(1), ..Timeouts::default() };
        let (mut client, mut pair) = client(&settings, records, timeouts);
        talk(&mut client, &mut pair);
        pair.wire.borrow_mut().full = true;
        pair.server_sends(b"\x88\x02\x03\xe8");
        while !client.is_closed() {
            assert!(client.next_message().unwrap().is_none());
        }
        assert!(client.received_close().is_some() && !client.is_clean(), "{records:?}");
    }
}
