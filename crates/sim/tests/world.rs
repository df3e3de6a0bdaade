//! A simulated world in which all is well: the venues are themselves, and time is the caller's.

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part of the client")]
mod wires;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use tickwire_sim::{Failure, Hazards, Options, Venue, WorldOptions};
use tungstenite::Message;
use wires::{
    ALL, Diff, HOST, Naive, Net, depth_url, diff_stream, follow, net, options, seconds, symbols, venue,
};

/// Follows a book for ten minutes; how many diffs were compared with the venue's own.
fn follow_book(net: &Net, which: Venue) -> usize {
    let mut socket = follow(net, which).expect("a connection");
    let (mut book, mut compared) = (Naive::default(), 0);
    let end = net.now() + seconds(600);
    while let Some(read) = net.read(&mut socket, end) {
        let Message::Text(text) = read.expect("it stays open") else { continue };
        let Some(diff) = Diff::parse(which, &text) else { continue };
        if book.id.is_none() && which != Venue::Deribit {
            let document = net.fetch(&depth_url(which)).expect("an answer");
            assert_eq!(document.status, 200);
            book = Naive::of(&serde_json::from_str(&document.body).expect("JSON"));
        }
        assert!(book.apply(&diff), "{which:?}: a gap before {}", diff.last);
        if !diff.snapshot {
            assert_eq!(diff.time_ms % 100, 0, "diffs end with the tenths of a second");
        }
        if book.id == Some(diff.last) {
            let own = net.0.borrow().book_at(HOST, symbols(which)[0], diff.last);
            assert_eq!(own, Some(book.levels()), "{which:?} at {}", diff.last);
            compared += 1;
        }
    }
    assert_eq!(net.violations(), [""; 0]);
    compared
}

#[test]
fn a_naive_book_is_the_venues_own_for_ten_minutes() {
    for which in ALL {
        for tls in [false, true] {
            let net = net(options(3, Options { tls, ..venue(which, 5) }));
            let compared = follow_book(&net, which);
            assert!((1_500..3_000).contains(&compared), "{which:?}: {compared}");
        }
    }
}

/// Everything that a client sees in two minutes, and when, as one number.
fn log_of(seed: u64, which: Venue, hazards: Hazards) -> u64 {
    let options = options(seed, Options { tls: true, ..venue(which, 5) });
    let start = options.start;
    let net = net(WorldOptions { hazards, ..options });
    let mut log = DefaultHasher::new();
    let end = start + seconds(120);
    while net.now() < end {
        let Ok(mut socket) = follow(&net, which) else {
            net.now().duration_since(start).hash(&mut log);
            continue;
        };
        while let Some(read) = net.read(&mut socket, end) {
            net.now().duration_since(start).hash(&mut log);
            match read {
                Ok(message) => message.into_data().hash(&mut log),
                Err(error) => {
                    error.to_string().hash(&mut log);
                    break;
                }
            }
        }
        format!("{:?}", net.fetch(&depth_url(which))).hash(&mut log);
    }
    net.0.borrow().faults().collect::<Vec<_>>().hash(&mut log);
    log.finish()
}

#[test]
fn the_same_seed_gives_the_same_world_and_another_seed_another() {
    for which in ALL {
        for hazards in [Hazards::NONE, often()] {
            let logs = [1, 1, 2].map(|seed| log_of(seed, which, hazards));
            assert_eq!(logs[0], logs[1], "{which:?}");
            assert_ne!(logs[0], logs[2], "{which:?}");
        }
    }
}

/// Everything that can go wrong, a hundred times as often as usual.
fn often() -> Hazards {
    let mut hazards = Hazards::usual();
    for hazard in tickwire_sim::Hazard::ALL {
        let rate = hazards.rate(hazard);
        hazards.set(hazard, if rate > 100 { rate } else { rate * 100 });
    }
    hazards
}

#[test]
fn a_witness_sees_what_a_client_receives() {
    for which in ALL {
        let net = net(options(5, venue(which, 5)));
        let stream = diff_stream(which);
        net.0.borrow_mut().observe(HOST, &[stream]);
        let mut socket = follow(&net, which).expect("a connection");
        let mut received = Vec::new();
        let end = net.now() + seconds(60);
        while let Some(read) = net.read(&mut socket, end) {
            if let Message::Text(text) = read.expect("it stays open")
                && Diff::parse(which, &text).is_some_and(|diff| !diff.snapshot)
            {
                received.push(text.to_string());
            }
        }
        let seen = net.0.borrow_mut().witness(HOST);
        assert!(seen.iter().all(|seen| &*seen.stream == stream));
        assert!(seen.is_sorted_by_key(|seen| seen.at));
        let from = seen.iter().position(|seen| seen.text == received[0]).expect("it was witnessed");
        let texts: Vec<_> = seen[from..].iter().map(|seen| seen.text.clone()).collect();
        // The last of them may still be on their way.
        assert!(received.len() > 100 && texts.len() - received.len() < 5);
        assert_eq!(texts[..received.len()], received);
        assert_eq!(net.0.borrow_mut().witness(HOST), []);
    }
}

#[test]
fn a_name_that_nobody_has_cannot_be_looked_up() {
    let net = net(options(1, venue(Venue::BinanceSpot, 1)));
    assert_eq!(net.dial("elsewhere.test").err(), Some(Failure::Resolve));
    assert_eq!(net.fetch("https://elsewhere.test/api/v3/depth?symbol=BTCUSDT"), None);
}

#[test]
fn pings_come_and_who_does_not_answer_is_closed() {
    let net = net(options(1, venue(Venue::BinanceSpot, 1)));
    let begun = net.now();
    let mut socket = net.open("/ws").expect("a connection");
    let mut pings = 0;
    let close = loop {
        match net.read(&mut socket, begun + seconds(600)).expect("something").expect("a message") {
            Message::Ping(_) => {
                pings += 1;
                // A pong of one's own replaces the one that would echo.
                socket.send(Message::Pong("else".into())).expect("sent");
            }
            Message::Close(frame) => break frame.expect("a code"),
            other => panic!("{other}"),
        }
    };
    assert_eq!(close.reason, "Pong timeout");
    assert_eq!(pings, 3, "at 20, 40 and 60 seconds; at 80 the first has been waiting for a minute");
    assert_eq!((net.now() - begun).as_secs(), 80);
}

#[test]
fn a_day_ends_with_a_notice_and_a_close() {
    let net = net(options(1, venue(Venue::BinanceSpot, 1)));
    let begun = net.now();
    let mut socket = net.open("/ws").expect("a connection");
    let mut texts = Vec::new();
    let close = loop {
        match net.read(&mut socket, begun + seconds(100_000)).expect("something").expect("a message") {
            Message::Text(text) => texts.push(text.to_string()),
            Message::Close(frame) => break frame.expect("a code"),
            _ => socket.flush().expect("the pong is sent"),
        }
    };
    assert!(texts.len() == 1 && texts[0].starts_with(r#"{"e":"serverShutdown""#), "{texts:?}");
    assert_eq!(close.reason, "Server shutdown");
    assert_eq!((net.now() - begun).as_secs(), 24 * 3_600 + 1);
}
