//! What can go wrong with a whole host of a world, as a client sees it, and that all of it ends.

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part of the client")]
mod wires;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tickwire_sim::{Failure, Hazard, Hazards, Venue};
use tungstenite::error::ProtocolError;
use tungstenite::{Error, Message};
use wires::{
    ALL, ALWAYS, Diff, HOST, Naive, Net, depth_url, every, follow, seconds, symbols, troubled, world,
};

const SPOT: Venue = Venue::BinanceSpot;

#[test]
fn look_ups_fail_for_a_time() {
    let net = world(SPOT, Hazard::LookUpFails, every(60));
    let outcomes: Vec<_> = (0..200)
        .map(|_| {
            net.pass(seconds(3));
            net.dial(HOST).err()
        })
        .collect();
    let failed = outcomes.iter().filter(|outcome| **outcome == Some(Failure::Resolve)).count() as u64;
    assert_eq!(net.fault("look-up fails"), failed);
    let runs = outcomes.chunk_by(|a, b| a == b).count();
    assert!(failed > 20 && failed < 180 && runs > 4 && runs < 100, "{failed} in {runs} runs");
}

#[test]
fn a_host_that_moves_leaves_its_connections_behind() {
    let net = world(SPOT, Hazard::AddressChange, every(300));
    let mut socket = follow(&net, SPOT).expect("a connection");
    let end = net.now() + seconds(1_200);
    let (texts, error) = net.texts_until(&mut socket, end);
    assert!(error.is_none() && net.fault("address change") > 0);
    assert!(end - texts.last().expect("data").0 > seconds(60), "it fell silent");
    let outcomes: BTreeSet<_> = (0..200)
        .map(|_| {
            net.pass(seconds(7));
            format!("{:?}", net.dial(HOST).err())
        })
        .collect();
    let expected = ["None", "Some(TimedOut)"].map(str::to_owned);
    assert!(outcomes.iter().eq(&expected), "{outcomes:?}");
}

#[test]
fn handshakes_are_refused_for_a_time_with_a_status() {
    let net = world(SPOT, Hazard::HandshakesRefused, every(100));
    let mut statuses = BTreeSet::new();
    let mut opened = 0;
    for _ in 0..500 {
        net.pass(seconds(9));
        match net.open("/ws") {
            Ok(_) => opened += 1,
            Err(Error::Http(response)) => {
                let status = response.status().as_u16();
                let wait = response.headers().get("Retry-After").map(|wait| wait.to_str().expect("text"));
                assert_eq!(wait.is_none(), status == 403);
                assert!(wait.is_none_or(|wait| (1..=121).contains(&wait.parse::<u64>().expect("seconds"))));
                statuses.insert(status);
            }
            Err(other) => panic!("{other}"),
        }
        assert_eq!(net.fetch(&depth_url(SPOT)).expect("an answer").status, 200, "documents are served");
    }
    assert!(statuses.into_iter().eq([403, 418, 429, 503]) && opened > 50);
}

#[test]
fn snapshots_are_refused_for_a_time_and_say_for_how_long() {
    for which in [SPOT, Venue::BinanceUsdM] {
        let net = world(which, Hazard::SnapshotsRefused, every(100));
        let mut statuses = BTreeSet::new();
        for _ in 0..300 {
            net.pass(seconds(9));
            let document = net.fetch(&depth_url(which)).expect("an answer");
            statuses.insert(document.status);
            let wait = document.headers.iter().find(|(name, _)| name == "Retry-After");
            assert_eq!(wait.is_some(), document.status != 200, "{document:?}");
            if let Some((_, wait)) = wait {
                assert!((1..=61).contains(&wait.parse::<u64>().expect("seconds")), "{wait}");
                assert!(document.body.contains("-1003"));
            }
        }
        assert!(statuses.into_iter().eq([200, 418, 429]), "{which:?}");
        assert!(net.fault("snapshots refused") > 10);
    }
}

#[test]
fn snapshots_are_old_for_a_time() {
    let net = world(SPOT, Hazard::SnapshotsStale, every(100));
    let mut ids = Vec::new();
    for _ in 0..300 {
        net.pass(seconds(2));
        let document = net.fetch(&depth_url(SPOT)).expect("an answer");
        let value: Value = serde_json::from_str(&document.body).expect("JSON");
        ids.push(value["lastUpdateId"].as_u64().expect("an id"));
    }
    let same = ids.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
    assert!(same > 10 && ids.is_sorted(), "{same}");
    assert!(net.fault("snapshots stale") >= same);
    let books = net.0.borrow();
    assert!(ids.iter().all(|id| books.book_at(HOST, symbols(SPOT)[0], *id).is_some()));
}

