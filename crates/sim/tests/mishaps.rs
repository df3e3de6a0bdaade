//! Each thing that can go wrong in a world, as a client sees it.

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part of the client")]
mod wires;

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use serde_json::Value;
use tickwire_sim::{Event, Failure, Hazard, Hazards, TlsAlert, Venue, WorldOptions};
use tungstenite::error::ProtocolError;
use tungstenite::{Error, Message};
use wires::{
    ALL, Diff, HOST, Naive, Net, Socket, Stream, depth_url, diff_stream, follow, net, options, seconds,
    symbols, troubled, venue,
};

const SPOT: Venue = Venue::BinanceSpot;
/// For what is counted of 1,000.
const ALWAYS: u32 = 1_000;

/// Once in about so many seconds.
fn every(seconds: u32) -> u32 {
    24 * 3_600 / seconds
}

/// A world in which one kind of thing goes wrong that often.
fn world(which: Venue, hazard: Hazard, rate: u32) -> Net {
    troubled(11, which, Hazards::only(hazard, rate))
}

fn kind(error: Error) -> ErrorKind {
    match error {
        Error::Io(error) => error.kind(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_connect_can_be_refused_or_not_answered_or_end_in_an_alert() {
    for (hazard, expected) in [
        (Hazard::ConnectRefused, Failure::Refused),
        (Hazard::ConnectUnanswered, Failure::TimedOut),
        (Hazard::TlsRefused, Failure::Tls(TlsAlert(0))),
    ] {
        let net = world(SPOT, hazard, ALWAYS);
        let begun = net.now();
        let failure = net.dial(HOST).err().expect("it fails");
        match (failure, expected) {
            (Failure::Tls(TlsAlert(alert)), Failure::Tls(_)) => assert!([40, 42, 48].contains(&alert)),
            _ => assert_eq!(failure, expected),
        }
        assert_eq!((net.now() - begun).as_secs() >= 60, failure == Failure::TimedOut);
        assert_eq!(net.fault(hazard.name()), 1);
    }
}

#[test]
fn a_handshake_can_be_cut_at_any_byte_of_request_and_answer() {
    let mut lens = BTreeSet::new();
    for seed in 0..40 {
        let net = troubled(seed, SPOT, Hazards::only(Hazard::HandshakeCut, ALWAYS));
        let mut stream = net.dial(HOST).expect("a connection");
        let request = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("room");
        let (received, end) = read_to_end(&net, &mut stream);
        assert_eq!(end, Some(ErrorKind::ConnectionReset), "seed {seed}");
        lens.insert(received.len());
        assert_eq!(net.fault("handshake cut"), 1);
    }
    assert!(lens.contains(&0), "some are cut before anything came: {lens:?}");
    assert!(lens.len() > 10 && lens.iter().all(|len| *len < 129), "{lens:?}");
}

/// What comes in ten minutes until the end, and how it ends.
fn read_to_end(net: &Net, stream: &mut Stream) -> (Vec<u8>, Option<ErrorKind>) {
    let (mut received, mut buffer) = (Vec::new(), [0; 1_000]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return (received, None),
            Ok(len) => received.extend(&buffer[..len]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                net.next_event(seconds(600)).expect("an end");
            }
            Err(error) => return (received, Some(error.kind())),
        }
    }
}

#[test]
fn a_small_window_takes_little_and_makes_long_answers_slow() {
    let ask = r#"{"id":1,"method":"depth","params":{"symbol":"BTCUSDT","limit":1000}}"#;
    let mut took = [ALWAYS, 0].map(|rate| {
        let net = world(SPOT, Hazard::SmallWindow, rate);
        let mut stream = net.dial(HOST).expect("a connection");
        let taken = stream.write(&[b'x'; 5_000]).expect("some room");
        assert_eq!(taken < 5_000, rate > 0);
        if rate > 0 {
            assert_eq!(stream.write(b"x").map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
            assert_eq!(net.next_event(seconds(1)), Some(Event::Writable(stream.wire)));
        }
        let mut socket = net.open("/ws-api/v3").expect("a connection");
        let begun = net.now();
        // Eight long answers at once.
        (0..8).for_each(|_| socket.write(ask.into()).expect("written"));
        // What finds no room is sent as the answers are read.
        let _ = socket.flush();
        for _ in 0..8 {
            let levels = net.next_json(&mut socket)["result"]["bids"].as_array().map_or(0, Vec::len);
            assert!(levels >= 15, "{levels}");
        }
        net.now() - begun
    });
    took.reverse();
    assert!(took[1] > took[0] * 3, "{took:?}");
}

#[test]
fn chopped_bytes_come_in_small_pieces_that_make_the_same_messages() {
    let pieces = [ALWAYS, 0].map(|rate| {
        let net = world(SPOT, Hazard::Chopped, rate);
        let mut socket = follow(&net, SPOT).expect("a connection");
        let texts = net.texts_until(&mut socket, net.now() + seconds(60)).0;
        assert!(texts.iter().all(|(_, text)| Diff::parse(SPOT, text).is_some()));
        let mut readable = 0;
        for _ in 0..200 {
            let event = net.next_event(seconds(10)).expect("data goes on");
            readable += usize::from(event == Event::Readable(socket.get_ref().wire));
            while socket.read().is_ok() {}
        }
        (readable, texts.len())
    });
    assert_eq!(pieces[0].0, 200);
    let first = |rate| {
        let net = world(SPOT, Hazard::Chopped, rate);
        let mut stream = net.dial(HOST).expect("a connection");
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("room");
        net.next_event(seconds(10)).expect("an answer");
        stream.read(&mut [0; 1_000]).expect("bytes")
    };
    assert!(first(ALWAYS) <= 4 && first(0) > 100);
}

/// How late each text of data arrived, by the venue's clock in it.
fn delays(net: &Net, start: Instant, texts: &[(Instant, String)]) -> Vec<Duration> {
    let begun = Duration::from_nanos(net.0.borrow().unix_ns()) - (net.now() - start);
    let delay = |(at, text): &(Instant, String)| {
        let value: Value = serde_json::from_str(text).ok()?;
        let sent = Duration::from_millis(value["E"].as_u64()?);
        Some((begun + (*at - start)).saturating_sub(sent))
    };
    texts.iter().filter_map(delay).collect()
}

/// The texts that came on one connection, and those that a witness saw from the first of them on.
fn beside_a_witness(net: &Net, which: Venue, time: u64) -> (Vec<(Instant, String)>, Vec<String>) {
    net.0.borrow_mut().observe(HOST, &[diff_stream(which)]);
    let mut socket = follow(net, which).expect("a connection");
    let (texts, error) = net.texts_until(&mut socket, net.now() + seconds(time));
    assert!(error.is_none(), "{error:?}");
    let is_data = |text: &str| Diff::parse(which, text).is_some_and(|diff| !diff.snapshot);
    let texts: Vec<_> = texts.into_iter().filter(|(_, text)| is_data(text)).collect();
    let seen = net.0.borrow_mut().witness(HOST);
    let from = seen.iter().position(|seen| seen.text == texts[0].1).expect("it was witnessed");
    (texts, seen.into_iter().skip(from).map(|seen| seen.text).collect())
}

#[test]
fn a_stall_delays_everything_and_loses_nothing() {
    let net = world(SPOT, Hazard::Stall, every(20));
    let start = net.now();
    let (texts, seen) = beside_a_witness(&net, SPOT, 300);
    let late = delays(&net, start, &texts).into_iter().max().expect("data");
    assert!((seconds(2)..seconds(16)).contains(&late), "{late:?}");
    assert!(texts.iter().map(|(_, text)| text).eq(&seen[..texts.len()]));
    assert!(net.fault("stall") > 3);
}

#[test]
fn a_lag_delays_the_data_of_one_connection_and_not_of_another() {
    let net = world(SPOT, Hazard::Lag, every(60));
    let start = net.now();
    let (texts, seen) = beside_a_witness(&net, SPOT, 300);
    let late = delays(&net, start, &texts).into_iter().max().expect("data");
    assert!((Duration::from_millis(500)..seconds(6)).contains(&late), "{late:?}");
    assert!(texts.iter().map(|(_, text)| text).eq(&seen[..texts.len()]));
    assert!(net.fault("lag") > 10);
}

#[test]
fn messages_can_be_lost_on_one_connection() {
    for which in ALL {
        let net = world(which, Hazard::MessagesLost, every(20));
        let (texts, seen) = beside_a_witness(&net, which, 300);
        let received: BTreeSet<_> = texts.iter().map(|(_, text)| text.as_str()).collect();
        let missing = seen.iter().filter(|text| !received.contains(text.as_str())).count();
        let lost = usize::try_from(net.fault("messages lost")).expect("a count");
        assert!(lost > 5 && (lost..lost + 5).contains(&missing), "{which:?}: {missing} of {lost} lost");
        let diffs: Vec<_> = texts.iter().filter_map(|(_, text)| Diff::parse(which, text)).collect();
        let gaps = diffs.windows(2).filter(|pair| pair[1].previous != Some(pair[0].last)).count();
        assert!(gaps > 3 && gaps <= lost, "{which:?}: {gaps} gaps");
    }
}

#[test]
fn messages_can_be_doubled_on_one_connection() {
    for which in ALL {
        let net = world(which, Hazard::MessagesDoubled, every(20));
        let (texts, seen) = beside_a_witness(&net, which, 300);
        let mut texts: Vec<_> = texts.into_iter().map(|(_, text)| text).collect();
        let all = texts.len();
        texts.dedup();
        let doubled = usize::try_from(net.fault("messages doubled")).expect("a count");
        assert!(doubled > 5 && (doubled - 1..=doubled).contains(&(all - texts.len())), "{which:?}");
        assert_eq!(texts[..], seen[..texts.len()], "{which:?}");
    }
}

#[test]
fn a_cut_is_a_reset_and_the_end_without_a_close_is_none() {
    for (hazard, name) in [(Hazard::Cut, "cut"), (Hazard::Finished, "finished")] {
        for which in ALL {
            let net = world(which, hazard, every(20));
            let mut inside = 0;
            for _ in 0..12 {
                let mut socket = follow(&net, which).expect("a connection");
                let error = net.texts_until(&mut socket, net.now() + seconds(600)).1.expect("an end");
                if hazard == Hazard::Cut {
                    assert_eq!(kind(error), ErrorKind::ConnectionReset);
                } else {
                    let expected = ProtocolError::ResetWithoutClosingHandshake;
                    assert!(matches!(error, Error::Protocol(found) if found == expected));
                }
                // The venue forgets it: a message cut in two was its last.
                inside += usize::from(socket.get_mut().read(&mut [0; 8]).is_err());
            }
            assert_eq!(net.fault(name), 12, "{which:?}");
            assert_eq!(inside == 12, hazard == Hazard::Cut, "an end stays what it was");
        }
    }
}

#[test]
fn an_alert_of_tls_is_an_error_of_its_own_and_needs_tls() {
    let net = world(SPOT, Hazard::TlsAlert, every(20));
    let mut socket = follow(&net, SPOT).expect("a connection");
    let Some(Error::Io(error)) = net.texts_until(&mut socket, net.now() + seconds(600)).1 else {
        panic!("no alert")
    };
    let alert = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsAlert>()).expect("an alert");
    assert!([10, 20, 80].contains(&alert.0), "{alert}");
    let hazards = Hazards::only(Hazard::TlsAlert, every(20));
    let net = net_without_tls(hazards);
    let mut socket = follow(&net, SPOT).expect("a connection");
    assert!(net.texts_until(&mut socket, net.now() + seconds(600)).1.is_none());
}

fn net_without_tls(hazards: Hazards) -> Net {
    net(WorldOptions { hazards, ..options(11, venue(SPOT, 5)) })
}

#[test]
fn half_open_connections_swallow_bytes_and_tell_nobody() {
    let (mut deaf, mut unheard) = (0, 0);
    for seed in 0..30 {
        let net = troubled(seed, SPOT, Hazards::only(Hazard::HalfOpen, every(10)));
        let mut socket = follow(&net, SPOT).expect("a connection");
        let end = net.now() + seconds(300);
        let (texts, error) = net.texts_until(&mut socket, end);
        match error {
            // The venue missed the pongs, and could still say so.
            Some(Error::ConnectionClosed) => unheard += 1,
            Some(error) => panic!("seed {seed}: {error}"),
            None => {
                let last = texts.last().map_or_else(|| end - seconds(300), |(at, _)| *at);
                assert!(end - last > seconds(200), "seed {seed}");
                socket.send("{}".into()).expect("nobody objects");
                deaf += 1;
            }
        }
    }
    assert!(deaf > 10 && unheard > 3, "{deaf} {unheard}");
}

#[test]
fn what_a_half_open_connection_takes_is_bounded() {
    let net = troubled(1, SPOT, Hazards::only(Hazard::HalfOpen, every(1)));
    let mut full = 0;
    for _ in 0..12 {
        let mut stream = net.dial(HOST).expect("a connection");
        net.pass(seconds(5));
        let mut sent = 0;
        while let Ok(len) = stream.write(&[b'x'; 4_096]) {
            sent += len;
            net.next_event(seconds(1));
            if sent > 1_000_000 {
                break;
            }
        }
        full += usize::from(sent == 64 * 1_024);
    }
    assert!(full > 3, "{full}");
}

#[test]
fn streams_can_fall_silent_while_the_connection_lives() {
    let mut silent = 0;
    for seed in 0..12 {
        let net = troubled(seed, SPOT, Hazards::only(Hazard::Mute, every(20)));
        net.0.borrow_mut().observe(HOST, &[diff_stream(SPOT)]);
        let mut socket = follow(&net, SPOT).expect("a connection");
        net.texts_until(&mut socket, net.now() + seconds(60));
        net.0.borrow_mut().witness(HOST);
        let list = r#"{"method":"LIST_SUBSCRIPTIONS","id":9}"#;
        socket.send(list.into()).expect("sent");
        let texts = net.texts_until(&mut socket, net.now() + seconds(10)).0;
        assert!(!net.0.borrow_mut().witness(HOST).is_empty());
        assert!(texts.iter().any(|(_, text)| text.contains(r#""id":9"#)), "requests are answered");
        let is_silent = texts.len() == 1;
        assert!(!is_silent || net.fault("mute streams") > 0);
        silent += usize::from(is_silent);
    }
    assert!((1..12).contains(&silent), "a third of the streams in the mean: {silent}");
}

/// Reads on to the close: texts before it, and its reason.
fn closed(net: &Net, socket: &mut Socket) -> (Vec<String>, String) {
    let (mut texts, end) = (Vec::new(), net.now() + seconds(3_600));
    loop {
        match net.read(socket, end).expect("an end").expect("a close") {
            Message::Text(text) => texts.push(text.to_string()),
            Message::Close(frame) => return (texts, frame.expect("a code").reason.to_string()),
            _ => {}
        }
    }
}

#[test]
fn a_shutdown_is_told_where_the_venue_does_so() {
    for (which, told) in [(SPOT, "serverShutdown"), (Venue::Deribit, "maintenance")] {
        let net = world(which, Hazard::Shutdown, every(60));
        let mut socket = follow(&net, which).expect("a connection");
        if which == Venue::Deribit {
            let request = r#"{"id":2,"method":"public/subscribe","params":{"channels":["platform_state"]}}"#;
            socket.send(request.into()).expect("sent");
        }
        let (texts, reason) = closed(&net, &mut socket);
        assert_eq!(reason, "Server shutdown");
        assert_eq!(texts.iter().filter(|text| text.contains(told)).count(), 1, "{which:?}");
        assert_eq!(net.fault("shutdown"), 1);
    }
}

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

#[test]
fn what_goes_wrong_can_be_ordered() {
    let net = net(options(1, venue(SPOT, 5)));
    let [mut first, mut second] = [(); 2].map(|()| follow(&net, SPOT).expect("a connection"));
    net.pass(seconds(10));
    for _ in 0..3 {
        net.0.borrow_mut().strike(first.get_ref().wire, Hazard::MessagesLost);
    }
    net.0.borrow_mut().strike_host(HOST, Hazard::SnapshotsRefused);
    assert_ne!(net.fetch(&depth_url(SPOT)).expect("an answer").status, 200);
    let end = net.now() + seconds(20);
    let [some, all] = [&mut first, &mut second].map(|socket| net.texts_until(socket, end).0.len());
    let lost = usize::try_from(net.fault("messages lost")).expect("a count");
    assert!((1..=3).contains(&lost) && some < all, "{some} {all} {lost}");
    net.0.borrow_mut().strike(first.get_ref().wire, Hazard::HalfOpen);
    net.0.borrow_mut().strike(second.get_ref().wire, Hazard::Cut);
    let error = net.texts_until(&mut second, net.now() + seconds(20)).1.expect("an end");
    assert_eq!(kind(error), ErrorKind::ConnectionReset);
    assert_eq!((net.fault("half-open"), net.fault("cut")), (1, 1));
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
