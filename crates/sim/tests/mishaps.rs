//! What can go wrong with a connection of a world, as a client sees it.

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
    ALL, ALWAYS, Diff, HOST, Net, Socket, Stream, depth_url, diff_stream, every, follow, net, options,
    seconds, troubled, venue, world,
};

const SPOT: Venue = Venue::BinanceSpot;

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
    let (mut late, mut timely) = (Duration::ZERO, Duration::ZERO);
    for seed in 0..8 {
        let net = net(options(seed, venue(SPOT, 5)));
        let start = net.now();
        let [mut first, mut second] = [(); 2].map(|()| follow(&net, SPOT).expect("a connection"));
        net.0.borrow_mut().strike(first.get_ref().wire, Hazard::Lag);
        let (mut texts, mut others) = (Vec::new(), Vec::new());
        let end = net.now() + seconds(100);
        while net.now() < end {
            // Both are read at once, so that the time of reading is that of arrival.
            net.next_event(end - net.now());
            for (socket, texts) in [(&mut first, &mut texts), (&mut second, &mut others)] {
                while let Ok(message) = socket.read() {
                    let text = message.into_text().expect("text").to_string();
                    texts
                        .extend((!text.bytes().all(|byte| byte.is_ascii_digit())).then(|| (net.now(), text)));
                }
            }
        }
        late = late.max(delays(&net, start, &texts).into_iter().max().expect("data"));
        timely = timely.max(delays(&net, start, &others).into_iter().max().expect("data"));
        let diffs: Vec<_> = texts.iter().filter_map(|(_, text)| Diff::parse(SPOT, text)).collect();
        assert!(diffs.windows(2).all(|pair| pair[1].previous == Some(pair[0].last)), "nothing is lost");
        assert!(net.fault("lag") > 0, "seed {seed}");
    }
    assert!((seconds(1)..seconds(6)).contains(&late), "{late:?}");
    assert!(timely < Duration::from_millis(100), "{timely:?}");
}

#[test]
fn a_calm_opens_small_windows() {
    let net = world(SPOT, Hazard::SmallWindow, ALWAYS);
    let mut stream = net.dial(HOST).expect("a connection");
    assert!(stream.write(&[b'x'; 5_000]).expect("some room") < 5_000);
    net.0.borrow_mut().calm();
    assert_eq!(stream.write(&[b'x'; 5_000]).expect("room"), 5_000);
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