#[test]
fn maintenance_ends_all_connections_and_lets_nobody_in() {
    for which in ALL {
        let (mut closed, mut cut, mut told, mut refused) = (0, 0, 0, 0);
        for seed in 0..16 {
            let net = troubled(seed, which, Hazards::only(Hazard::Maintenance, every(600)));
            let mut sockets = [(); 2].map(|()| follow(&net, which).expect("a connection"));
            while net.fault("maintenance") == 0 {
                net.pass(seconds(1));
                sockets.iter_mut().for_each(|socket| while socket.read().is_ok() {});
            }
            if which == Venue::Deribit {
                let _ = sockets[0].send(r#"{"id":5,"method":"public/get_time"}"#.into());
            }
            for socket in &mut sockets {
                let end = net.now() + seconds(40);
                let error = loop {
                    match net.read(socket, end).expect("an end") {
                        Ok(Message::Text(text)) => told += usize::from(text.contains("11051")),
                        Ok(_) => {}
                        Err(error) => break error,
                    }
                };
                match error {
                    Error::ConnectionClosed => closed += 1,
                    Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => cut += 1,
                    other => panic!("{which:?}, seed {seed}: {other}"),
                }
            }
            match net.open(wires::diffs(which).0).map(drop) {
                Err(Error::Http(response)) => assert_eq!(response.status(), 503),
                Err(error) if error.to_string().contains("Refused") => refused += 1,
                other => panic!("{which:?}, seed {seed}: {other:?}"),
            }
        }
        assert!((1..12).contains(&refused), "{which:?}: {refused}");
        assert!(closed > 6 && cut > 6 && closed + cut == 32, "{which:?}: {closed} {cut}");
        assert_eq!(told > 0, which == Venue::Deribit);
    }
}

#[test]
fn documents_can_be_lost() {
    let net = world(SPOT, Hazard::DocumentLost, ALWAYS);
    assert_eq!(net.fetch(&depth_url(SPOT)), None);
    assert_eq!(net.fault("document lost"), 1);
}

#[test]
fn a_hosts_clock_can_be_wrong() {
    let mut skews = BTreeSet::new();
    for seed in 0..20 {
        let net = troubled(seed, SPOT, Hazards::only(Hazard::ClockSkew, ALWAYS));
        let mut socket = net.open("/ws-api/v3").expect("a connection");
        socket.send(r#"{"id":1,"method":"time"}"#.into()).expect("sent");
        let told = net.next_json(&mut socket)["result"]["serverTime"].as_u64().expect("a time");
        let real = net.0.borrow().unix_ns() / 1_000_000;
        skews.insert(i64::try_from(told).expect("a time") - i64::try_from(real).expect("a time"));
    }
    assert!(skews.first().is_some_and(|skew| (-2_200..-800).contains(skew)), "{skews:?}");
    assert!(skews.last().is_some_and(|skew| (800..2_000).contains(skew)), "{skews:?}");
}

/// Everything at once, much more often than usual.
fn rough() -> Hazards {
    let mut hazards = Hazards::usual();
    for hazard in Hazard::ALL {
        hazards.set(hazard, hazards.rate(hazard) * 30);
    }
    for dialing in
        [Hazard::ConnectRefused, Hazard::ConnectUnanswered, Hazard::TlsRefused, Hazard::HandshakeCut]
    {
        hazards.set(dialing, 200);
    }
    hazards
}

/// Opens and reads whatever comes, for so long.
fn struggle(net: &Net, which: Venue, time: Duration) {
    let end = net.now() + time;
    while net.now() < end {
        if let Ok(mut socket) = follow(net, which) {
            net.texts_until(&mut socket, end.min(net.now() + seconds(90)));
        }
        net.fetch(&depth_url(which));
        net.pass(seconds(1));
    }
}

#[test]
fn after_a_calm_nothing_goes_wrong() {
    for which in ALL {
        for seed in 0..6 {
            let net = troubled(seed, which, rough());
            struggle(&net, which, seconds(900));
            net.0.borrow_mut().calm();
            // A dial that is not answered is given up after a minute, and an end that was told of comes within one.
            net.pass(seconds(61));
            let faults: Vec<_> = net.0.borrow().faults().collect();
            assert!(faults.iter().filter(|(_, count)| *count > 0).count() > 10, "{faults:?}");
            let mut socket = follow(&net, which).expect("a connection");
            let (mut book, mut compared) = (Naive::default(), 0);
            let (texts, error) = net.texts_until(&mut socket, net.now() + seconds(300));
            assert!(error.is_none(), "{which:?}, seed {seed}: {error:?}");
            for (_, text) in texts {
                let Some(diff) = Diff::parse(which, &text) else { continue };
                if book.id.is_none() {
                    // Binance's books begin with the venue's own here, in place of a request.
                    let own =
                        diff.previous.and_then(|id| net.0.borrow().book_at(HOST, symbols(which)[0], id));
                    book = own.map_or_else(Naive::default, |own| Naive::at(diff.previous, &own));
                }
                assert!(book.apply(&diff), "{which:?}, seed {seed}: a gap");
                let own = net.0.borrow().book_at(HOST, symbols(which)[0], diff.last);
                assert_eq!(own, Some(book.levels()), "{which:?}, seed {seed}");
                compared += 1;
            }
            assert!(compared > 500, "{which:?}, seed {seed}: {compared}");
            assert_eq!(net.0.borrow().faults().collect::<Vec<_>>(), faults, "{which:?}, seed {seed}");
        }
    }
}
